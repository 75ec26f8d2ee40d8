// A storage that was set back without a word looks like any other: its member would vote as if it had promised and
// verified less than it has. So every member remembers, in memory, how far each other one has shown that it had come; one
// that boots says where its disk is, and is told when it was further before. That is an alarm and no guarantee (memories
// are short, and nobody waits for the answers): an announced restore goes through the Directory.
import type { Message, MessageBody } from './messages.ts';
import type { ReplicaState } from './replica-state.ts';
import { type Step, send } from './step.ts';
import { isNewer, type Viewstamp } from './viewstamp.ts';

/** How far a member had come: the view that it had promised, and what it had verified of that view's log. */
export interface Seen extends Viewstamp {
  readonly incarnation: number;
}

/** From each message that vouches for something. O(1). */
export function noteSeen({ loss: { seen } }: ReplicaState, { from, incarnation, view, body }: Message): void {
  const op = vouchedFor(body);
  if (op === null) return;
  const known = seen.get(from);
  if (known !== undefined && known.incarnation > incarnation) return;
  if (known?.incarnation === incarnation && !isNewer({ view, op }, known)) return;
  seen.set(from, { incarnation, view, op });
}

/** The op that the sender holds in this view for good; null: the message vouches for nothing. */
function vouchedFor(body: MessageBody): number | null {
  switch (body.type) {
    case 'prepareOk':
      return body.op;
    case 'prepare':
      return body.prev.op + body.entries.length;
    case 'confirm':
    case 'confirmOk':
      return 0;
    case 'joinView':
      // The new primary may contradict the end of this log.
      return 0;
    default:
      return null;
  }
}

/** At boot. */
export function greet(step: Step): void {
  const { memberId, memberCount } = step.state.identity;
  for (let member = 0; member < memberCount; member++) {
    if (member !== memberId) send(step, member, { type: 'hello' });
  }
}

/** Answered by any member in any state; it wakes nobody. */
export function handleHello(step: Step, from: number): void {
  send(step, from, { type: 'helloOk', seen: step.state.loss.seen.get(from) ?? null });
}

/** Compared with what is on this disk by now, since the word may be old. */
export function handleHelloOk(
  { state, outputs }: Step,
  { seen }: Extract<MessageBody, { type: 'helloOk' }>,
): void {
  const { identity, view, log } = state;
  if (seen?.incarnation !== identity.incarnation) return;
  if (!isNewer(seen, { view, op: log.last.op })) return;
  const { groupId, shard, memberId } = identity;
  const detail = { shard, member: memberId, view, op: log.last.op, seenView: seen.view, seenOp: seen.op };
  outputs.push({ type: 'event', name: 'member-rolled-back', subject: groupId, detail });
  state.loss.isForsaken = true;
}
