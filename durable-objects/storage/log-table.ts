// The log in SQL: one row per entry, appended at one end and cut at either.
import type { LogEntry } from '../../core/replication/messages.ts';
import { entryBytes } from '../../core/replication/sizes.ts';
import type { LogPlace } from '../../core/replication/store.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import { chunkHashesOf, decodeItems, encodeItems } from './item-codec.ts';
import { ITEMS_PART_BYTES } from './schema.ts';

export interface LogEnds {
  readonly before: Viewstamp;
  readonly last: Viewstamp;
  /** Logged time of the last entry, or null when there is none. */
  readonly lastT: number | null;
  readonly bytes: number;
}

type EntryColumns = {
  op: number;
  view: number;
  t: number;
  bytes: number;
  parts: number;
  items: ArrayBuffer;
};

/** Entries read by one statement while looking for those that fit. */
const PAGE_ENTRIES = 16;

export class LogTable {
  readonly #sql: SqlStorage;
  /** `total` of the last entry; null = not looked up yet. */
  #total: number | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** O(1), whatever the log's length. */
  ends(): LogEnds {
    const before = this.#before();
    const last = this.#sql
      .exec<{ op: number; view: number; t: number; total: number }>(
        'SELECT op, view, t, total FROM log ORDER BY op DESC LIMIT 1',
      )
      .toArray()[0];
    if (last === undefined) return { before, last: before, lastT: null, bytes: 0 };
    return { before, last, lastT: last.t, bytes: last.total - before.total };
  }

  entries(fromOp: number, bytesMax: number): LogEntry[] {
    const entries: LogEntry[] = [];
    let bytes = 0;
    for (;;) {
      const next = entries.at(-1)?.op ?? fromOp - 1;
      const page = this.#sql.exec<EntryColumns>(
        'SELECT op, view, t, bytes, parts, items FROM log WHERE op > ? ORDER BY op LIMIT ?',
        next,
        // One at a time where a single one may be large.
        entries.length === 0 ? 1 : PAGE_ENTRIES,
      );
      let seen = 0;
      for (const columns of page) {
        seen += 1;
        bytes += columns.bytes;
        if (entries.length > 0 && bytes > bytesMax) return entries;
        entries.push(this.#entryOf(columns));
      }
      if (seen === 0) return entries;
    }
  }

  places(fromOp: number, limit: number): LogPlace[] {
    return this.#sql
      .exec<{ op: number; view: number; t: number; bytes: number }>(
        'SELECT op, view, t, bytes FROM log WHERE op >= ? ORDER BY op LIMIT ?',
        fromOp,
        limit,
      )
      .toArray();
  }

  viewAt(op: number): number | undefined {
    return this.#sql.exec<{ view: number }>('SELECT view FROM log WHERE op = ?', op).toArray()[0]?.view;
  }

  append(entries: readonly LogEntry[]): void {
    let total = this.#lastTotal();
    for (const entry of entries) {
      const bytes = entryBytes(entry);
      total += bytes;
      const items = encodeItems(entry.items);
      const hashes = chunkHashesOf(entry.items);
      const parts = Math.ceil(items.byteLength / ITEMS_PART_BYTES);
      this.#sql.exec(
        'INSERT INTO log (op, view, t, bytes, total, parts, hashes, items) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        entry.op,
        entry.view,
        entry.t,
        bytes,
        total,
        parts,
        hashes === null ? null : JSON.stringify(hashes),
        parts === 1 ? items : items.slice(0, ITEMS_PART_BYTES),
      );
      for (let part = 1; part < parts; part++) {
        const start = part * ITEMS_PART_BYTES;
        this.#sql.exec(
          'INSERT INTO logParts (op, part, items) VALUES (?, ?, ?)',
          entry.op,
          part,
          items.slice(start, start + ITEMS_PART_BYTES),
        );
      }
    }
    this.#total = total;
  }

  truncateSuffix(fromOp: number): void {
    this.#sql.exec('DELETE FROM log WHERE op >= ?', fromOp);
    this.#sql.exec('DELETE FROM logParts WHERE op >= ?', fromOp);
    this.#total = null;
  }

  truncatePrefix(before: Viewstamp): void {
    const total = this.#sql
      .exec<{ total: number }>('SELECT total FROM log WHERE op = ?', before.op)
      .toArray()[0]?.total;
    if (total === undefined) throw new Error(`Cannot cut the log at op ${before.op}: it does not hold it`);
    this.#lastTotal();
    this.#sql.exec('DELETE FROM log WHERE op <= ?', before.op);
    this.#sql.exec('DELETE FROM logParts WHERE op <= ?', before.op);
    this.#sql.exec(
      'UPDATE head SET beforeView = ?, beforeOp = ?, beforeTotal = ?',
      before.view,
      before.op,
      total,
    );
  }

  /** The log of a member that has taken in a snapshot of op `at`: what follows that, or nothing. */
  restart(at: Viewstamp, keepsSuffix: boolean): void {
    if (keepsSuffix) {
      if (this.#before().op < at.op) this.truncatePrefix(at);
      return;
    }
    this.#sql.exec('DELETE FROM log');
    this.#sql.exec('DELETE FROM logParts');
    this.#sql.exec('UPDATE head SET beforeView = ?, beforeOp = ?, beforeTotal = 0', at.view, at.op);
    this.#total = null;
  }

  #entryOf({ op, view, t, parts, items }: EntryColumns): LogEntry {
    if (parts === 1) return { op, view, t, items: decodeItems(new Uint8Array(items)) };
    const rest = this.#sql
      .exec<{ items: ArrayBuffer }>('SELECT items FROM logParts WHERE op = ? ORDER BY part', op)
      .toArray();
    return { op, view, t, items: decodeItems(joined([items, ...rest.map((part) => part.items)])) };
  }

  #lastTotal(): number {
    this.#total ??=
      this.#sql.exec<{ total: number }>('SELECT total FROM log ORDER BY op DESC LIMIT 1').toArray()[0]
        ?.total ?? this.#before().total;
    return this.#total;
  }

  #before(): Viewstamp & { total: number } {
    return this.#sql
      .exec<{ view: number; op: number; total: number }>(
        'SELECT beforeView AS view, beforeOp AS op, beforeTotal AS total FROM head',
      )
      .one();
  }
}

function joined(parts: readonly ArrayBuffer[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return bytes;
}
