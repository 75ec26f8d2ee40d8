// From one view to the next: a promise that is durable before anybody hears of it, a majority of promises at the new
// primary, the best log among them, and an op that begins the view. A log is better by its last entry's view, then by
// length (Ongaro & Ousterhout 2014 §5.4.1), and the primary fetches it (TigerBeetle's pull; in Liskov & Cowling 2012
// §4.2 every member sends its log).
import { advanceCommit, startView } from './commit.ts';
import { depose } from './depose.ts';
import { expectDiscards } from './discard-state.ts';
import { isFit } from './failure-detector.ts';
import { askInNextView } from './install.ts';
import { pumpAll } from './peers.ts';
import { isPulling, pullDueAt, pullFrom, resendPull } from './pull-log.ts';
import { primaryOf, quorumOf } from './quorum.ts';
import { isAdmitted, newestIncarnation } from './readmission.ts';
import { type Election, newWatch, primaryState, type ReplicaState } from './replica-state.ts';
import { type Step, send, sendVote } from './step.ts';
import { isNewer, type Viewstamp } from './viewstamp.ts';

/** From here on nothing of a lower view is accepted: written before anything is said in the new one. */
export function promiseView(step: Step, view: number): void {
  const { state } = step;
  askInNextView(state, primaryOf(state.view, state.identity.memberCount));
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
  // A member that waits to be readmitted promises like the others, but tells nobody: that would be a vote.
  if (joining === null || !isAdmitted(state)) return;
  if (election !== null) {
    advanceElection(step, election);
    return;
  }
  const isDue = joining.sentAt === null || nowMs - joining.sentAt >= limits.changeResendMs;
  if (joining.isAnswered || !isDue) return;
  joining.sentAt = nowMs;
  sendVote(step, primaryOf(view, identity.memberCount), { type: 'joinView', last: state.log.last });
}

export function handleJoinView(step: Step, from: number, incarnation: number, last: Viewstamp): void {
  const { election } = step.state;
  election?.joins.set(from, { last, incarnation });
  send(step, from, { type: 'joinViewOk' });
}

/** The member has a later incarnation: the log of the one that joined is gone. */
export function forgetOlderJoin(state: ReplicaState, from: number, incarnation: number): void {
  const join = state.election?.joins.get(from);
  if (join !== undefined && join.incarnation < incarnation) state.election?.joins.delete(from);
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
  const quorum = quorumOf(state.identity.memberCount);
  // A readmission in the log voids what the older incarnation has promised.
  const joins = [...election.joins].filter(
    ([from, { incarnation }]) => incarnation >= newestIncarnation(state, from),
  );
  if (step.switchedOver || !isFit(state) || joins.length + 1 < quorum) return;
  const best = bestJoin(state, joins);
  if (best === null) {
    // Counted again by the log that was adopted: who is readmitted in none was not.
    const counted = joins.filter(([from, { incarnation }]) => incarnation === newestIncarnation(state, from));
    if (counted.length + 1 >= quorum) beginView(step);
    return;
  }
  if (isPulling(election, best)) resendPull(step, election.pull);
  else pullFrom(step, election, best);
}

/** null: no log of the majority is better than the own one. */
function bestJoin(
  state: ReplicaState,
  joins: readonly (readonly [number, { readonly last: Viewstamp }])[],
): { from: number; last: Viewstamp } | null {
  let best: { from: number; last: Viewstamp } | null = null;
  for (const [from, { last }] of joins) {
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
