// What a replica may let go of: log entries that are applied and old, request ids and tombstones that can no longer
// change an outcome. What an op decides never depends on whether these were physically removed already.
import { DEDUPE_LIFE_MS, DEDUPE_OPS } from './limits.ts';
import { inTail } from './op-log.ts';
import { heldForInstalls } from './peers.ts';
import type { ReplicaState } from './replica-state.ts';
import type { Step } from './step.ts';
import type { DedupeRow, Write } from './store.ts';
import type { Viewstamp } from './viewstamp.ts';

/** Dedupe rows and tombstones are swept once in so many ops: a sweep costs a query even when it finds nothing. */
const FORGET_EVERY_OPS = 32;
/** Entries cut from the log in one step, so that no step grows long. */
const CUT_MAX = 512;

/**
 * Whether the first outcome of a request id still counts for an occurrence at (`op`, `t`): until both ten minutes of
 * logged time and 1,000 ops have passed. Op count as well, because a primary whose clock jumps ahead would otherwise
 * forget every id at once. O(1).
 */
export function stillRemembers(row: DedupeRow, op: number, t: number): boolean {
  return t - row.t <= DEDUPE_LIFE_MS || op - row.op <= DEDUPE_OPS;
}

/** The writes that let go of what is no longer needed, to stand behind the `applied` record of the same step. */
export function forgetWrites(step: Step): Write[] {
  const { state } = step;
  const { head } = state;
  const writes: Write[] = [];
  if (head.applied - state.forgotAt >= FORGET_EVERY_OPS) {
    state.forgotAt = head.applied;
    writes.push(
      { type: 'forgetTombstones', upTo: head.fillFloor },
      {
        type: 'forgetDedupe',
        beforeT: head.appliedT - DEDUPE_LIFE_MS,
        beforeOp: head.applied - DEDUPE_OPS,
        limit: 256 * FORGET_EVERY_OPS,
      },
    );
  }
  const before = cutLog(step);
  if (before !== null) writes.push({ type: 'truncatePrefix', before });
  return writes;
}

/**
 * The oldest applied entries go when newer ones fill the greater of the two lower bounds; those that a backup has not
 * got yet stay until the lesser of the two upper bounds, and beyond that the backup needs a snapshot. Returns the
 * place of the last entry cut. O(entries cut).
 */
function cutLog(step: Step): Viewstamp | null {
  const { state, store } = step;
  const { log, limits, head } = state;
  const overLower = (op: number): boolean => log.last.op - op >= limits.logOps && log.bytes > limits.logBytes;
  const overUpper = (op: number): boolean =>
    log.last.op - op >= limits.logOpsMax || log.bytes > limits.logBytesMax;
  const first = log.before.op + 1;
  if (!overLower(first) && !overUpper(first)) return null;
  const heldByAll = leastVerified(state);
  const held = state.primary === null ? Infinity : heldForInstalls(state.primary, step.nowMs);
  let cut: Viewstamp | null = null;
  for (const place of store.logPlaces(first, CUT_MAX)) {
    const { op } = place;
    // The store does not show yet what this step has put in the place of a contradicted entry.
    const kept = inTail(state, op);
    const { view } = kept?.entry ?? place;
    const { bytes } = kept ?? place;
    const mayGo = op <= Math.min(head.applied, held) && ((overLower(op) && op <= heldByAll) || overUpper(op));
    if (!mayGo) break;
    log.bytes -= bytes;
    cut = { view, op };
    if (bytes > limits.chunkBytesMax) state.sweepAt ??= step.nowMs;
  }
  if (cut !== null) log.before = cut;
  return cut;
}

function leastVerified(state: ReplicaState): number {
  if (state.primary === null) return Number.POSITIVE_INFINITY;
  return Math.min(...state.primary.peers.map((peer) => peer.verified), Number.POSITIVE_INFINITY);
}
