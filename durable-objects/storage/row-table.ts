// The applied rows in SQL: what a key holds, what has expired, what should go when space runs out.
import type { RowAddress } from '../../core/replication/commands.ts';
import type { Row, RowHead } from '../../core/replication/store.ts';
import { isKvEntryKey } from '../../core/sharding/entry-key.ts';
import { RecentMap } from './recent-map.ts';
import {
  EAGER_BODY_BYTES,
  HEAD_COLUMNS,
  type HeadColumns,
  headOf,
  ROW_COLUMNS,
  type RowColumns,
  rowOf,
} from './row-codec.ts';
import { RowMemory } from './row-memory.ts';

export class RowTable {
  readonly #sql: SqlStorage;
  /** By key, by variant: applying an op looks at the same heads several times, hot keys are looked at always. */
  readonly #recent = new RecentMap<string, readonly RowHead[]>(REMEMBERED_KEYS_MAX);
  readonly #read = new RowMemory(READ_ROWS_BYTES_MAX);
  /** Id of the HTTP row written last; null = not looked up yet. */
  #lastHttpId: number | null = null;
  /** Id of the key-value row that was new last. */
  #lastKvId: number | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  head({ key, variant }: RowAddress): RowHead | undefined {
    return this.#headsOf(key).find((head) => head.variant === variant);
  }

  heads(key: string): RowHead[] {
    return [...this.#headsOf(key)];
  }

  ofKey(key: string): readonly Row[] {
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const found = this.#sql.exec<RowColumns>(`SELECT ${ROW_COLUMNS} FROM rows WHERE key = ?`, key).toArray();
    const rows = byVariant(found.map((columns) => rowOf(columns, (id) => this.#body(id))));
    // A large body is read when it is asked for, which must be in this very turn.
    const isWhole = found.every(({ hashes, bodyBytes }) => hashes !== null || bodyBytes <= EAGER_BODY_BYTES);
    if (isWhole) this.#read.set(key, rows);
    return rows;
  }

  expired(t: number, limit: number): RowHead[] {
    return this.#sql
      .exec<HeadColumns>(
        `SELECT ${HEAD_COLUMNS} FROM rows WHERE expireAt <= ? ORDER BY expireAt LIMIT ?`,
        t,
        limit,
      )
      .toArray()
      .map(headOf);
  }

  nextExpiry(afterT: number): number | null {
    return this.#sql
      .exec<{ t: number | null }>('SELECT min(expireAt) AS t FROM rows WHERE expireAt > ?', afterT)
      .one().t;
  }

  /** HTTP rows with a greater id (0 = all), written longest ago first. */
  httpRowsAfter(id: number, limit: number): { rows: RowHead[]; lastId: number } {
    const found = this.#sql
      .exec<HeadColumns & { id: number }>(
        `SELECT ${HEAD_COLUMNS}, id FROM rows WHERE id > ? ORDER BY id LIMIT ?`,
        Math.max(0, id),
        limit,
      )
      .toArray();
    return { rows: found.map(headOf), lastId: found.at(-1)?.id ?? id };
  }

  /** Soonest expiry first. */
  evictablePairs(limit: number): RowHead[] {
    return this.#sql
      .exec<HeadColumns>(
        `SELECT ${HEAD_COLUMNS} FROM rows INDEXED BY pairsByExpiry
         WHERE expireAt IS NOT NULL AND id < 0 ORDER BY expireAt LIMIT ?`,
        limit,
      )
      .toArray()
      .map(headOf);
  }

  /** By id: rows keep theirs but for HTTP rows that are written again, which move to the end. */
  after(cursor: string | null, limit: number): { rows: RowHead[]; cursor: string | null } {
    const found = this.#sql
      .exec<HeadColumns & { id: number }>(
        `SELECT ${HEAD_COLUMNS}, id FROM rows WHERE id > ? ORDER BY id LIMIT ?`,
        cursor === null ? Number.MIN_SAFE_INTEGER : Number(cursor),
        limit,
      )
      .toArray();
    const last = found.at(-1);
    return { rows: found.map(headOf), cursor: last === undefined ? cursor : String(last.id) };
  }

  put({ value, ...head }: Row): void {
    const { key, variant, viewstamp, item, born, writtenAt, expireAt, tags, bytes } = head;
    const { body } = value;
    this.#read.forget(key);
    // A key-value row keeps its place; an HTTP row moves to the end of the line.
    const isKv = isKvEntryKey(key);
    const conflict = isKv ? CONFLICT_STAYS : CONFLICT_MOVES;
    this.#sql.exec(
      `INSERT INTO rows (id, key, variant, view, op, item, bornView, bornOp, writtenAt, expireAt, bytes, tags,
         hashes, bodyBytes, meta, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ${conflict}`,
      isKv ? this.#nextKvId() : this.#nextHttpId(),
      key,
      variant,
      viewstamp.view,
      viewstamp.op,
      item,
      born.view,
      born.op,
      writtenAt,
      expireAt,
      bytes,
      tags.length === 0 ? null : JSON.stringify(tags),
      body.type === 'chunks' ? JSON.stringify(body.hashes) : null,
      body.type === 'chunks' ? body.bytes : body.bytes.byteLength,
      value.meta,
      body.type === 'chunks' ? null : body.bytes,
    );
    const known = this.#recent.get(key);
    if (known !== undefined) this.#remember(key, [...without(known, variant), head]);
  }

  delete({ key, variant }: RowAddress): void {
    this.#read.forget(key);
    this.#sql.exec('DELETE FROM rows WHERE key = ? AND variant = ?', key, variant);
    const known = this.#recent.get(key);
    if (known !== undefined) this.#remember(key, without(known, variant));
  }

  #headsOf(key: string): readonly RowHead[] {
    const known = this.#recent.get(key);
    if (known !== undefined) return known;
    const found = this.#sql
      .exec<HeadColumns>(`SELECT ${HEAD_COLUMNS} FROM rows WHERE key = ?`, key)
      .toArray();
    return this.#remember(key, found.map(headOf));
  }

  #remember(key: string, heads: RowHead[]): readonly RowHead[] {
    const sorted = byVariant(heads);
    if (key.length <= REMEMBERED_KEY_LENGTH_MAX) this.#recent.set(key, sorted);
    return sorted;
  }

  #body(id: number): ArrayBuffer {
    return this.#sql.exec<{ body: ArrayBuffer }>('SELECT body FROM rows WHERE id = ?', id).one().body;
  }

  #nextHttpId(): number {
    this.#lastHttpId ??=
      this.#sql.exec<{ id: number | null }>('SELECT max(id) AS id FROM rows WHERE id > 0').one().id ?? 0;
    this.#lastHttpId += 1;
    return this.#lastHttpId;
  }

  #nextKvId(): number {
    this.#lastKvId ??=
      this.#sql.exec<{ id: number | null }>('SELECT min(id) AS id FROM rows WHERE id < 0').one().id ?? 0;
    this.#lastKvId -= 1;
    return this.#lastKvId;
  }
}

/** Of a member; an isolate may hold several. */
const READ_ROWS_BYTES_MAX = 4 * 1024 * 1024;
const REMEMBERED_KEYS_MAX = 2_048;
const REMEMBERED_KEY_LENGTH_MAX = 1_024;

const NEW_CONTENT = `view = excluded.view, op = excluded.op, item = excluded.item, bornView = excluded.bornView,
  bornOp = excluded.bornOp, writtenAt = excluded.writtenAt, expireAt = excluded.expireAt, bytes = excluded.bytes,
  tags = excluded.tags, hashes = excluded.hashes, bodyBytes = excluded.bodyBytes, meta = excluded.meta,
  body = excluded.body`;
const CONFLICT_STAYS = `ON CONFLICT (key, variant) DO UPDATE SET ${NEW_CONTENT}`;
const CONFLICT_MOVES = `ON CONFLICT (key, variant) DO UPDATE SET id = excluded.id, ${NEW_CONTENT}`;

function without(heads: readonly RowHead[], variant: string): RowHead[] {
  return heads.filter((head) => head.variant !== variant);
}

/** SQLite compares UTF-8 bytes; the core wants code units, which differ above the basic plane. */
function byVariant<R extends RowAddress>(rows: R[]): R[] {
  return rows.length < 2 ? rows : rows.sort((a, b) => (a.variant < b.variant ? -1 : 1));
}
