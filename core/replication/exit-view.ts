// Leaving a view: every member whose own evidence is stale says so, and nobody moves before a majority has. Then the
// next view is the smallest higher one whose primary answered and could be one, so that no time is lost on a member
// that is down. Source: TigerBeetle, docs/internals/vsr.md ("exit view"); Liskov & Cowling 2012 §4.2 moves on one
// member's timer instead.
import { isFit, isStale } from './failure-detector.ts';
import type { MessageBody } from './messages.ts';
import { primaryOf, quorumOf } from './quorum.ts';
import { isAdmitted } from './readmission.ts';
import type { ReplicaState } from './replica-state.ts';
import { type Step, send } from './step.ts';
import { promiseView } from './view-change.ts';

type ExitView = Extract<MessageBody, { type: 'exitView' }>;

/** Says, again and again while it is true, that this member's own evidence is stale. */
export function exitView(step: Step): void {
  const { state, nowMs } = step;
  const { watch, limits, identity } = state;
  watch.staleSince ??= nowMs;
  watch.exits.set(identity.memberId, { view: state.view, at: nowMs });
  if (watch.exitSentAt === null || nowMs - watch.exitSentAt >= limits.exitEveryMs) {
    watch.exitSentAt = nowMs;
    for (let member = 0; member < identity.memberCount; member++) {
      if (member !== identity.memberId) send(step, member, { type: 'exitView', isFit: isFit(state) });
    }
  }
  moveOn(step);
}

/** It counts for leaving the sender's view, which is this member's by now; and it says that the sender is there. */
export function handleExitView(step: Step, from: number, { isFit: isFitToo }: ExitView): void {
  const { state, nowMs } = step;
  const { watch } = state;
  watch.exits.set(from, { view: state.view, at: nowMs });
  watch.heard.set(from, { isFit: isFitToo, at: nowMs });
  // The primary itself: nobody has to find out. One whose view has not started yet may still begin it, if it can lead.
  const isOfPrimary = from === primaryOf(state.view, state.identity.memberCount);
  if (isOfPrimary && (state.joining === null || !isFitToo)) watch.isRefuted = true;
  send(step, from, { type: 'exitViewOk', isFit: isFit(state) });
  if (!isAdmitted(state)) return;
  moveOn(step);
}

export function handleExitViewOk(step: Step, from: number, isFitToo: boolean): void {
  step.state.watch.heard.set(from, { isFit: isFitToo, at: step.nowMs });
  moveOn(step);
}

function moveOn(step: Step): void {
  const { state, nowMs } = step;
  const { identity } = state;
  if (countExits(state, nowMs) < quorumOf(identity.memberCount)) return;
  for (let view = state.view + 1; view <= state.view + identity.memberCount; view++) {
    if (canLead(state, primaryOf(view, identity.memberCount), nowMs)) {
      promiseView(step, view);
      return;
    }
  }
}

/** Members that want to leave this view, or a later one, now. */
function countExits(state: ReplicaState, nowMs: number): number {
  let count = 0;
  for (const [member, { view, at }] of state.watch.exits) {
    const isOwn = member === state.identity.memberId;
    const counts = view >= state.view && nowMs - at <= state.limits.exitLifeMs;
    if (counts && (!isOwn || isStale(state, nowMs))) count += 1;
  }
  return count;
}

function canLead(state: ReplicaState, member: number, nowMs: number): boolean {
  if (member === state.identity.memberId) return isFit(state);
  const heard = state.watch.heard.get(member);
  return heard?.isFit === true && nowMs - heard.at <= state.limits.exitLifeMs;
}
