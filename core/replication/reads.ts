// Reads at the primary: what is applied and live, with a lease where wished. Until a primary has its log's end
// committed again it knows less than it may have told, so reads wait for that, a bounded number for a bounded time.
import { nextRound } from './confirm-round.ts';
import { grantLease } from './leases.ts';
import type { ClientRequest, LiveRow } from './messages.ts';
import { readRows } from './overlay.ts';
import { isNormal, type PrimaryState, type WaitingRead } from './replica-state.ts';
import { standingOf } from './standing.ts';
import { reply, type Step } from './step.ts';

type Read = Extract<ClientRequest, { type: 'read' }>;

export function handleRead(step: Step, primary: PrimaryState, id: number, request: Read): void {
  const { state } = step;
  const { key, lease, level = 'linearizable' } = request;
  const read: WaitingRead = { id, key, lease, since: step.nowMs, round: nextRound(primary) };
  const isFresh = level === 'any' || (level === 'bounded' && isWithinBound(step, primary));
  if (isFresh && isNormal(state)) answerRead(step, primary, read);
  else if (primary.waitingReads.length < state.limits.queueMax) primary.waitingReads.push(read);
  else reply(step, id, { type: 'not-ready', reason: 'recovering' });
}

/** A clock that went back makes nothing fresh. */
function isWithinBound({ state, nowMs }: Step, { freshAsOf }: PrimaryState): boolean {
  const ageMs = nowMs - freshAsOf;
  return ageMs >= 0 && ageMs <= state.limits.boundMs;
}

/** A majority has said, after these reads arrived, that this member is primary: what is applied is the truth for them. */
export function answerConfirmedReads(step: Step, primary: PrimaryState, round: number): void {
  const { waitingReads } = primary;
  const later = waitingReads.findIndex((read) => read.round > round);
  const confirmed = waitingReads.splice(0, later < 0 ? waitingReads.length : later);
  for (const read of confirmed) answerRead(step, primary, read);
}

/** Tells those that have waited too long; their callers have gone on. Oldest first, so O(those). */
export function dropOldReads(step: Step, primary: PrimaryState): void {
  const { waitingReads } = primary;
  const { readWaitMs } = step.state.limits;
  const young = waitingReads.findIndex((read) => read.since + readWaitMs > step.nowMs);
  for (const { id } of waitingReads.splice(0, young < 0 ? waitingReads.length : young)) {
    reply(step, id, { type: 'not-ready', reason: 'recovering' });
  }
}

function answerRead(step: Step, primary: PrimaryState, { id, key, lease: wish }: WaitingRead): void {
  const { state, store, nowMs } = step;
  const { overlay, head } = state;
  const t = Math.max(nowMs, head.appliedT);
  const rows = readRows(overlay, store, key).flatMap((row): LiveRow[] => {
    const standing = standingOf(overlay, store, row, t);
    return standing.type === 'live' ? [{ ...row, staleFrom: standing.staleFrom }] : [];
  });
  const wanted = wish === 'always' || (wish === 'when-absent' && rows.length === 0);
  const lease = wanted ? grantLease(state, primary, key, nowMs) : null;
  const bookmark = { view: state.appliedView, op: head.applied };
  reply(step, id, { type: 'rows', rows, lease, bookmark, t });
}
