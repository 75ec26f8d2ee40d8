// What is applied but not yet persisted, laid over the store's reads. A primary replies as soon as an op commits and
// lets its rows reach the disk with the next batch; after a crash they are derived again from the log. Overwritten
// rows are persisted once, so what only adds or replaces waits for more of its kind. Bounded: its size is compared with the
// limits after every step.
import type { RowAddress } from './commands.ts';
import { dueToGoAt, newestStamp } from './purge-scope.ts';
import type { DedupeRow, Invalidation, ReplicaStore, Row, RowHead, Tombstone, Write } from './store.ts';
import { isNewer, type Viewstamp } from './viewstamp.ts';

export interface ForgottenInvalidations {
  readonly upTo: Viewstamp;
  readonly beforeT: number;
}

export interface Overlay {
  /** By key, then variant; null = removed. */
  readonly rows: Map<string, Map<string, Row | null>>;
  readonly tombstones: Map<string, Tombstone>;
  readonly dedupe: Map<string, DedupeRow>;
  /** By scope. */
  readonly invalidations: Map<string, Invalidation>;
  /** Stored invalidations that are gone. */
  forgotten: ForgottenInvalidations | null;
  floor: Viewstamp | null;
  /** Ops applied since the last flush, those without effect included. */
  ops: number;
  /** What the store still shows is gone: whoever looks for something to remove would find it again. */
  isOverdue: boolean;
  changes: number;
  bytes: number;
}

export function emptyOverlay(): Overlay {
  return {
    rows: new Map(),
    tombstones: new Map(),
    dedupe: new Map(),
    invalidations: new Map(),
    forgotten: null,
    floor: null,
    ops: 0,
    isOverdue: false,
    changes: 0,
    bytes: 0,
  };
}

/** Lays a row (or its absence) over the store. */
export function coverRow(overlay: Overlay, address: RowAddress, row: Row | null): void {
  let variants = overlay.rows.get(address.key);
  if (variants === undefined) {
    variants = new Map();
    overlay.rows.set(address.key, variants);
  }
  variants.set(address.variant, row);
  if (row === null) overlay.isOverdue = true;
  overlay.changes += 1;
  overlay.bytes += row?.bytes ?? 0;
}

export function coverTombstone(overlay: Overlay, tombstone: Tombstone): void {
  overlay.tombstones.set(tombstone.key, tombstone);
  overlay.isOverdue = true;
  overlay.changes += 1;
}

export function coverDedupe(overlay: Overlay, row: DedupeRow): void {
  overlay.dedupe.set(row.reqId, row);
  overlay.changes += 1;
}

export function coverInvalidation(overlay: Overlay, row: Invalidation): void {
  overlay.invalidations.set(row.scope, row);
  overlay.isOverdue = true;
  overlay.changes += 1;
}

/** `gone` must reach at least as far as the one before it. */
export function forgetInvalidations(overlay: Overlay, gone: ForgottenInvalidations): void {
  overlay.forgotten = gone;
  overlay.isOverdue = true;
  for (const [scope, row] of overlay.invalidations) {
    if (isForgotten(row, gone)) overlay.invalidations.delete(scope);
  }
  overlay.changes += 1;
}

export function isForgotten(row: Invalidation, { upTo, beforeT }: ForgottenInvalidations): boolean {
  return !isNewer(newestStamp(row), upTo) && dueToGoAt(row) < beforeT;
}

export function readRowHead(overlay: Overlay, store: ReplicaStore, address: RowAddress): RowHead | undefined {
  const covering = overlay.rows.get(address.key)?.get(address.variant);
  if (covering === undefined) return store.rowHead(address);
  return covering ?? undefined;
}

export function readRowHeads(overlay: Overlay, store: ReplicaStore, key: string): RowHead[] {
  return merge(store.rowHeads(key), overlay.rows.get(key));
}

export function readRows(overlay: Overlay, store: ReplicaStore, key: string): Row[] {
  return merge(store.rows(key), overlay.rows.get(key));
}

export function readInvalidation(
  overlay: Overlay,
  store: ReplicaStore,
  scope: string,
): Invalidation | undefined {
  const covering = overlay.invalidations.get(scope);
  if (covering !== undefined) return covering;
  const stored = store.invalidation(scope);
  const isGone = stored !== undefined && overlay.forgotten !== null && isForgotten(stored, overlay.forgotten);
  return isGone ? undefined : stored;
}

export function readTombstone(overlay: Overlay, store: ReplicaStore, key: string): Tombstone | undefined {
  return overlay.tombstones.get(key) ?? store.tombstone(key);
}

export function readDedupe(overlay: Overlay, store: ReplicaStore, reqId: string): DedupeRow | undefined {
  return overlay.dedupe.get(reqId) ?? store.dedupe(reqId);
}

/** Empties the overlay into writes. O(changes). */
export function takeWrites(overlay: Overlay): Write[] {
  const writes: Write[] = [];
  for (const [key, variants] of overlay.rows) {
    for (const [variant, row] of variants) {
      writes.push(row === null ? { type: 'deleteRow', address: { key, variant } } : { type: 'putRow', row });
    }
  }
  for (const tombstone of overlay.tombstones.values()) writes.push({ type: 'tombstone', tombstone });
  for (const row of overlay.dedupe.values()) writes.push({ type: 'dedupe', row });
  if (overlay.forgotten !== null) writes.push({ type: 'forgetInvalidations', ...overlay.forgotten });
  for (const row of overlay.invalidations.values()) writes.push({ type: 'invalidation', row });
  if (overlay.floor !== null) writes.push({ type: 'floor', floor: overlay.floor });
  overlay.forgotten = null;
  overlay.floor = null;
  overlay.invalidations.clear();
  overlay.rows.clear();
  overlay.tombstones.clear();
  overlay.dedupe.clear();
  overlay.ops = 0;
  overlay.isOverdue = false;
  overlay.changes = 0;
  overlay.bytes = 0;
  return writes;
}

/** Stored rows of a key under their covers, by variant in code-unit order. */
function merge<R extends RowHead>(
  stored: readonly R[],
  covers: ReadonlyMap<string, Row | null> | undefined,
): (R | Row)[] {
  if (covers === undefined) return [...stored];
  const rows: (R | Row)[] = stored.filter((row) => !covers.has(row.variant));
  for (const row of covers.values()) if (row !== null) rows.push(row);
  return rows.sort((a, b) => (a.variant < b.variant ? -1 : 1));
}
