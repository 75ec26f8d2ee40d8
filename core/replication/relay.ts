// A caller that cannot reach the primary may ask a backup to hand its request on. That is worth trying only where this
// member has heard from the primary itself just now; where the primary is gone for everybody, a new one comes instead.
import { primaryOf } from './quorum.ts';
import type { ReplicaState } from './replica-state.ts';

/** Whom a request that this member refused is handed on to; null: nobody. O(1). */
export function relayTarget(state: ReplicaState, nowMs: number): number | null {
  const { identity, watch, limits } = state;
  if (state.primary !== null || state.joining !== null || watch.isRefuted) return null;
  const isHeard = nowMs - watch.evidenceAt < limits.probeAfterMs;
  // The caller's own suspicion is asked about at the same time: only one that lasts counts.
  const isSuspected = watch.suspectedAt !== null && nowMs - watch.suspectedAt >= limits.heartbeatMs;
  return isHeard && !isSuspected ? primaryOf(state.view, identity.memberCount) : null;
}
