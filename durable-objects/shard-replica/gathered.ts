// Operations of several requests that came in one call: unlike those of a batch they know nothing of one another, and
// each is answered or refused for itself.
import type { ClientRequest } from '../../core/replication/messages.ts';
import { promiseOf } from '../../core/replication/read-need.ts';
import type { GatheredOp, GatheredOutcome } from '../interfaces/shard-replica.ts';
import type { Ask, RunningReplica } from '../run-effects.ts';
import { describeKv } from './kv-read.ts';
import { refusalOf } from './refusal.ts';

/** Bytes of values in one answer; what is read beyond is to be asked for by itself. */
const VALUES_BYTES_MAX = 4 * 1024 * 1024;

/** One outcome for each, in order, when all are known. */
export function runGathered(
  replica: RunningReplica,
  readChunk: (hash: string) => Uint8Array | undefined,
  ops: readonly GatheredOp[],
): Promise<GatheredOutcome[]> {
  let bytesLeft = VALUES_BYTES_MAX;
  const outcomeOf = (op: GatheredOp, ask: Ask): GatheredOutcome => {
    if (op.type === 'command') {
      return ask.type === 'answered' && ask.answer.type === 'result' ? ask.answer : refusalOf(ask);
    }
    const found = describeKv(ask, readChunk, op.withBody);
    if (found.type === 'found' && found.body !== null) bytesLeft -= found.bodyBytes;
    return bytesLeft < 0 ? { type: 'too-much' } : found;
  };
  return new Promise((resolve, reject) => {
    const outcomes = new Array<GatheredOutcome>(ops.length);
    let open = ops.length;
    if (open === 0) resolve([]);
    replica.askEach(
      ops.map((op, i) => ({
        request: requestOf(op),
        // In the turn of the answer: a body may have to be read.
        callback: (ask) => {
          try {
            outcomes[i] = outcomeOf(op, ask);
          } catch (error) {
            reject(error);
          }
          open -= 1;
          if (open === 0) resolve(outcomes);
        },
      })),
    );
  });
}

function requestOf(op: GatheredOp): ClientRequest {
  if (op.type === 'command') return op;
  return { type: 'read', key: op.key, lease: 'none', ...promiseOf(op.need) };
}
