// Timers of an active primary. Each is armed once and looks around when it goes off, instead of being moved with
// every message; when nothing is left to look after, it is not armed again and the group is silent.
import { beat } from './confirm-round.ts';
import type { TimerName } from './messages.ts';
import { attentionAt, failOverdue, pumpAll } from './peers.ts';
import { dropOldReads } from './reads.ts';
import type { PrimaryState } from './replica-state.ts';
import { restIfIdle } from './rest.ts';
import { type Step, setTimer } from './step.ts';

export function handleTimer(step: Step, name: TimerName): void {
  const { primary, watch } = step.state;
  if (name === 'watch') watch.dueAt = null;
  if (primary === null) return;
  // Also at rest, where it does nothing: an answer that came late may have armed it.
  if (name === 'batch') primary.batchArmed = false;
  if (name === 'follow') primary.followArmed = false;
  if (step.state.isAtRest) return;
  switch (name) {
    case 'batch':
      break;
    case 'resend':
      primary.resendAt = null;
      for (const peer of primary.peers) failOverdue(step.state, peer, step.nowMs);
      dropOldReads(step, primary);
      pumpAll(step, primary);
      break;
    case 'follow':
      followLastCommit(step, primary);
      break;
    case 'heartbeat':
      primary.heartbeatArmed = false;
      // One that was read out is asked whether it goes on by now.
      for (const peer of primary.peers) peer.isRead = false;
      pumpAll(step, primary);
      if (!restIfIdle(step, primary)) beat(step, primary);
      break;
    case 'watch':
      break;
    default:
      name satisfies never;
  }
}

/** Once no op has committed for a moment: persist what is applied, and tell the backups, who do the same. */
function followLastCommit(step: Step, primary: PrimaryState): void {
  const { state, nowMs } = step;
  const restMs = primary.lastCommitAt + state.limits.followMs - nowMs;
  if (restMs > 0 && restMs <= state.limits.followMs) {
    primary.followArmed = true;
    setTimer(step, 'follow', restMs);
    return;
  }
  step.flush = true;
  primary.announced = state.head.commit;
  pumpAll(step, primary);
}

/** Keeps the resend timer armed while a backup owes an answer or is to be tried again, or a read waits. */
export function armResend(step: Step, primary: PrimaryState): void {
  const { state, nowMs } = step;
  let due = Number.POSITIVE_INFINITY;
  for (const peer of primary.peers) {
    due = Math.min(due, attentionAt(state, primary, peer) ?? Number.POSITIVE_INFINITY);
  }
  const waiting = primary.waitingReads[0];
  if (waiting !== undefined) due = Math.min(due, waiting.since + state.limits.readWaitMs);
  if (!Number.isFinite(due) || (primary.resendAt !== null && primary.resendAt <= due)) return;
  primary.resendAt = due;
  setTimer(step, 'resend', Math.max(0, due - nowMs));
}
