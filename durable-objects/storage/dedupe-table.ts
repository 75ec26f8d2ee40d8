// First outcomes of request ids in SQL. Every command is looked up when it comes and again when it is applied, on every
// member and nearly always in vain: a filter in memory knows most ids that are new, and what was found lately is kept.
import type { DedupeRow, Write } from '../../core/replication/store.ts';
import { IdFilter } from './id-filter.ts';
import { RecentMap } from './recent-map.ts';

type Forget = Extract<Write, { type: 'forgetDedupe' }>;

const REMEMBERED_MAX = 2_048;
/** Rows that are read once to fill the filter; where there are more, it serves when those have gone. */
const FILTERED_AT_ONCE_MAX = 20_000;

export class DedupeTable {
  readonly #sql: SqlStorage;
  /** null: there is none. */
  readonly #recent = new RecentMap<string, DedupeRow | null>(REMEMBERED_MAX);
  /** null = not filled yet. */
  #filter: Filter | null = null;
  /** Id of the row written last; null = not looked up yet. */
  #lastId: number | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  find(reqId: string): DedupeRow | undefined {
    let row = this.#recent.get(reqId);
    if (row === undefined) {
      this.#filter ??= this.#fill();
      if (this.#filter.isWhole && !this.#filter.ids.mayHave(reqId)) return undefined;
      row = this.#read(reqId);
      this.#recent.set(reqId, row);
    }
    return row ?? undefined;
  }

  /** One statement for all of them. O(rows). */
  put(rows: readonly DedupeRow[]): void {
    if (rows.length === 0) return;
    this.#filter ??= this.#fill();
    const columns: unknown[][] = [];
    for (const row of rows) {
      // A later occurrence takes a new id: ids ascend with the ops.
      const id = this.#nextId();
      columns.push([id, row.reqId, row.op, row.t, row.digest, JSON.stringify(row.result)]);
      this.#filter.ids.add(row.reqId, id);
      this.#recent.set(row.reqId, row);
    }
    this.#sql.exec(
      `INSERT INTO dedupe (id, reqId, op, t, digest, result)
       SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?)
       WHERE true ON CONFLICT (reqId) DO UPDATE SET id = excluded.id, op = excluded.op, t = excluded.t,
         digest = excluded.digest, result = excluded.result`,
      JSON.stringify(columns),
    );
  }

  /** Ids, ops and logged times all ascend: the rows to go are those before the first that stays. */
  forget({ beforeT, beforeOp, limit }: Forget): void {
    this.#sql.exec(
      `DELETE FROM dedupe WHERE id < (SELECT min(id) FROM dedupe) + ?1 AND id < coalesce(
         (SELECT id FROM dedupe WHERE t >= ?2 OR op >= ?3 ORDER BY id LIMIT 1), 9007199254740991)`,
      limit,
      beforeT,
      beforeOp,
    );
    this.#recent.forget((row) => row !== null && row.t < beforeT && row.op < beforeOp);
    if (this.#filter === null) return;
    const firstId = this.#edgeId('min') ?? Infinity;
    this.#filter.ids.forgetBefore(firstId);
    this.#filter.isWhole ||= firstId > this.#filter.unreadUpTo;
  }

  /** What is there, unless it is too much to read: then the filter serves when those rows have gone. */
  #fill(): Filter {
    const ids = new IdFilter();
    const rows = this.#sql
      .exec<{ id: number; reqId: string }>(
        'SELECT id, reqId FROM dedupe ORDER BY id LIMIT ?',
        FILTERED_AT_ONCE_MAX + 1,
      )
      .toArray();
    const isWhole = rows.length <= FILTERED_AT_ONCE_MAX;
    if (isWhole) for (const { id, reqId } of rows) ids.add(reqId, id);
    return { ids, isWhole, unreadUpTo: isWhole ? 0 : (this.#edgeId('max') ?? 0) };
  }

  #read(reqId: string): DedupeRow | null {
    const found = this.#sql
      .exec<{ op: number; t: number; digest: string; result: string }>(
        'SELECT op, t, digest, result FROM dedupe WHERE reqId = ?',
        reqId,
      )
      .toArray()[0];
    return found === undefined ? null : { ...found, reqId, result: JSON.parse(found.result) };
  }

  #nextId(): number {
    this.#lastId ??= this.#edgeId('max') ?? 0;
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Of the oldest or newest row; null when there is none. */
  #edgeId(which: 'min' | 'max'): number | null {
    return this.#sql.exec<{ id: number | null }>(`SELECT ${which}(id) AS id FROM dedupe`).one().id;
  }
}

interface Filter {
  readonly ids: IdFilter;
  /** Every row is in it. */
  isWhole: boolean;
  /** Rows with an id up to this one are not in it, unless it is whole. */
  readonly unreadUpTo: number;
}
