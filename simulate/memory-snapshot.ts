// What a snapshot of a store in memory consists of: every row of the replicated state at its place in a fixed order.
import type { LogEntry } from '../core/replication/messages.ts';
import type {
  AppliedHead,
  DedupeRow,
  Invalidation,
  Row,
  Tombstone,
  Write,
} from '../core/replication/store.ts';
import type { Viewstamp } from '../core/replication/viewstamp.ts';

/** Without what makes it a write. */
export function appliedOf({ type: _, ...head }: Extract<Write, { type: 'applied' }>): AppliedHead {
  return head;
}

export interface ReplicatedMaps {
  readonly rowsByKey: ReadonlyMap<string, ReadonlyMap<string, Row>>;
  readonly tombstones: Map<string, Tombstone>;
  readonly invalidations: Map<string, Invalidation>;
  readonly dedupeRows: Map<string, DedupeRow>;
}

export interface StoredChunk {
  readonly bytes: Uint8Array;
  readonly stagedAt: number;
}

export const NOTHING: Viewstamp = { view: 0, op: 0 };

export const NOTHING_APPLIED: AppliedHead = {
  commit: 0,
  applied: 0,
  appliedT: 0,
  fillFloor: NOTHING,
  fillMark: NOTHING,
  fillMarkT: 0,
  httpBytes: 0,
  kvBytes: 0,
  kvKeptBytes: 0,
  entries: 0,
  stateHash: 0,
  boundMs: 0,
  boundSince: 0,
  boundMaxMs: 0,
  incarnations: [],
};

interface Item {
  readonly place: string;
  readonly write: Write;
  readonly remove: () => void;
}

/** So that a snapshot has many parts. */
const ITEM_BYTES = 200 * 1024;

function itemsOf(maps: ReplicatedMaps, deleteRow: (row: Row) => void): Item[] {
  const items: Item[] = [];
  for (const variants of maps.rowsByKey.values()) {
    for (const row of variants.values()) {
      const place = `0 ${row.key} ${row.variant}`;
      items.push({ place, write: { type: 'putRow', row }, remove: () => deleteRow(row) });
    }
  }
  for (const [key, tombstone] of maps.tombstones) {
    const remove = () => maps.tombstones.delete(key);
    items.push({ place: `1 ${key}`, write: { type: 'tombstone', tombstone }, remove });
  }
  for (const [scope, row] of maps.invalidations) {
    const remove = () => maps.invalidations.delete(scope);
    items.push({ place: `2 ${scope}`, write: { type: 'invalidation', row }, remove });
  }
  for (const [reqId, row] of maps.dedupeRows) {
    const remove = () => maps.dedupeRows.delete(reqId);
    items.push({ place: `3 ${reqId}`, write: { type: 'dedupe', row }, remove });
  }
  return items.sort((a, b) => (a.place < b.place ? -1 : 1));
}

export function snapshotPartOf(
  maps: ReplicatedMaps,
  after: string | null,
  bytesMax: number,
): { writes: Write[]; to: string | null } {
  const left = itemsOf(maps, () => {}).filter(({ place }) => after === null || place > after);
  const part = left.slice(0, Math.max(1, Math.floor(bytesMax / ITEM_BYTES)));
  return {
    writes: part.map(({ write }) => write),
    to: part.length === left.length ? null : (part.at(-1)?.place ?? null),
  };
}

export function clearRange(
  maps: ReplicatedMaps,
  after: string | null,
  to: string | null,
  deleteRow: (row: Row) => void,
): void {
  for (const { place, remove } of itemsOf(maps, deleteRow)) {
    if ((after === null || place > after) && (to === null || place <= to)) remove();
  }
}

/** The chunks that rows or log entries name. */
export function namedChunks(rows: readonly Row[], log: readonly LogEntry[]): Set<string> {
  const named = new Set<string>();
  for (const { value } of rows) {
    if (value.body.type === 'chunks') for (const hash of value.body.hashes) named.add(hash);
  }
  for (const { command } of log.flatMap(({ items }) => items)) {
    if (command.type !== 'put' && command.type !== 'fill') continue;
    if (command.value.body.type === 'chunks') for (const hash of command.value.body.hashes) named.add(hash);
  }
  return named;
}
