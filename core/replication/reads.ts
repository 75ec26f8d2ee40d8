// Reads at the primary: what is applied and live, with a lease where wished. Until a primary has its log's end
// committed again it knows less than it may have told, so reads wait for that, a bounded number for a bounded time.
import { grantLease } from './leases.ts';
import type { ClientRequest, LiveRow } from './messages.ts';
import { readRows } from './overlay.ts';
import { isNormal, type PrimaryState, type WaitingRead } from './replica-state.ts';
import { standingOf } from './standing.ts';
import { reply, type Step } from './step.ts';

type Read = Extract<ClientRequest, { type: 'read' }>;

export function handleRead(step: Step, primary: PrimaryState, id: number, request: Read): void {
  const read: WaitingRead = { id, key: request.key, lease: request.lease, since: step.nowMs };
  if (isNormal(step.state)) answerRead(step, primary, read);
  else if (primary.waitingReads.length < step.state.limits.queueMax) primary.waitingReads.push(read);
  else reply(step, id, { type: 'not-ready', reason: 'recovering' });
}

export function answerWaitingReads(step: Step, primary: PrimaryState): void {
  for (const read of primary.waitingReads.splice(0)) answerRead(step, primary, read);
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
