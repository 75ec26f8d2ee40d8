// Rows as applying changes them: totals, expiry and the state hash follow every change here and nowhere else.
import { isKvEntryKey } from '../sharding/entry-key.ts';
import type { ApplyPoint } from './apply.ts';
import { mixHash } from './digest.ts';
import { coverRow, coverTombstone, readRowHead, readTombstone } from './overlay.ts';
import { standingOf } from './standing.ts';
import type { Step } from './step.ts';
import type { Row, RowHead } from './store.ts';
import { isNewer, type Viewstamp } from './viewstamp.ts';

/** Bodies above this lie in chunks, which nobody may name any more once their row is gone. */
const INLINE_BYTES_MAX = 256 * 1024;

/** The live row of a key-value pair (or of one variant) at this point of the log. */
export function liveRow(step: Step, key: string, variant: string, t: number): RowHead | undefined {
  const { overlay } = step.state;
  const row = readRowHead(overlay, step.store, { key, variant });
  if (row === undefined) return undefined;
  return standingOf(overlay, step.store, row, t).type === 'live' ? row : undefined;
}

export function storeRow(step: Step, row: Row): void {
  const { state, store } = step;
  const { overlay, head } = state;
  const old = readRowHead(overlay, store, row);
  if (old === undefined) head.entries += 1;
  else count(step, old, -1);
  count(step, row, 1);
  coverRow(overlay, row, row);
  if (row.expireAt !== null) state.nextExpiryAt = Math.min(state.nextExpiryAt ?? row.expireAt, row.expireAt);
  const { born } = row;
  mix(step, `row ${row.key} ${row.variant} ${born.view}.${born.op} ${row.expireAt} ${row.bytes}`);
}

/** The row must be there. */
export function removeRow(step: Step, row: RowHead): void {
  step.state.head.entries -= 1;
  count(step, row, -1);
  coverRow(step.state.overlay, { key: row.key, variant: row.variant }, null);
  mix(step, `gone ${row.key} ${row.variant}`);
}

/** A tombstone only ever moves to a newer stamp. */
export function leaveTombstone(step: Step, key: string, stamp: Viewstamp, point: ApplyPoint): void {
  const { overlay } = step.state;
  const old = readTombstone(overlay, step.store, key);
  if (old !== undefined && !isNewer(stamp, old.stamp)) return;
  coverTombstone(overlay, { key, stamp, t: point.t });
  mix(step, `tombstone ${key} ${stamp.view}.${stamp.op}`);
}

function count(step: Step, row: RowHead, sign: 1 | -1): void {
  const { head } = step.state;
  if (isKvEntryKey(row.key)) {
    head.kvBytes += sign * row.bytes;
    if (row.expireAt === null) head.kvKeptBytes += sign * row.bytes;
  } else head.httpBytes += sign * row.bytes;
  if (sign < 0 && row.bytes > INLINE_BYTES_MAX) step.state.sweepAt ??= step.nowMs;
}

function mix(step: Step, text: string): void {
  step.state.head.stateHash = mixHash(step.state.head.stateHash, text);
}
