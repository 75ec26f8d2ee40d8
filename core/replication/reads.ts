// Reads at four levels. A linearizable one waits at the primary for a confirm round that begins after it arrived. A
// bounded one is answered by any member whose state is fresh enough (freshness), a session one if that state also
// holds what the session has seen; whoever cannot answer sends the caller to the primary, which then asks a majority.
// What waits, waits in bounds: so many, so long.
import { boundMsOf } from './bound.ts';
import { nextRound } from './confirm-round.ts';
import { ageMsOf, isWithinBound } from './freshness.ts';
import { grantLease } from './leases.ts';
import type { ClientRequest, LeaseWish, LiveRow } from './messages.ts';
import { readRows } from './overlay.ts';
import { readTime } from './read-time.ts';
import { isMajorityLost } from './readmission.ts';
import { isNormal, type PrimaryState } from './replica-state.ts';
import { notPrimary } from './requests.ts';
import { awaitSession, takeReadySessions } from './session-wait.ts';
import { standingOf } from './standing.ts';
import { reply, type Step } from './step.ts';

type Read = Extract<ClientRequest, { type: 'read' }>;

/** `mayWait`: for what the session has seen, at a backup that does not show it yet. */
export function handleRead(step: Step, id: number, request: Read, mayWait = true): void {
  const { state } = step;
  const { key, lease } = request;
  const { primary } = state;
  if (state.isInstalling) {
    reply(step, id, { type: 'not-ready', reason: 'installing' });
    return;
  }
  const rows = mayAnswerAtOnce(step, request) ? liveRows(step, key) : null;
  const mayLease = primary !== null && isNormal(state);
  if (rows !== null && (mayLease || !wantsLease(lease, rows))) {
    answerRows(step, { id, key, lease }, rows);
  } else if (primary === null || isMajorityLost(state)) {
    if (!mayWait || primary !== null || !awaitSession(step, id, request)) reply(step, id, notPrimary(step));
  } else if (primary.waitingReads.length < state.limits.queueMax) {
    primary.waitingReads.push({ id, key, lease, since: step.nowMs, round: nextRound(primary) });
  } else {
    reply(step, id, { type: 'not-ready', reason: 'recovering' });
  }
}

/** At every step's end. */
export function answerSessions(step: Step): void {
  for (const { id, request } of takeReadySessions(step)) handleRead(step, id, request, false);
}

/** Whether what is applied here keeps the promise of the level as it is. */
function mayAnswerAtOnce(step: Step, { level = 'linearizable', bookmark = null }: Read): boolean {
  const { state, nowMs } = step;
  switch (level) {
    case 'linearizable':
      return false;
    case 'session':
      return bookmark !== null && state.head.applied >= bookmark.op && isWithinBound(state, nowMs);
    case 'bounded':
      return isWithinBound(state, nowMs);
    case 'any':
      return true;
  }
}

/** A majority has said, after these reads arrived, that this member is primary: what is applied is the truth for them. */
export function answerConfirmedReads(step: Step, primary: PrimaryState, round: number): void {
  const { waitingReads } = primary;
  const later = waitingReads.findIndex((read) => read.round > round);
  const confirmed = waitingReads.splice(0, later < 0 ? waitingReads.length : later);
  for (const read of confirmed) answerRows(step, read, liveRows(step, read.key));
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

function liveRows(step: Step, key: string): LiveRow[] {
  const { state, store } = step;
  const t = readTime(state, step.nowMs);
  return readRows(state.overlay, store, key).flatMap((row): LiveRow[] => {
    const standing = standingOf(state.overlay, store, row, t);
    return standing.type === 'live' ? [{ ...row, staleFrom: standing.staleFrom }] : [];
  });
}

function wantsLease(wish: LeaseWish, rows: readonly LiveRow[]): boolean {
  return wish === 'always' || (wish === 'when-absent' && rows.length === 0);
}

function answerRows(
  step: Step,
  { id, key, lease: wish }: { readonly id: number; readonly key: string; readonly lease: LeaseWish },
  rows: readonly LiveRow[],
): void {
  const { state, nowMs } = step;
  const { primary } = state;
  const wanted = primary !== null && wantsLease(wish, rows);
  const lease = wanted ? grantLease(state, primary, key, nowMs) : null;
  const bookmark = { view: state.appliedView, op: state.head.applied };
  const ageMs = ageMsOf(state, nowMs);
  const boundMs = boundMsOf(state);
  reply(step, id, { type: 'rows', rows, lease, bookmark, t: readTime(state, nowMs), ageMs, boundMs });
}
