// Increments: a sum in the log, not in any client's hands. What is stored is text, as everybody else reads and writes
// it: an integer in decimal, without leading zeros or a plus, as far as a JSON number is exact.
import type { ApplyPoint } from './apply.ts';
import { conditionFailed, conditionHolds, isOverFull } from './apply-put.ts';
import type { Body, Command, CommandResult } from './commands.ts';
import { etagOf } from './etag.ts';
import { readRows } from './overlay.ts';
import { liveRow, storeRow } from './rows.ts';
import { bodyBytes, rowBytes } from './sizes.ts';
import type { Step } from './step.ts';
import type { Row } from './store.ts';

/** Characters of the longest safe integer: "-9007199254740991". */
const LENGTH_MAX = 17;

/** A pair that is there keeps its lifetime, tags and type: only its value is another. */
export function applyIncrement(
  step: Step,
  point: ApplyPoint,
  command: Extract<Command, { type: 'increment' }>,
): CommandResult {
  const { key, by, ttlMs } = command;
  const existing = wholeRow(step, key, point.t);
  if (!conditionHolds(command.condition, existing)) return conditionFailed(existing);
  const before = existing === undefined ? 0 : integerIn(existing.value.body);
  if (existing !== undefined && before === null) return { type: 'not-an-integer', etag: etagOf(existing) };
  const sum = (before ?? 0) + by;
  if (!Number.isSafeInteger(sum)) {
    return { type: 'out-of-range', etag: existing === undefined ? null : etagOf(existing) };
  }
  const value = { meta: existing?.value.meta ?? command.meta, body: textBody(String(sum)) };
  const address = { key, variant: '' };
  const newExpiry = ttlMs === null ? null : point.t + ttlMs;
  const row: Row = {
    ...address,
    viewstamp: point.stamp,
    item: point.item,
    born: point.stamp,
    writtenAt: point.t,
    expireAt: existing === undefined ? newExpiry : existing.expireAt,
    tags: existing?.tags ?? command.tags,
    bytes: rowBytes(address, value),
    value,
  };
  if (isOverFull(step, row)) return { type: 'full' };
  storeRow(step, row);
  return { type: 'incremented', value: sum, etag: etagOf(row) };
}

function wholeRow(step: Step, key: string, t: number): Row | undefined {
  if (liveRow(step, key, '', t) === undefined) return undefined;
  return readRows(step.state.overlay, step.store, key).find(({ variant }) => variant === '');
}

/** null when it is none. */
function integerIn(body: Body): number | null {
  if (body.type !== 'inline' || bodyBytes(body) > LENGTH_MAX) return null;
  const text = String.fromCharCode(...body.bytes);
  if (!/^(?:0|-?[1-9]\d*)$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/** ASCII. */
function textBody(text: string): Body {
  return { type: 'inline', bytes: Uint8Array.from(text, (character) => character.charCodeAt(0)) };
}
