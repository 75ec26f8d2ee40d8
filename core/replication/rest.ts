// Rest: a group without requests lets its objects sleep. The primary asks every member to acknowledge that all is
// applied and on its disk; then nobody holds a timer or an alarm, and nothing is sent. Whatever happens to a member at
// rest wakes it: evidence counts from then, and a woken backup asks the primary. A member that nobody agrees to rest
// with (others down, or itself cut off) rests alone after a while, and looks again by alarm, later and later.
import type { MessageBody } from './messages.ts';
import { isSettled, pumpAll } from './peers.ts';
import { quorumOf } from './quorum.ts';
import { isNormal, type PrimaryState, type ReplicaState } from './replica-state.ts';
import { type Step, send, setTimer } from './step.ts';

const LOOK_AGAIN_MIN_MS = 60_000;
const LOOK_AGAIN_MAX_MS = 3_600_000;

/** Does nothing where the member is awake. */
export function wake(step: Step, isByAlarm = false): void {
  const { state, nowMs } = step;
  const { primary, watch } = state;
  if (!state.isAtRest) return;
  state.isAtRest = false;
  state.lookAgainAt = null;
  watch.evidenceAt = nowMs;
  watch.isRefuted = false;
  watch.suspectedAt = null;
  watch.staleSince = null;
  watch.probedAt = null;
  if (state.joining !== null) {
    state.joining = { since: nowMs, sentAt: null, isAnswered: false };
  } else if (primary === null) {
    step.wantsProbe = true;
  } else {
    primary.answeredAt = nowMs;
    // By alarm it only looks for those that were missing: the others sleep on.
    primary.activeAt = isByAlarm ? nowMs - state.limits.idleMs : nowMs;
    step.wantsRound = !isByAlarm && primary.peers.length > 0;
    stayActive(primary);
    state.nextExpiryAt = step.store.nextExpiry(0);
    pumpAll(step, primary);
  }
}

/** A request, or an op that committed: the group is not idle. */
export function noteActivity(step: Step, primary: PrimaryState): void {
  const wasResting = primary.restingSince !== null;
  primary.activeAt = step.nowMs;
  stayActive(primary);
  // Those that rest already must hear from their primary before they ask for it.
  if (!wasResting) return;
  primary.answeredAt = step.nowMs;
  step.wantsRound = true;
}

function stayActive(primary: PrimaryState): void {
  primary.restingSince = null;
  for (const peer of primary.peers) peer.isAtRest = false;
}

/** The heartbeat's turn: true when it was used to bring the group to rest. */
export function restIfIdle(step: Step, primary: PrimaryState): boolean {
  const { state, nowMs } = step;
  if (!isIdle(state, primary, nowMs)) return false;
  primary.restingSince ??= nowMs;
  const waitedMs = nowMs - primary.restingSince;
  const agreed = 1 + primary.peers.filter(({ isAtRest }) => isAtRest).length;
  if (agreed < quorumOf(state.identity.memberCount) && waitedMs >= state.limits.suspectAfterMs) {
    // No majority hears this: whether it is deaf is for the heartbeats to find out.
    stayActive(primary);
    primary.activeAt = nowMs;
    primary.answeredAt = nowMs;
    return false;
  }
  if (waitedMs >= state.limits.patienceMs) {
    restAlone(step);
    return true;
  }
  step.flush = true;
  // Nobody agrees who has not applied all: what a timer was to tell them is told now.
  primary.announced = state.head.commit;
  for (const peer of primary.peers) {
    if (!peer.isAtRest && isSettled(state, primary, peer)) {
      send(step, peer.member, { type: 'quiesce', commit: state.head.commit });
    }
  }
  pumpAll(step, primary);
  settleRest(step, primary);
  return true;
}

function isIdle(state: ReplicaState, primary: PrimaryState, nowMs: number): boolean {
  const isDone = primary.queue.length === 0 && state.head.commit === state.log.last.op;
  const isQuiet = nowMs - primary.activeAt >= state.limits.idleMs && primary.waitingReads.length === 0;
  return isNormal(state) && isDone && isQuiet;
}

/** Acknowledged only with all of it applied; this step writes what the disk does not hold yet. */
export function handleQuiesce(step: Step, from: number, commit: number): void {
  const { state } = step;
  if (state.head.commit < commit) return;
  step.flush = true;
  goToRest(step);
  send(step, from, { type: 'quiesceOk', commit });
}

export function handleQuiesceOk(
  step: Step,
  primary: PrimaryState,
  from: number,
  { commit }: Extract<MessageBody, { type: 'quiesceOk' }>,
): void {
  const peer = primary.peers.find(({ member }) => member === from);
  if (peer === undefined || primary.restingSince === null || commit !== step.state.head.commit) return;
  peer.isAtRest = true;
  settleRest(step, primary);
}

function settleRest(step: Step, primary: PrimaryState): void {
  if (primary.restingSince === null || !primary.peers.every(({ isAtRest }) => isAtRest)) return;
  step.state.lonelyRests = 0;
  goToRest(step);
}

/** Its evidence has been stale for so long, and nothing came of saying so. */
export function isLonely({ state, nowMs }: Step): boolean {
  const { staleSince } = state.watch;
  return staleSince !== null && nowMs - staleSince >= state.limits.patienceMs;
}

export function restAlone(step: Step): void {
  const { state, nowMs } = step;
  goToRest(step);
  const pauseMs = Math.min(LOOK_AGAIN_MIN_MS * 2 ** Math.min(state.lonelyRests, 16), LOOK_AGAIN_MAX_MS);
  state.lonelyRests += 1;
  state.lookAgainAt = nowMs + pauseMs;
}

function goToRest(step: Step): void {
  const { state } = step;
  const { watch, primary } = state;
  state.isAtRest = true;
  step.flush = true;
  watch.exits.clear();
  watch.heard.clear();
  watch.exitSentAt = null;
  watch.staleSince = null;
  watch.dueAt = null;
  setTimer(step, 'watch', null);
  if (primary === null) return;
  primary.restingSince = null;
  primary.rounds = [];
  for (const name of ['heartbeat', 'resend', 'follow'] as const) setTimer(step, name, null);
  primary.heartbeatArmed = false;
  primary.followArmed = false;
  primary.resendAt = null;
}
