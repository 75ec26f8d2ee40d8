// The slow end of purges, in the background of a primary: rows that a hard purge has made unusable are removed through
// the log, some at a time, and once all rows were looked at the stamps themselves may go (apply-purge). Nothing is done
// for a while after a purge, so that a purge itself costs the same whatever it covers, and nothing at all where no
// purge has left a stamp: an idle group falls silent again.
import { armBatch, propose } from './commit.ts';
import { TOMBSTONE_LIFE_MS } from './limits.ts';
import { isNormal, type PrimaryState } from './replica-state.ts';
import { isUseless, standingOf } from './standing.ts';
import type { Step } from './step.ts';
import { isNewer } from './viewstamp.ts';

const NEXT_LOOK_MS = 1_000;
/** Rows looked at in one go. */
const LOOKED_AT_MAX = 128;
/** The fill floor follows the log when it moves: a floor proposed so much later finds it moved. */
const NEXT_FLOOR_MS = TOMBSTONE_LIFE_MS + 1_000;

/** One bounded piece of the work, when it is due. */
export function discardSome(step: Step, primary: PrimaryState): void {
  const { state, store, nowMs } = step;
  const { discards } = primary;
  if (discards.dueAt === null || discards.dueAt > nowMs) return;
  discards.dueAt = nowMs + NEXT_LOOK_MS;
  if (!isNormal(state) || discards.proposed > 0) return;
  const span = store.invalidationSpan();
  if (span === null) {
    if (state.overlay.invalidations.size > 0) step.flush = true;
    else discards.dueAt = null;
  } else if (isNewer(span.newest, discards.doneUpTo) || isLateFor(span.firstGoesAt)) {
    lookOn(step, primary);
  } else if (span.firstGoesAt < discards.doneT) {
    propose(primary, { type: 'floor', upTo: discards.doneUpTo, t: discards.doneT });
    discards.dueAt = nowMs + NEXT_FLOOR_MS;
  } else {
    discards.dueAt = Math.max(span.firstGoesAt, nowMs) + NEXT_LOOK_MS;
  }
  armBatch(step, primary);

  /** Due to go, and the last pass was too early to tell that no row needs it. */
  function isLateFor(goesAt: number): boolean {
    return goesAt < nowMs && goesAt >= discards.doneT;
  }
}

function lookOn(step: Step, primary: PrimaryState): void {
  const { state, store, nowMs } = step;
  const { discards } = primary;
  const { pass } = discards;
  if (pass === null) {
    // Rows that only memory knows have no place to be come by: they get one now, and the pass begins the next time.
    step.flush = true;
    const from = { view: state.appliedView, op: state.head.applied };
    discards.pass = { from, t: Math.max(nowMs, state.head.appliedT), cursor: null };
    return;
  }
  const { rows, cursor } = store.rowsAfter(pass.cursor, LOOKED_AT_MAX);
  for (const row of rows) {
    if (!isUseless(standingOf(state.overlay, store, row, pass.t), pass.t)) continue;
    const { key, variant, viewstamp } = row;
    propose(primary, { type: 'discard', address: { key, variant }, viewstamp });
    discards.proposed += 1;
  }
  pass.cursor = cursor;
  if (rows.length === LOOKED_AT_MAX) return;
  discards.doneUpTo = pass.from;
  discards.doneT = pass.t;
  discards.pass = null;
}
