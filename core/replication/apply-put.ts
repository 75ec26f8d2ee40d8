// Puts, and the conditions that puts and deletes may carry.
import { isKvEntryKey } from '../sharding/entry-key.ts';
import type { ApplyPoint } from './apply.ts';
import type { Command, CommandResult, Condition } from './commands.ts';
import { etagOf } from './etag.ts';
import { readRowHead } from './overlay.ts';
import { liveRow, storeRow } from './rows.ts';
import { rowBytes } from './sizes.ts';
import type { Step } from './step.ts';
import type { Row, RowHead } from './store.ts';

/** Stores the value unless its condition fails or key-value data would outgrow the shard; born at its own op. */
export function applyPut(
  step: Step,
  point: ApplyPoint,
  command: Extract<Command, { type: 'put' }>,
): CommandResult {
  const { key, value, ttlMs, tags } = command;
  const existing = liveRow(step, key, '', point.t);
  if (!conditionHolds(command.condition, existing)) return conditionFailed(existing);

  const address = { key, variant: '' };
  const bytes = rowBytes(address, value);
  const expireAt = ttlMs === null ? null : point.t + ttlMs;
  if (isOverFull(step, { ...address, bytes, expireAt })) return { type: 'full' };
  const row: Row = {
    ...address,
    viewstamp: point.stamp,
    item: point.item,
    born: point.stamp,
    writtenAt: point.t,
    expireAt,
    tags,
    bytes,
    value,
  };
  storeRow(step, row);
  return { type: 'stored', created: existing === undefined, etag: etagOf(row) };
}

/**
 * Key-value data without a ttl is never evicted, so its sum is bounded here. What has a ttl may be evicted, and is,
 * when all of it together takes too much: it is always stored.
 */
export function isOverFull(
  step: Step,
  row: Pick<RowHead, 'key' | 'variant' | 'bytes' | 'expireAt'>,
): boolean {
  if (!isKvEntryKey(row.key) || row.expireAt !== null) return false;
  const { head, limits, overlay } = step.state;
  const old = readRowHead(overlay, step.store, row);
  const grownBy = row.bytes - (old?.expireAt === null ? old.bytes : 0);
  return grownBy > 0 && head.kvKeptBytes + grownBy > limits.kvBytesMax;
}

/** RFC 9110 §13.1.1 and §13.1.2 for `If-Match` and `If-None-Match: *`; etags compare as opaque text. */
export function conditionHolds(condition: Condition | null, existing: RowHead | undefined): boolean {
  switch (condition?.type) {
    case undefined:
      return true;
    case 'absent':
      return existing === undefined;
    case 'exists':
      return existing !== undefined;
    case 'etag':
      return existing !== undefined && condition.etags.includes(etagOf(existing));
  }
}

export function conditionFailed(existing: RowHead | undefined): CommandResult {
  return { type: 'condition-failed', etag: existing === undefined ? null : etagOf(existing) };
}
