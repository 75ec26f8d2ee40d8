// Purges, and what becomes of them. A purge writes one stamp for its scope and touches no row; from then on whatever
// is older does not count (hard) or is stale (soft), and a fill whose fetch began before it is refused. A hard purge of
// one URL removes its few rows at once instead, and leaves a tombstone.
//
// Exactly once: the stamp's own row remembers the request ids that made it, so that a purge costs one row and not one
// more (two, with its index) in the table of request ids. They are kept at least as long as others are.
//
// The end of a stamp: the primary looks through the rows in the background and proposes a `discard` for each that is
// of no more use (what was purged softly: a day later); when none is left, `floor` lets the stamps go. That needs the floor: a fill of a fetch that began
// before the purge would find no stamp any more, so tokens older than the floor are refused. The design's floor makes
// everything older unusable; this one only says that it is gone, so a long-lived response is not lost with it.
import type { ApplyPoint } from './apply.ts';
import { removeAll } from './apply-removal.ts';
import type { Command, CommandResult } from './commands.ts';
import { mixHash } from './digest.ts';
import { coverInvalidation, forgetInvalidations, readInvalidation } from './overlay.ts';
import { scopeOf } from './purge-scope.ts';
import type { Step } from './step.ts';
import type { PurgeStamp } from './store.ts';
import { isNewer, type Viewstamp } from './viewstamp.ts';

type Purge = Extract<Command, { type: 'purge' }>;

/** Request ids remembered by one scope; beyond them a repetition would purge what was stored since as well. */
const REQUEST_IDS_MAX = 32;

/** A purge that does: its repetition is recognised by that row instead of by one of its own. */
export function leavesStamp(command: Command): boolean {
  return command.type === 'purge' && (command.selector.type !== 'url' || command.soft === true);
}

export function applyPurge(step: Step, point: ApplyPoint, reqId: string, command: Purge): CommandResult {
  const { selector } = command;
  if (selector.type === 'url' && command.soft !== true) {
    removeAll(step, point, selector.key);
    return { type: 'purged' };
  }
  const { overlay, head } = step.state;
  const scope = scopeOf(selector);
  const known = readInvalidation(overlay, step.store, scope);
  const reqIds = known?.reqIds ?? [];
  if (reqId !== '' && reqIds.includes(reqId)) return { type: 'purged' };

  const stamp: PurgeStamp = { ...point.stamp, item: point.item, t: point.t };
  coverInvalidation(overlay, {
    scope,
    hard: command.soft === true ? (known?.hard ?? null) : stamp,
    soft: command.soft === true ? stamp : (known?.soft ?? null),
    reqIds: reqId === '' ? reqIds : [...reqIds, reqId].slice(-REQUEST_IDS_MAX),
  });
  const kind = command.soft === true ? 'soft' : 'hard';
  head.stateHash = mixHash(head.stateHash, `${kind} ${scope} ${stamp.view}.${stamp.op}.${stamp.item}`);
  return { type: 'purged' };
}

/** Never beyond the fill floor: tokens that still count must find their stamps. */
export function applyFloor(
  step: Step,
  point: ApplyPoint,
  { upTo, t }: Extract<Command, { type: 'floor' }>,
): CommandResult {
  const { state } = step;
  const { head, overlay } = state;
  const floor: Viewstamp = isNewer(upTo, head.fillFloor) ? head.fillFloor : upTo;
  if (isNewer(floor, state.floor)) state.floor = floor;
  // A clock set back must not bring back what an earlier floor has let go.
  const before = overlay.forgotten?.beforeT ?? 0;
  forgetInvalidations(overlay, { upTo: state.floor, beforeT: Math.max(before, Math.min(t, point.t)) });
  overlay.floor = state.floor;
  head.stateHash = mixHash(head.stateHash, `floor ${state.floor.view}.${state.floor.op}`);
  return { type: 'done' };
}
