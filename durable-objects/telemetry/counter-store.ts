// The counters in SQL: totals since counting began, a ring of 300 rows for the last five minutes, and how far each
// isolate has reported. A batch writes one row per series it touches, one per second it touches, and one of its own.
import type { ShardWork, TelemetryBatch } from '../interfaces/telemetry.ts';
import {
  addToSeries,
  countInSecond,
  decodeSecond,
  emptySecond,
  encodeSecond,
  type SecondCounters,
  type Series,
} from './second-counters.ts';

export const RING_SECONDS = 300;
/** Series kept in all; what comes later is counted under OTHER. */
const TOTALS_MAX = 5_000;
/** Isolates remembered; the ones not heard of longest are forgotten. An isolate lives for hours, not weeks. */
const ISOLATES_MAX = 10_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS isolates (isolate TEXT PRIMARY KEY, sequence INTEGER NOT NULL, heard INTEGER NOT NULL)
    WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS totals (route TEXT, pool TEXT, backend TEXT, status TEXT, cache TEXT,
    count INTEGER NOT NULL, PRIMARY KEY (route, pool, backend, status, cache)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS seconds (slot INTEGER PRIMARY KEY, second INTEGER NOT NULL, counters TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS shardWork (only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    operations INTEGER NOT NULL, objectCalls INTEGER NOT NULL, rowsWritten INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS started (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), at INTEGER NOT NULL);
`;

export class CounterStore {
  private readonly sql: SqlStorage;
  private totals: Map<string, Series> | null = null;

  constructor(sql: SqlStorage, nowMs: number) {
    this.sql = sql;
    sql.exec(SCHEMA);
    sql.exec('INSERT OR IGNORE INTO started (only_row, at) VALUES (1, ?)', nowMs);
  }

  /** Epoch ms at which counting began. */
  startedAt(): number {
    return Number(this.sql.exec('SELECT at FROM started').one().at);
  }

  /**
   * False when this batch was counted before. An isolate sends its batches one after the other, so the highest
   * running number stands for all.
   */
  claim(batch: TelemetryBatch, nowMs: number): boolean {
    const [known] = this.sql.exec('SELECT sequence FROM isolates WHERE isolate = ?', batch.isolate).toArray();
    if (known && Number(known.sequence) >= batch.sequence) return false;
    this.sql.exec(
      `INSERT INTO isolates (isolate, sequence, heard) VALUES (?, ?, ?)
       ON CONFLICT (isolate) DO UPDATE SET sequence = excluded.sequence, heard = excluded.heard`,
      batch.isolate,
      batch.sequence,
      nowMs,
    );
    if (!known) this.forgetIsolates();
    return true;
  }

  private forgetIsolates(): void {
    const count = Number(this.sql.exec('SELECT count(*) AS count FROM isolates').one().count);
    if (count <= ISOLATES_MAX) return;
    this.sql.exec(
      'DELETE FROM isolates WHERE isolate IN (SELECT isolate FROM isolates ORDER BY heard LIMIT ?)',
      count - ISOLATES_MAX + ISOLATES_MAX / 10,
    );
  }

  /** All or nothing only inside the caller's transaction; call `rolledBack` when that fails. */
  count(batch: TelemetryBatch): void {
    const touched = new Map<string, Series>();
    const seconds = new Map<number, SecondCounters>();
    for (const item of batch.requests) {
      addToSeries(touched, item, item.count, Number.POSITIVE_INFINITY);
      const second = seconds.get(item.second) ?? this.readSecond(item.second);
      if (!second) continue;
      seconds.set(item.second, second);
      countInSecond(second, item, item.count, item.durationsMs);
    }
    for (const [second, counters] of seconds) {
      this.sql.exec(
        'INSERT OR REPLACE INTO seconds (slot, second, counters) VALUES (?, ?, ?)',
        second % RING_SECONDS,
        second,
        encodeSecond(counters),
      );
    }
    this.addToTotals(touched);
    if (batch.shardWork !== undefined) this.addShardWork(batch.shardWork);
  }

  readShardWork(): ShardWork {
    const [row] = this.sql
      .exec<{ operations: number; objectCalls: number; rowsWritten: number }>(
        'SELECT operations, objectCalls, rowsWritten FROM shardWork',
      )
      .toArray();
    return row ?? { operations: 0, objectCalls: 0, rowsWritten: 0 };
  }

  private addShardWork({ operations, objectCalls, rowsWritten }: ShardWork): void {
    this.sql.exec(
      `INSERT INTO shardWork (only_row, operations, objectCalls, rowsWritten) VALUES (1, ?, ?, ?)
       ON CONFLICT DO UPDATE SET operations = operations + excluded.operations,
         objectCalls = objectCalls + excluded.objectCalls, rowsWritten = rowsWritten + excluded.rowsWritten`,
      operations,
      objectCalls,
      rowsWritten,
    );
  }

  rolledBack(): void {
    this.totals = null;
  }

  private addToTotals(touched: Map<string, Series>): void {
    const totals = this.readTotals();
    const counted = new Map<string, Series>();
    for (const series of touched.values()) {
      const key = addToSeries(totals, series, series.count, TOTALS_MAX);
      addToSeries(counted, key, series.count, Number.POSITIVE_INFINITY);
    }
    for (const { route, pool, backend, status, cache, count } of counted.values()) {
      this.sql.exec(
        `INSERT INTO totals (route, pool, backend, status, cache, count) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET count = count + excluded.count`,
        route,
        pool,
        backend,
        status,
        cache,
        count,
      );
    }
  }

  readTotals(): Map<string, Series> {
    if (this.totals) return this.totals;
    const totals = new Map<string, Series>();
    for (const row of this.sql.exec('SELECT route, pool, backend, status, cache, count FROM totals')) {
      const key = {
        route: String(row.route),
        pool: String(row.pool),
        backend: String(row.backend),
        status: String(row.status),
        cache: String(row.cache),
      };
      addToSeries(totals, key, Number(row.count), Number.POSITIVE_INFINITY);
    }
    this.totals = totals;
    return totals;
  }

  /** The second's counters so far; null when the ring has moved past it. */
  private readSecond(second: number): SecondCounters | null {
    const slot = second % RING_SECONDS;
    const [row] = this.sql.exec('SELECT second, counters FROM seconds WHERE slot = ?', slot).toArray();
    if (!row || Number(row.second) < second) return emptySecond();
    return Number(row.second) === second ? decodeSecond(String(row.counters)) : null;
  }

  /** Those of the last five minutes in which something was counted, ascending. */
  readSeconds(nowMs: number): [second: number, counters: SecondCounters][] {
    const oldest = Math.floor(nowMs / 1000) - RING_SECONDS;
    return this.sql
      .exec('SELECT second, counters FROM seconds WHERE second > ? ORDER BY second', oldest)
      .toArray()
      .map((row) => [Number(row.second), decodeSecond(String(row.counters))]);
  }
}
