// First outcomes of request ids in SQL. Every command leaves one on every member, and hardly any is ever looked at again:
// so those of many commands lie in one row together, a run, and an index in memory tells which runs may hold an id. Each
// row of a table and of an index is a page to write and, where this is hosted, a row to pay for.
import type { DedupeRow, Write } from '../../core/replication/store.ts';
import { hashKey } from '../../core/sharding/key-hash.ts';
import { RunIndex } from './run-index.ts';

type Forget = Extract<Write, { type: 'forgetDedupe' }>;

/** What is read and parsed to find one. */
export const RUN_ROWS_MAX = 128;

type StoredRow = [reqId: string, op: number, t: number, digest: string, result: DedupeRow['result']];

export class DedupeTable {
  readonly #sql: SqlStorage;
  readonly #tablesMax: number | undefined;
  /** null = not filled yet. */
  #index: RunIndex | null = null;
  /** Of the run written last; null = not looked up yet. */
  #lastRun: number | null = null;

  /** @param tablesMax of the index: what does not fit is read when it is looked for */
  constructor(sql: SqlStorage, tablesMax?: number) {
    this.#sql = sql;
    this.#tablesMax = tablesMax;
  }

  find(reqId: string): DedupeRow | undefined {
    this.#index ??= this.#fill();
    const hash = hashKey(reqId);
    for (const run of this.#index.runsOf(hash)) {
      const row = this.#findIn(run, reqId);
      if (row !== undefined) return row;
    }
    const { forgottenUpTo } = this.#index;
    return forgottenUpTo === 0 ? undefined : this.#findUpTo(forgottenUpTo, hash, reqId);
  }

  /** In op order, and behind all earlier ones: what comes later counts. O(rows). */
  put(rows: readonly DedupeRow[]): void {
    for (let first = 0; first < rows.length; first += RUN_ROWS_MAX) {
      this.#putRun(rows.slice(first, first + RUN_ROWS_MAX));
    }
  }

  /** Ops and logged times ascend from run to run: those to go are the ones before the first that stays. */
  forget({ beforeT, beforeOp, limit }: Forget): void {
    this.#sql.exec(
      `DELETE FROM dedupeRuns WHERE run < (SELECT min(run) FROM dedupeRuns) + ?1 AND run < coalesce(
         (SELECT run FROM dedupeRuns WHERE lastT >= ?2 OR lastOp >= ?3 ORDER BY run LIMIT 1), 9007199254740991)`,
      // Runs are not always full.
      Math.ceil((2 * limit) / RUN_ROWS_MAX),
      beforeT,
      beforeOp,
    );
    if (this.#index === null) return;
    const first = this.#sql.exec<{ run: number | null }>('SELECT min(run) AS run FROM dedupeRuns').one().run;
    this.#index.forgetBefore(first ?? Infinity);
  }

  #putRun(rows: readonly DedupeRow[]): void {
    const index = this.#index ?? this.#fill();
    this.#index = index;
    const run = this.#nextRun();
    const hashes = Uint32Array.from(rows, ({ reqId }) => hashKey(reqId));
    for (const hash of hashes) index.add(hash, run);
    const last = rows.at(-1);
    this.#sql.exec(
      'INSERT INTO dedupeRuns (run, lastOp, lastT, hashes, content) VALUES (?, ?, ?, ?, ?)',
      run,
      last?.op,
      last?.t,
      hashes.buffer,
      JSON.stringify(
        rows.map(({ reqId, op, t, digest, result }): StoredRow => [reqId, op, t, digest, result]),
      ),
    );
  }

  #findIn(run: number, reqId: string): DedupeRow | undefined {
    const found = this.#sql.exec<{ content: string }>('SELECT content FROM dedupeRuns WHERE run = ?', run);
    const content = found.toArray()[0]?.content;
    return content === undefined ? undefined : rowsOfRun(content).findLast((row) => row.reqId === reqId);
  }

  /** O(ids up to there): of hashes only, until one fits. */
  #findUpTo(run: number, hash: number, reqId: string): DedupeRow | undefined {
    const runs = this.#sql
      .exec<{ run: number; hashes: ArrayBuffer }>(
        'SELECT run, hashes FROM dedupeRuns WHERE run <= ? ORDER BY run DESC',
        run,
      )
      .toArray();
    for (const { run: candidate, hashes } of runs) {
      const row = new Uint32Array(hashes).includes(hash) ? this.#findIn(candidate, reqId) : undefined;
      if (row !== undefined) return row;
    }
    return undefined;
  }

  #fill(): RunIndex {
    const index = new RunIndex(this.#tablesMax);
    const runs = this.#sql.exec<{ run: number; hashes: ArrayBuffer }>(
      'SELECT run, hashes FROM dedupeRuns ORDER BY run',
    );
    for (const { run, hashes } of runs) {
      for (const hash of new Uint32Array(hashes)) index.add(hash, run);
      this.#lastRun = run;
    }
    return index;
  }

  #nextRun(): number {
    this.#lastRun = (this.#lastRun ?? 0) + 1;
    return this.#lastRun;
  }
}

/** In the order of their ops. Throws on what is no content of a run. */
export function rowsOfRun(content: string): DedupeRow[] {
  return (JSON.parse(content) as StoredRow[]).map(([reqId, op, t, digest, result]) => ({
    reqId,
    op,
    t,
    digest,
    result,
  }));
}
