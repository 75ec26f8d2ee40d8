// Applying: the one place where commands take effect, in op order, on every member alike. Whatever an outcome
// depends on is replicated state or the entry's own logged time; no clock, no arrival order, no memory of the
// primary's. What it changes goes to the overlay and into the rolling state hash.

import { applyFill } from './apply-fill.ts';
import { applyIncrement } from './apply-increment.ts';
import { applyFloor, applyPurge, leavesStamp } from './apply-purge.ts';
import { applyPut } from './apply-put.ts';
import { applyDelete, applyRemoval } from './apply-removal.ts';
import { assert } from './assert.ts';
import { applyBound, applyBoundSettled } from './bound.ts';
import type { CommandResult } from './commands.ts';
import { mixHash } from './digest.ts';
import { stillRemembers } from './forget.ts';
import { TOMBSTONE_LIFE_MS } from './limits.ts';
import type { LogEntry, LogItem } from './messages.ts';
import { readLog } from './op-log.ts';
import { coverDedupe, readDedupe } from './overlay.ts';
import { applyReadmit } from './readmission.ts';
import { noteHash } from './state-hash.ts';
import type { Step } from './step.ts';
import type { Viewstamp } from './viewstamp.ts';

/** Where a command stands in the log: its entry, and its place among the entry's items. */
export interface ApplyPoint {
  readonly stamp: Viewstamp;
  readonly item: number;
  readonly t: number;
}

const READ_BYTES = 1024 * 1024;

/**
 * Applies every committed entry that is not applied yet; `onApplied` hears each entry's results in item order.
 * O(items), plus the reads they need.
 */
export function applyCommitted(
  step: Step,
  onApplied: (entry: LogEntry, results: readonly CommandResult[]) => void,
): void {
  const { state, store } = step;
  const { head } = state;
  while (head.applied < head.commit) {
    const entries = readLog(state, store, head.applied + 1, READ_BYTES);
    assert(entries.length > 0, () => `committed op ${head.applied + 1} is not in the log`);
    for (const entry of entries) {
      if (entry.op > head.commit) break;
      onApplied(entry, applyEntry(step, entry));
    }
  }
}

function applyEntry(step: Step, entry: LogEntry): CommandResult[] {
  const { state } = step;
  const { head } = state;
  assert(entry.op === head.applied + 1, () => `op ${entry.op} cannot be applied after op ${head.applied}`);
  const stamp = { view: entry.view, op: entry.op };
  moveFillFloor(step, stamp, entry.t);
  const results = entry.items.map((item, index) => applyItem(step, { stamp, item: index, t: entry.t }, item));
  head.applied = entry.op;
  head.appliedT = entry.t;
  state.appliedView = entry.view;
  state.overlay.ops += 1;
  noteHash(state);
  return results;
}

/** A second occurrence of a request id does nothing and has the first result. */
function applyItem(step: Step, point: ApplyPoint, item: LogItem): CommandResult {
  const { state, store } = step;
  const { overlay } = state;
  const { reqId, digest } = item;
  const needsRow = reqId !== '' && !leavesStamp(item.command);
  const first = !needsRow ? undefined : readDedupe(overlay, store, reqId);
  if (first !== undefined && stillRemembers(first, point.stamp.op, point.t)) {
    return first.digest === digest ? first.result : { type: 'request-mismatch' };
  }
  const result = applyCommand(step, point, item);
  if (needsRow) coverDedupe(overlay, { reqId, digest, result, op: point.stamp.op, t: point.t });
  state.head.stateHash = mixHash(
    state.head.stateHash,
    `${point.stamp.op}.${point.item} ${reqId} ${digest} ${JSON.stringify(result)}`,
  );
  return result;
}

function applyCommand(step: Step, point: ApplyPoint, { reqId, command }: LogItem): CommandResult {
  switch (command.type) {
    case 'put':
      return applyPut(step, point, command);
    case 'increment':
      return applyIncrement(step, point, command);
    case 'fill':
      return applyFill(step, point, command);
    case 'delete':
      return applyDelete(step, point, command);
    case 'purge':
      return applyPurge(step, point, reqId, command);
    case 'floor':
      return applyFloor(step, point, command);
    case 'expire':
    case 'evict':
    case 'discard':
      return applyRemoval(step, point, command);
    case 'bound':
      return applyBound(step, command);
    case 'boundSettled':
      return applyBoundSettled(step, command);
    case 'readmit':
      return applyReadmit(step, command);
    case 'viewStart':
      return { type: 'done' };
  }
}

/**
 * Tombstones cannot be kept for ever, and a lifetime in logged time alone is not safe: a clock set back between a
 * token and a purge could let the tombstone go while the token still counts. So the log itself moves a floor: a mark
 * is set at an op, and once more than 60 s of logged time have passed, fills whose token is older than that op are
 * refused and tombstones up to it may go. A token in its time is never older, since its own `t` is not above the
 * mark's. O(1).
 */
function moveFillFloor(step: Step, stamp: Viewstamp, t: number): void {
  const { head } = step.state;
  if (t - head.fillMarkT <= TOMBSTONE_LIFE_MS) return;
  head.fillFloor = head.fillMark;
  head.fillMark = stamp;
  head.fillMarkT = t;
}
