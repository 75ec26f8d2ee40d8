// From one view to the next: a promise that is durable before anybody hears of it, a majority of promises at the new
// primary, the best log among them, and an op that begins the view. A log is better by its last entry's view, then by
// length (Ongaro & Ousterhout 2014 §5.4.1), and the primary fetches it (TigerBeetle's pull; in Liskov & Cowling 2012
// §4.2 every member sends its log).
import { advanceCommit, startView } from './commit.ts';
import { depose } from './depose.ts';
import { expectDiscards } from './discard-state.ts';
import { isFit } from './failure-detector.ts';
import { pumpAll } from './peers.ts';
import { isPulling, pullDueAt, pullFrom, resendPull } from './pull-log.ts';
import { primaryOf, quorumOf } from './quorum.ts';
import { type Election, newWatch, primaryState, type ReplicaState } from './replica-state.ts';
import { type Step, send, sendVote } from './step.ts';
import { isNewer, type Viewstamp } from './viewstamp.ts';

/** From here on nothing of a lower view is accepted: written before anything is said in the new one. */
export function promiseView(step: Step, view: number): void {
  const { state } = step;
  state.view = view;
  state.snapshot = null;
  step.writes.push({ type: 'view', view });
  depose(step);
  beginJoining(step);
}

/** Also at the boot of a member that had promised a view and does not know it started. */
export function beginJoining(step: Step): void {
  const { state, nowMs } = step;
  const { memberId, memberCount } = state.identity;
  const { exits, heard, dueAt } = state.watch;
  Object.assign(state.watch, newWatch(nowMs), { exits, heard, dueAt });
  exits.delete(memberId);
  state.isAtRest = false;
  state.joining = { since: nowMs, sentAt: null, isAnswered: false };
  const isMine = primaryOf(state.view, memberCount) === memberId;
  state.election = isMine ? { joins: new Map(), pull: null } : null;
}

/** A message of the view's primary shows that the view has started. */
export function viewHasStarted(step: Step): void {
  step.state.joining = null;
  step.state.watch.evidenceAt = step.nowMs;
}

/** What a promise still asks for: to be told to the new primary, or, at the new primary, to gather a majority. */
export function driveViewChange(step: Step): void {
  const { state, nowMs } = step;
  const { joining, election, identity, limits, view } = state;
  if (joining === null) return;
  if (election !== null) {
    advanceElection(step, election);
    return;
  }
  const isDue = joining.sentAt === null || nowMs - joining.sentAt >= limits.changeResendMs;
  if (joining.isAnswered || !isDue) return;
  joining.sentAt = nowMs;
  sendVote(step, primaryOf(view, identity.memberCount), { type: 'joinView', last: state.log.last });
}

export function handleJoinView(step: Step, from: number, last: Viewstamp): void {
  const { election } = step.state;
  election?.joins.set(from, { last });
  send(step, from, { type: 'joinViewOk' });
}

export function handleJoinViewOk(step: Step): void {
  if (step.state.joining !== null) step.state.joining.isAnswered = true;
}

/**
 * Once a majority has promised this view, its own member included, nothing that any of them lacks can have been
 * committed in a lower one: the best of their logs holds all that was. O(members).
 */
function advanceElection(step: Step, election: Election): void {
  const { state } = step;
  if (step.switchedOver || !isFit(state) || election.joins.size + 1 < quorumOf(state.identity.memberCount))
    return;
  const best = bestJoin(state, election);
  if (best === null) {
    beginView(step);
    return;
  }
  if (isPulling(election, best)) resendPull(step, election.pull);
  else pullFrom(step, election, best);
}

/** null: no log of the majority is better than the own one. */
function bestJoin(state: ReplicaState, election: Election): { from: number; last: Viewstamp } | null {
  let best: { from: number; last: Viewstamp } | null = null;
  for (const [from, { last }] of election.joins) {
    if (isNewer(last, best?.last ?? state.log.last)) best = { from, last };
  }
  return best;
}

/** The own vote is the durable append of the op that begins the view. */
function beginView(step: Step): void {
  const { state, nowMs, store } = step;
  const { memberId, memberCount } = state.identity;
  state.joining = null;
  state.election = null;
  // The first prepare to each of them carries the op that begins the view.
  const primary = primaryState(memberId, memberCount, state.log.last.op);
  primary.answeredAt = nowMs;
  primary.activeAt = nowMs;
  state.primary = primary;
  state.nextExpiryAt = store.nextExpiry(0);
  if (store.invalidationSpan() !== null) expectDiscards(primary, nowMs);
  startView(step, primary);
  advanceCommit(step, primary);
  pumpAll(step, primary);
}

export function changeDueAt(state: ReplicaState): number {
  const { joining, election, limits } = state;
  if (joining === null) return Number.POSITIVE_INFINITY;
  if (election !== null) return pullDueAt(state, election);
  if (joining.isAnswered) return Number.POSITIVE_INFINITY;
  return (joining.sentAt ?? joining.since) + limits.changeResendMs;
}
