// First outcomes of request ids in SQL. Every command is looked up when it comes and again when it is applied, a
// moment later and nearly always in vain: what was found lately is kept in memory.
import type { DedupeRow, Write } from '../../core/replication/store.ts';
import { RecentMap } from './recent-map.ts';

type Forget = Extract<Write, { type: 'forgetDedupe' }>;

const REMEMBERED_MAX = 2_048;

export class DedupeTable {
  readonly #sql: SqlStorage;
  /** null: there is none. */
  readonly #recent = new RecentMap<string, DedupeRow | null>(REMEMBERED_MAX);
  /** Id of the row written last; null = not looked up yet. */
  #lastId: number | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  find(reqId: string): DedupeRow | undefined {
    let row = this.#recent.get(reqId);
    if (row === undefined) {
      row = this.#read(reqId);
      this.#recent.set(reqId, row);
    }
    return row ?? undefined;
  }

  /** One statement for all of them. O(rows). */
  put(rows: readonly DedupeRow[]): void {
    if (rows.length === 0) return;
    // A later occurrence takes a new id: ids ascend with the ops.
    const columns = rows.map((row) => [
      this.#nextId(),
      row.reqId,
      row.op,
      row.t,
      row.digest,
      JSON.stringify(row.result),
    ]);
    this.#sql.exec(
      `INSERT INTO dedupe (id, reqId, op, t, digest, result)
       SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each(?)
       WHERE true ON CONFLICT (reqId) DO UPDATE SET id = excluded.id, op = excluded.op, t = excluded.t,
         digest = excluded.digest, result = excluded.result`,
      JSON.stringify(columns),
    );
    for (const row of rows) this.#recent.set(row.reqId, row);
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
    this.#lastId ??= this.#sql.exec<{ id: number | null }>('SELECT max(id) AS id FROM dedupe').one().id ?? 0;
    this.#lastId += 1;
    return this.#lastId;
  }
}
