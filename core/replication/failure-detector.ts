// Whether the primary of this view is at work. Evidence is a message in which it says that a majority answers it; a
// primary that can send but not hear gives none, and knows itself that it is deaf. Missing evidence, or a probe that
// is not answered well, lets this member say `exitView`; moving needs a majority of such members (exit-view).
import { applyHeld } from './backup.ts';
import { exitView } from './exit-view.ts';
import { driveInstall, installDueAt } from './install.ts';
import type { MessageBody } from './messages.ts';
import { primaryOf, quorumOf } from './quorum.ts';
import { driveReadmission, isAdmitted, readmissionDueAt } from './readmission.ts';
import { isNormal, type PrimaryState, type ReplicaState } from './replica-state.ts';
import { isLonely, restAlone } from './rest.ts';
import { sessionsDueAt } from './session-wait.ts';
import { dropSilentSnapshot, snapshotDueAt } from './snapshot-source.ts';
import { type Step, send, setTimer } from './step.ts';
import { changeDueAt, driveViewChange } from './view-change.ts';

/** The primary spoke, and is heard by a majority. */
export function noteEvidence(step: Step): void {
  const { state, nowMs } = step;
  const { watch } = state;
  watch.evidenceAt = nowMs;
  watch.isRefuted = false;
  state.lonelyRests = 0;
  step.wantsProbe = false;
}

/** Somebody got no answer from the primary, or wants to leave its view: believe it only after asking it oneself. */
export function suspect(step: Step): void {
  const { state, nowMs } = step;
  if (state.primary !== null || state.joining !== null) return;
  state.watch.suspectedAt ??= nowMs;
  probe(step);
}

function probe(step: Step): void {
  const { state, nowMs } = step;
  const { watch, limits, identity } = state;
  if (watch.probedAt !== null && nowMs - watch.probedAt < limits.heartbeatMs) return;
  watch.probedAt = nowMs;
  send(step, primaryOf(state.view, identity.memberCount), { type: 'probe' });
}

/** Only a primary that may answer clients answers well; one that recovers is given the time that silence is. */
export function handleProbe(step: Step, from: number): void {
  const { state } = step;
  const isUsable = state.primary !== null && isNormal(state) && !isDeaf(state, state.primary, step.nowMs);
  send(step, from, { type: 'probeOk', state: isUsable ? 'normal' : isFit(state) ? 'recovering' : 'unfit' });
}

export function handleProbeOk(step: Step, { state: told }: Extract<MessageBody, { type: 'probeOk' }>): void {
  const { watch } = step.state;
  if (told === 'unfit') watch.isRefuted = true;
  if (told !== 'normal') return;
  watch.suspectedAt = null;
  noteEvidence(step);
}

/** Whether this member could be primary of a view. */
export function isFit(state: ReplicaState): boolean {
  return !state.isInstalling && isAdmitted(state);
}

/** A primary that no majority has answered for too long: it can send at most. */
export function isDeaf(state: ReplicaState, primary: PrimaryState, nowMs: number): boolean {
  if (quorumOf(state.identity.memberCount) === 1 || primary.restingSince !== null) return false;
  return nowMs - primary.answeredAt >= state.limits.suspectAfterMs;
}

/** Whether this member's own evidence of its view's primary is stale. */
export function isStale(state: ReplicaState, nowMs: number): boolean {
  const { watch, limits, primary, joining } = state;
  if (primary !== null) return isDeaf(state, primary, nowMs);
  const cannotLead = state.election !== null && !isFit(state);
  if (joining !== null) {
    return cannotLead || watch.isRefuted || nowMs - joining.since >= limits.viewStartMs;
  }
  if (watch.isRefuted || nowMs - watch.evidenceAt >= limits.suspectAfterMs) return true;
  return watch.suspectedAt !== null && nowMs - watch.suspectedAt >= limits.suspectAfterMs;
}

/** Whether this member would rather not send anybody to the primary. */
export function isInDoubt(state: ReplicaState, nowMs: number): boolean {
  const { watch, limits } = state;
  return watch.suspectedAt !== null || watch.isRefuted || nowMs - watch.evidenceAt >= limits.probeAfterMs;
}

/** What is due by now; at every step's end, so that nothing waits for a timer that something else has overtaken. */
export function watchOver(step: Step): void {
  const { state, nowMs } = step;
  const { watch, limits } = state;
  if (state.isAtRest) return;
  dropSilentSnapshot(step);
  if (state.primary === null) applyHeld(step);
  driveInstall(step);
  if (!isAdmitted(state)) {
    // It has no part in whether the view is left.
    driveReadmission(step);
    if (!state.isAtRest) armWatch(step);
    return;
  }
  state.loss.asking = null;
  driveViewChange(step);
  const asks = state.primary === null && state.joining === null;
  if (!isStale(state, nowMs)) {
    watch.staleSince = null;
    watch.exitSentAt = null;
    watch.exits.delete(state.identity.memberId);
    const silentMs = nowMs - watch.evidenceAt;
    if (asks && (step.wantsProbe || silentMs >= limits.probeAfterMs || watch.suspectedAt !== null))
      probe(step);
  } else if (isLonely(step)) {
    restAlone(step);
    return;
  } else {
    // A suspicion ends only with a good answer: as long as it lasts it is asked for.
    if (asks && watch.suspectedAt !== null) probe(step);
    exitView(step);
  }
  // A view promised just now wants to be joined in this very step.
  driveViewChange(step);
  armWatch(step);
}

/** Armed once and not moved with every message: what is not due when it goes off is looked at again. */
function armWatch(step: Step): void {
  const { state, nowMs } = step;
  const { watch } = state;
  const due = Math.min(watchDueAt(state), installDueAt(state), snapshotDueAt(state), sessionsDueAt(state));
  if (state.identity.memberCount === 1 || !Number.isFinite(due)) return;
  if (watch.dueAt !== null && watch.dueAt <= due) return;
  watch.dueAt = due;
  setTimer(step, 'watch', Math.max(1, Math.ceil(due - nowMs)));
}

function watchDueAt(state: ReplicaState): number {
  const { watch, limits, primary, joining } = state;
  if (!isAdmitted(state)) return readmissionDueAt(state);
  if (watch.exitSentAt !== null) return Math.min(watch.exitSentAt + limits.exitEveryMs, changeDueAt(state));
  if (joining !== null) return Math.min(joining.since + limits.viewStartMs, changeDueAt(state));
  if (primary !== null) {
    // While it brings the group to rest, the heartbeat's timer looks after that.
    return primary.restingSince === null ? primary.answeredAt + limits.suspectAfterMs : Infinity;
  }
  const mayProbeAt = watch.probedAt === null ? -Infinity : watch.probedAt + limits.heartbeatMs;
  const silentAt = watch.evidenceAt + limits.suspectAfterMs;
  if (watch.suspectedAt !== null) {
    return Math.min(mayProbeAt, watch.suspectedAt + limits.suspectAfterMs, silentAt);
  }
  return Math.min(Math.max(watch.evidenceAt + limits.probeAfterMs, mayProbeAt), silentAt);
}
