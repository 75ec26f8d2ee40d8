// The time that a read goes by when it tells what has expired. An entry that is logged and not yet applied will be judged
// by its own logged time: a read that answers before it must not have seen a later time, or it could find a row expired
// that the entry then finds alive, and no order of the two would explain both.
import { inTail } from './op-log.ts';
import type { ReplicaState } from './replica-state.ts';

/** Epoch ms: now, but no later than the oldest unapplied entry's time and no sooner than the last applied one's. O(1). */
export function readTime(state: ReplicaState, nowMs: number): number {
  const { applied, appliedT } = state.head;
  const waiting = inTail(state, applied + 1);
  const latest = waiting === undefined ? nowMs : Math.min(nowMs, waiting.entry.t);
  return Math.max(latest, appliedT);
}
