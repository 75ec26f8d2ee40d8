// A member that lost its storage has lost its promises and what it voted for, so it may not count as the one it was. It
// has a new incarnation, a higher number that the Directory gave out; it takes the state in without a vote, and counts
// again once it has applied the log's `readmit` of that incarnation, which a majority of the others has committed. Why
// that is safe: docs/adr/0034.
import type { Command, CommandResult } from './commands.ts';
import { propose } from './commit.ts';
import { quorumOf } from './quorum.ts';
import type { PrimaryState, ReplicaState } from './replica-state.ts';
import { isNormal } from './replica-state.ts';
import { noteActivity, restAlone } from './rest.ts';
import { type Step, send } from './step.ts';
import type { AppliedHead } from './store.ts';

type Readmit = Extract<Command, { type: 'readmit' }>;

/** By what is applied. */
export function incarnationOf({ incarnations }: AppliedHead, member: number): number {
  return incarnations[member] ?? 1;
}

/** By what is logged, committed or not: whatever an older incarnation says counts no more. O(unapplied readmissions). */
export function newestIncarnation({ head, log }: ReplicaState, member: number): number {
  let newest = incarnationOf(head, member);
  for (const one of log.readmissions) {
    if (one.member === member) newest = Math.max(newest, one.incarnation);
  }
  return newest;
}

/** Whether this member votes. What it goes by is committed, never merely in its log: that may be a deposed primary's. */
export function isAdmitted({ head, identity }: Pick<ReplicaState, 'head' | 'identity'>): boolean {
  return incarnationOf(head, identity.memberId) === identity.incarnation;
}

/** So many members wait to be readmitted, as far as this one heard, that the others are no majority. O(members). */
export function isMajorityLost(state: ReplicaState): boolean {
  const { memberCount } = state.identity;
  let lost = isAdmitted(state) ? 0 : 1;
  for (const [member, incarnation] of state.loss.asked) {
    if (incarnation > incarnationOf(state.head, member)) lost += 1;
  }
  return memberCount - lost < quorumOf(memberCount);
}

/** At every step's end of a member that waits: asks all the others, and rests when nothing comes of it. */
export function driveReadmission(step: Step): void {
  const { state, nowMs } = step;
  const { identity, limits, watch } = state;
  state.loss.asking ??= { since: nowMs, sentAt: null };
  const { asking } = state.loss;
  const { since, sentAt } = asking;
  if (nowMs - Math.max(since, watch.evidenceAt) >= limits.patienceMs) {
    state.loss.asking = null;
    restAlone(step);
    return;
  }
  if (sentAt !== null && nowMs - sentAt < limits.heartbeatMs) return;
  asking.sentAt = nowMs;
  for (let member = 0; member < identity.memberCount; member++) {
    if (member !== identity.memberId) send(step, member, { type: 'askReadmission' });
  }
}

export function readmissionDueAt({ loss, limits }: ReplicaState): number {
  return (loss.asking?.sentAt ?? -Infinity) + limits.heartbeatMs;
}

/** The primary logs it, once. Whoever it is asked notes how many are lost. */
export function handleAskReadmission(step: Step, from: number, incarnation: number): void {
  const { state } = step;
  state.loss.asked.set(from, Math.max(incarnation, state.loss.asked.get(from) ?? 0));
  tellOfMajority(step);
  const { primary } = state;
  if (primary === null || !isNormal(state) || isMajorityLost(state)) return;
  if (newestIncarnation(state, from) >= incarnation || isProposed(primary, from, incarnation)) return;
  propose(primary, { type: 'readmit', member: from, incarnation });
  noteActivity(step, primary);
}

function isProposed({ queue }: PrimaryState, member: number, incarnation: number): boolean {
  return queue.some(
    ({ item: { command } }) =>
      command.type === 'readmit' && command.member === member && command.incarnation === incarnation,
  );
}

/** Once each time that it comes true. */
function tellOfMajority(step: Step): void {
  const { state, outputs } = step;
  const { groupId, shard, memberId } = state.identity;
  const isLost = isMajorityLost(state);
  if (isLost && !state.loss.isMajorityTold) {
    const detail = { shard, member: memberId };
    outputs.push({ type: 'event', name: 'majority-lost', subject: groupId, detail });
  }
  state.loss.isMajorityTold = isLost;
}

export function applyReadmit(step: Step, { member, incarnation }: Readmit): CommandResult {
  const { head, identity } = step.state;
  const known = incarnationOf(head, member);
  if (incarnation > known) {
    head.incarnations = Array.from({ length: identity.memberCount }, (_, one) =>
      one === member ? incarnation : incarnationOf(head, one),
    );
  }
  const { log } = step.state;
  log.readmissions = log.readmissions.filter((one) => one.member !== member || one.incarnation > incarnation);
  // On the disk before it counts: after a reboot the member must not wait for what it knew already.
  step.flush = true;
  forsakeIfReplaced(step);
  return { type: 'done' };
}

/** A later incarnation of this very member was readmitted: another storage has taken this one's place. */
export function forsakeIfReplaced({ state }: Step): void {
  const { head, identity } = state;
  if (incarnationOf(head, identity.memberId) > identity.incarnation) state.loss.isForsaken = true;
}

/** The primary's word to people. */
export function tellReadmitted({ state, outputs }: Step, { member, incarnation }: Readmit): void {
  const { groupId, shard } = state.identity;
  const detail = { shard, member, incarnation };
  outputs.push({ type: 'event', name: 'member-readmitted', subject: groupId, detail });
}
