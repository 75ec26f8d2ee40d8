// Fills: what a fetch from the origin brought, stored only if nothing happened to its key since the fetch began. The
// token says when that was; acceptance depends on it and on replicated state alone, never on who holds a lease
// (Nishtala et al. 2013 §3.2.1 for leases against stale sets; there memory decides, here the log does).
import type { ApplyPoint } from './apply.ts';
import { removeAll } from './apply-removal.ts';
import type { Command, CommandResult, FillRefusal } from './commands.ts';
import { TOMBSTONE_LIFE_MS } from './limits.ts';
import { readRowHeads, readTombstone } from './overlay.ts';
import { removeRow, storeRow } from './rows.ts';
import { rowBytes } from './sizes.ts';
import { isPurgedSince, standingOf } from './standing.ts';
import type { Step } from './step.ts';
import type { RowHead } from './store.ts';
import { compareViewstamps, isNewer } from './viewstamp.ts';

type Fill = Extract<Command, { type: 'fill' }>;

/** The row is born when its token was given, not when it arrives: later purges and fills are compared with that. */
export function applyFill(step: Step, point: ApplyPoint, command: Fill): CommandResult {
  const { key, variant, value, token, ttlMs, tags, purges = false } = command;
  const siblings = readRowHeads(step.state.overlay, step.store, key);
  const reason = refusal(step, point, command, siblings);
  // Its own purge is not among those that it is compared with; the tombstone refuses fetches that began before it.
  if (purges) removeAll(step, point, key);
  if (reason !== null) return { type: 'fill-refused', reason };

  if (!purges) makeRoom(step, point, variant, siblings);
  storeRow(step, {
    key,
    variant,
    viewstamp: point.stamp,
    item: point.item,
    born: { view: token.view, op: token.op },
    writtenAt: point.t,
    expireAt: point.t + ttlMs,
    tags,
    bytes: rowBytes({ key, variant }, value),
    value,
  });
  return { type: 'filled' };
}

function refusal(
  step: Step,
  point: ApplyPoint,
  fill: Fill,
  siblings: readonly RowHead[],
): FillRefusal | null {
  const { identity, overlay, head, floor } = step.state;
  const { token, key } = fill;
  if (token.groupId !== identity.groupId) return 'foreign-group';
  if (point.t < token.t) return 'time-went-back';
  if (point.t - token.t > TOMBSTONE_LIFE_MS) return 'token-expired';
  if (isNewer(floor, token) || isNewer(head.fillFloor, token)) return 'token-below-floor';
  const tombstone = readTombstone(overlay, step.store, key);
  if (tombstone !== undefined && isNewer(tombstone.stamp, token)) return 'purged-since-token';
  if (isPurgedSince(overlay, step.store, fill, token)) return 'purged-since-token';
  if (siblings.some((row) => isNewer(row.born, token))) return 'written-since-token';
  return null;
}

/**
 * What a purge has made unusable goes now that the key is written anyway; of the others the number is bounded, and the
 * one written longest ago goes first.
 */
function makeRoom(step: Step, point: ApplyPoint, variant: string, siblings: readonly RowHead[]): void {
  const { overlay } = step.state;
  const others: RowHead[] = [];
  for (const row of siblings) {
    if (row.variant === variant) continue;
    if (standingOf(overlay, step.store, row, point.t).type === 'purged') removeRow(step, row);
    else others.push(row);
  }
  if (others.length < step.state.limits.variantsMax) return;
  const oldestFirst = [...others].sort(
    (a, b) => compareViewstamps(a.viewstamp, b.viewstamp) || a.item - b.item,
  );
  const excess = others.length - step.state.limits.variantsMax + 1;
  for (const row of oldestFirst.slice(0, excess)) removeRow(step, row);
}
