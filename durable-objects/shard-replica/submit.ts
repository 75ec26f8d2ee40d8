// Commands of one call inside the member: they are answered together, or the call is refused as a whole (what was
// done of it is remembered by request id, so the same call again completes it).
import type { CommandResult } from '../../core/replication/commands.ts';
import { isNewer, type Viewstamp } from '../../core/replication/viewstamp.ts';
import { mayHaveRun } from '../../core/sharding/group-call.ts';
import type { MemberRefusal, SubmitAnswer, SubmitRequest } from '../interfaces/shard-replica.ts';
import type { Ask, RunningReplica } from '../run-effects.ts';
import { afterPart, refusalOf } from './refusal.ts';

export type Results = Omit<Extract<SubmitAnswer, { type: 'results' }>, 'header' | 'groupId' | 'view'>;

const NOTHING_SEEN: Viewstamp = { view: 0, op: 0 };

export async function submitAll(
  replica: Pick<RunningReplica, 'askAll'>,
  requests: SubmitRequest['requests'],
): Promise<Results | MemberRefusal> {
  const asks = await replica.askAll(
    requests.map(({ reqId, command }) => ({ type: 'command', reqId, command })),
  );
  const results: CommandResult[] = [];
  let bookmark = NOTHING_SEEN;
  let limitMs = 0;
  for (const ask of asks) {
    if (ask.type !== 'answered' || ask.answer.type !== 'result') {
      return afterPart(refusalOf(ask), asks.some(mayBeDone));
    }
    results.push(ask.answer.result);
    limitMs = Math.max(limitMs, ask.answer.limitMs);
    if (isNewer(ask.answer.bookmark, bookmark)) bookmark = ask.answer.bookmark;
  }
  return { type: 'results', results, bookmark, limitMs };
}

function mayBeDone(ask: Ask): boolean {
  const isDone = ask.type === 'answered' && ask.answer.type === 'result';
  return isDone || mayHaveRun(refusalOf(ask));
}
