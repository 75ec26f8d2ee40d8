// Reads and writes of one call inside the member, in waves (core/replication/batch-waves): answered together, or refused
// as a whole. What was done of a refused one is remembered by request id, so the same call again completes it.
import { wavesOf } from '../../core/replication/batch-waves.ts';
import { isNewer, type Viewstamp } from '../../core/replication/viewstamp.ts';
import type {
  BatchAnswer,
  BatchOp,
  BatchOutcome,
  BatchRequest,
  MemberRefusal,
} from '../interfaces/shard-replica.ts';
import type { RunningReplica } from '../run-effects.ts';
import { readKv } from './kv-read.ts';
import { afterPart } from './refusal.ts';
import { submitAll } from './submit.ts';

export type Outcomes = Omit<Extract<BatchAnswer, { type: 'outcomes' }>, 'header' | 'groupId' | 'view'>;

type ReadChunk = (hash: string) => Uint8Array | undefined;
type Write = Extract<BatchOp, { type: 'write' }>;
type Read = Extract<BatchOp, { type: 'read' }>;

/** Bytes of values in one answer; what is read beyond is to be asked for by itself. */
const VALUES_BYTES_MAX = 4 * 1024 * 1024;

export async function runBatch(
  replica: RunningReplica,
  readChunk: ReadChunk,
  { ops, need }: Pick<BatchRequest, 'ops' | 'need'>,
): Promise<Outcomes | MemberRefusal> {
  const waves = wavesOf(
    ops.map((op) =>
      op.type === 'read' ? { key: op.key, isWrite: false } : { key: op.command.key, isWrite: true },
    ),
  );
  const outcomes = new Map<BatchOp, BatchOutcome>();
  let bookmark: Viewstamp = { view: 0, op: 0 };
  let bytesLeft = VALUES_BYTES_MAX;
  let hasWritten = false;
  for (let wave = 0; wave <= Math.max(0, ...waves); wave++) {
    const now = ops.filter((_, i) => waves[i] === wave);
    const writes = now.filter((op): op is Write => op.type === 'write');
    const reads = now.filter((op): op is Read => op.type === 'read');
    const [written, read] = await Promise.all([
      writes.length === 0 ? null : submitAll(replica, writes),
      Promise.all(reads.map(({ key }) => readKv(replica, readChunk, { key, need, withBody: true }))),
    ]);
    if (written !== null) {
      if (written.type !== 'results') return afterPart(written, hasWritten || written.isPartlyDone === true);
      hasWritten = true;
      if (isNewer(written.bookmark, bookmark)) bookmark = written.bookmark;
      written.results.forEach((result, i) => {
        outcomes.set(writes[i] as Write, { type: 'result', result });
      });
    }
    for (const [i, found] of read.entries()) {
      if (found.type !== 'found' && found.type !== 'absent') return afterPart(found, hasWritten);
      if (isNewer(found.bookmark, bookmark)) bookmark = found.bookmark;
      if (found.type === 'found') bytesLeft -= found.bodyBytes;
      outcomes.set(reads[i] as Read, found.type === 'found' && bytesLeft < 0 ? { type: 'too-much' } : found);
    }
  }
  return { type: 'outcomes', outcomes: ops.flatMap((op) => outcomes.get(op) ?? []), bookmark };
}
