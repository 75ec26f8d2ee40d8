// A session read at a backup that does not show yet what the session has seen: most often that was committed a moment ago,
// and the news of it is on its way. So the read waits for it, so many of them, so long; then its caller goes to the
// primary after all. Where nothing says that it will come soon nobody waits.
import { isInDoubt } from './failure-detector.ts';
import { isWithinBound } from './freshness.ts';
import type { ClientRequest } from './messages.ts';
import type { ReplicaState } from './replica-state.ts';
import type { Step } from './step.ts';

export interface WaitingSession {
  readonly id: number;
  readonly request: Extract<ClientRequest, { type: 'read' }>;
  readonly until: number;
}

/** Whether it waits from now on. O(1). */
export function awaitSession(step: Step, id: number, request: WaitingSession['request']): boolean {
  const { state, nowMs } = step;
  const { level, bookmark = null } = request;
  if (level !== 'session' || bookmark === null || state.head.applied >= bookmark.op) return false;
  const { sessionWaitMs, queueMax, windowMax } = state.limits;
  const isNear = bookmark.op - state.log.last.op <= windowMax;
  const isFollowing = state.joining === null && !state.isAtRest && !isInDoubt(state, nowMs);
  if (!isNear || !isFollowing || !isWithinBound(state, nowMs)) return false;
  if (state.sessions.length >= queueMax) return false;
  state.sessions.push({ id, request, until: nowMs + sessionWaitMs });
  return true;
}

/** Those whose wait is over, one way or the other: what they waited for is applied, or will not be soon. */
export function takeReadySessions({ state, nowMs }: Step): readonly WaitingSession[] {
  if (state.sessions.length === 0) return [];
  const isOver = state.primary !== null || state.joining !== null || state.isInstalling || state.isAtRest;
  const [ready, waiting]: [WaitingSession[], WaitingSession[]] = [[], []];
  for (const session of state.sessions) {
    const seen = session.request.bookmark?.op ?? 0;
    const isReady = isOver || state.head.applied >= seen || session.until <= nowMs;
    (isReady ? ready : waiting).push(session);
  }
  if (ready.length > 0) state.sessions = waiting;
  return ready;
}

/** Infinity: nobody waits. */
export function sessionsDueAt({ sessions }: ReplicaState): number {
  return sessions[0]?.until ?? Number.POSITIVE_INFINITY;
}
