// Everything that takes rows away: deletes, expiry, eviction, and the removal of what a purge has made unusable. Each
// leaves behind what refuses a fill that began before it, so that a slow fetch never brings old data back.
import { isKvEntryKey } from '../sharding/entry-key.ts';
import type { ApplyPoint } from './apply.ts';
import { conditionFailed, conditionHolds } from './apply-put.ts';
import type { Command, CommandResult } from './commands.ts';
import { readRowHead, readRowHeads } from './overlay.ts';
import { leaveTombstone, liveRow, removeRow } from './rows.ts';
import { isUseless, standingOf } from './standing.ts';
import type { Step } from './step.ts';
import { isNewer, sameViewstamp } from './viewstamp.ts';

export function applyDelete(
  step: Step,
  point: ApplyPoint,
  command: Extract<Command, { type: 'delete' }>,
): CommandResult {
  const { key } = command;
  const existing = liveRow(step, key, '', point.t);
  if (!conditionHolds(command.condition, existing)) return conditionFailed(existing);
  removeAll(step, point, key);
  return { type: 'deleted', existed: existing !== undefined };
}

/**
 * Removals that a primary proposed from what it saw then: nothing happens if the row was written since, if it has not
 * expired by logged time, if no purge forbids its use, or if it is key-value data that was promised to stay.
 */
export function applyRemoval(
  step: Step,
  point: ApplyPoint,
  command: Extract<Command, { type: 'expire' | 'evict' | 'discard' }>,
): CommandResult {
  const { overlay, head } = step.state;
  const row = readRowHead(overlay, step.store, command.address);
  const done: CommandResult = { type: 'done' };
  if (row === undefined || !sameViewstamp(row.viewstamp, command.viewstamp)) return done;
  if (command.type === 'expire' && (row.expireAt === null || row.expireAt > point.t)) return done;
  if (command.type === 'discard' && !isUseless(standingOf(overlay, step.store, row, point.t), point.t)) {
    return done;
  }
  if (command.type === 'evict' && isKvEntryKey(row.key) && row.expireAt === null) return done;
  removeRow(step, row);
  // The row's own birth refused older fills; below the fill floor there are none left to refuse.
  if (isNewer(row.born, head.fillFloor)) leaveTombstone(step, row.key, row.born, point);
  return done;
}

/** Every variant, stored or still being fetched. */
export function removeAll(step: Step, point: ApplyPoint, key: string): void {
  for (const row of readRowHeads(step.state.overlay, step.store, key)) removeRow(step, row);
  leaveTombstone(step, key, point.stamp, point);
}
