// The tables of which the replicated state consists, in the order in which a snapshot carries them: each row as the
// write that makes it. A new table of that kind must be added here, or members that take in a snapshot part ways with
// the others; the test "every table is either part of a snapshot or…" reminds of it.
import type { Invalidation, Row, Tombstone, Write } from '../../core/replication/store.ts';
import { rowsOfRun } from './dedupe-table.ts';
import { HEAD_COLUMNS, type RowColumns, rowOf } from './row-codec.ts';

type Key = readonly (string | number)[];

interface Item {
  readonly key: Key;
  readonly bytes: number;
  readonly write: Write;
}

interface SnapshotTable {
  readonly name: string;
  /** In the order of their keys, from behind `after`. */
  read(sql: SqlStorage, after: Key | null, limit: number): Item[];
  /** Removes what lies behind `after` and up to `to`; null: from the start, to the end. */
  clear(sql: SqlStorage, after: Key | null, to: Key | null): void;
}

const PAGE = 64;
/** What a row of the small tables counts for. */
const SMALL_BYTES = 256;
const NO_TEXT = '';

export const SNAPSHOT_TABLES: readonly SnapshotTable[] = [
  {
    name: 'rows',
    read: (sql, after, limit) =>
      sql
        .exec<RowColumns>(
          `SELECT ${HEAD_COLUMNS}, id, hashes, bodyBytes, meta, body FROM rows
           WHERE (key, variant) > (?, ?) OR ? ORDER BY key, variant LIMIT ?`,
          after?.[0] ?? NO_TEXT,
          after?.[1] ?? NO_TEXT,
          after === null ? 1 : 0,
          limit,
        )
        .toArray()
        .map((columns) => {
          const row: Row = rowOf(columns, () => new ArrayBuffer(0));
          return { key: [row.key, row.variant], bytes: row.bytes, write: { type: 'putRow', row } };
        }),
    clear(sql, after, to) {
      sql.exec(
        'DELETE FROM rows WHERE ((key, variant) > (?, ?) OR ?) AND ((key, variant) <= (?, ?) OR ?)',
        after?.[0] ?? NO_TEXT,
        after?.[1] ?? NO_TEXT,
        after === null ? 1 : 0,
        to?.[0] ?? NO_TEXT,
        to?.[1] ?? NO_TEXT,
        to === null ? 1 : 0,
      );
    },
  },
  keyedByText('tombstones', 'key', (sql, after, limit) =>
    sql
      .exec<{ key: string; view: number; op: number; t: number }>(
        'SELECT key, view, op, t FROM tombstones WHERE key > ? ORDER BY key LIMIT ?',
        after,
        limit,
      )
      .toArray()
      .map(({ key, view, op, t }): Item => {
        const tombstone: Tombstone = { key, stamp: { view, op }, t };
        return { key: [key], bytes: SMALL_BYTES + key.length, write: { type: 'tombstone', tombstone } };
      }),
  ),
  keyedByText('invalidations', 'scope', (sql, after, limit) =>
    sql
      .exec<{ scope: string; content: string }>(
        'SELECT scope, content FROM invalidations WHERE scope > ? ORDER BY scope LIMIT ?',
        after,
        limit,
      )
      .toArray()
      .map(({ scope, content }): Item => {
        const row: Invalidation = { scope, ...JSON.parse(content) };
        return { key: [scope], bytes: SMALL_BYTES + content.length, write: { type: 'invalidation', row } };
      }),
  ),
  {
    // In the order of their ops, which is that of their runs: the receiver makes runs of its own.
    name: 'dedupeRuns',
    read: readRequestIds,
    clear(sql, after) {
      if (after === null) sql.exec('DELETE FROM dedupeRuns');
    },
  },
];

/** The key is the run and how many of its rows are read. */
function readRequestIds(sql: SqlStorage, after: Key | null, limit: number): Item[] {
  const items: Item[] = [];
  let [run, count] = [Number(after?.[0] ?? 0), Number(after?.[1] ?? 0)];
  const found = sql.exec<{ run: number; content: string }>(
    'SELECT run, content FROM dedupeRuns WHERE run >= ? ORDER BY run',
    run,
  );
  for (const columns of found) {
    if (columns.run !== run) ({ run, count } = { run: columns.run, count: 0 });
    for (const row of rowsOfRun(columns.content).slice(count)) {
      count += 1;
      const bytes = SMALL_BYTES + JSON.stringify(row.result).length;
      items.push({ key: [run, count], bytes, write: { type: 'dedupe', row } });
      if (items.length === limit) return items;
    }
  }
  return items;
}

function keyedByText(
  name: string,
  column: string,
  read: (sql: SqlStorage, after: string, limit: number) => Item[],
): SnapshotTable {
  return {
    name,
    read: (sql, after, limit) => read(sql, String(after?.[0] ?? NO_TEXT), limit),
    clear(sql, after, to) {
      sql.exec(
        `DELETE FROM ${name} WHERE ${column} > ? AND (${column} <= ? OR ?)`,
        after?.[0] ?? NO_TEXT,
        to?.[0] ?? NO_TEXT,
        to === null ? 1 : 0,
      );
    },
  };
}

interface Place {
  readonly table: number;
  readonly key: Key | null;
}

function placeOf(cursor: string | null): Place {
  if (cursor === null) return { table: 0, key: null };
  const [name, ...key] = JSON.parse(cursor) as [string, ...(string | number)[]];
  const table = SNAPSHOT_TABLES.findIndex((one) => one.name === name);
  if (table < 0) throw new Error(`Cannot go on with a snapshot at table "${name}": this code has none`);
  return { table, key };
}

/** O(items read). `to` null: nothing is left behind these. */
export function readSnapshotPart(
  sql: SqlStorage,
  cursor: string | null,
  bytesMax: number,
): { writes: Write[]; to: string | null } {
  const writes: Write[] = [];
  let to = cursor;
  let bytes = 0;
  let { table, key } = placeOf(cursor);
  for (; table < SNAPSHOT_TABLES.length; table++, key = null) {
    const { name, read } = SNAPSHOT_TABLES[table] as SnapshotTable;
    for (;;) {
      const page = read(sql, key, PAGE);
      for (const item of page) {
        bytes += item.bytes;
        if (writes.length > 0 && bytes > bytesMax) return { writes, to };
        writes.push(item.write);
        key = item.key;
        to = JSON.stringify([name, ...item.key]);
      }
      if (page.length < PAGE) break;
    }
  }
  return { writes, to: null };
}

/** Removes what lies between two places. */
export function clearSnapshotRange(sql: SqlStorage, after: string | null, to: string | null): void {
  const from = placeOf(after);
  const end = to === null ? { table: SNAPSHOT_TABLES.length - 1, key: null } : placeOf(to);
  for (let table = from.table; table <= end.table; table++) {
    const isFirst = table === from.table;
    const isLast = table === end.table;
    SNAPSHOT_TABLES[table]?.clear(sql, isFirst ? from.key : null, isLast ? end.key : null);
  }
}
