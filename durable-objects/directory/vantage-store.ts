// What each vantage said last of every backend, and when each was last heard of: the witnesses from which a verdict is
// formed. What goes leaves the epoch of its last word behind, so that a late message about it cannot speak again.
import type { Witness } from '../../core/load-balancing/vantage-majority.ts';
import type { HealthVerdict } from '../interfaces/directory.ts';

type WitnessRow = { vantage: string; state: string; reason: string };

/** Epochs of what is gone that are kept, oldest dropped first. */
const GONE_MAX = 10_000;

export class VantageStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    // A state of NULL: the backend or the vantage is gone, only its epoch is kept.
    sql.exec(`CREATE TABLE IF NOT EXISTS vantage_verdicts (
      pool TEXT NOT NULL, backend TEXT NOT NULL, vantage TEXT NOT NULL, state TEXT, since INTEGER NOT NULL,
      epoch INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (pool, backend, vantage)
    )`);
    sql.exec(`CREATE TABLE IF NOT EXISTS vantages (
      pool TEXT NOT NULL, vantage TEXT NOT NULL, heard_at INTEGER NOT NULL, is_silent INTEGER NOT NULL,
      PRIMARY KEY (pool, vantage)
    )`);
  }

  /** False when a message as new was there before. */
  take(pool: string, backend: string, vantage: string, verdict: HealthVerdict): boolean {
    const { state, since, epoch, reason } = verdict;
    const { rowsWritten } = this.#sql.exec(
      `INSERT INTO vantage_verdicts VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (pool, backend, vantage) DO UPDATE SET
         state = excluded.state, since = excluded.since, epoch = excluded.epoch, reason = excluded.reason
       WHERE excluded.epoch > epoch`,
      ...[pool, backend, vantage, state, since, epoch, reason],
    );
    return rowsWritten > 0;
  }

  /** Those of the vantages that are not silent, in the order of `vantages`. */
  witnesses(pool: string, backend: string, vantages: readonly string[]): Witness[] {
    const rows = this.#sql
      .exec<WitnessRow>(
        `SELECT vantage, state, reason FROM vantage_verdicts WHERE pool = ? AND backend = ? AND state IS NOT NULL
           AND vantage NOT IN (SELECT vantage FROM vantages WHERE pool = ? AND is_silent = 1)`,
        ...[pool, backend, pool],
      )
      .toArray();
    return vantages.flatMap((vantage) => {
      const row = rows.find((candidate) => candidate.vantage === vantage);
      return row === undefined ? [] : [{ ...row, state: row.state as Witness['state'] }];
    });
  }

  /** From now on the silence of these counts; what is known of others of the pool ends. Of one vantage none counts. */
  expect(pool: string, vantages: readonly string[], nowMs: number): void {
    const known = this.#sql
      .exec<{ vantage: string }>('SELECT vantage FROM vantages WHERE pool = ?', pool)
      .toArray();
    const expected = vantages.length > 1 ? vantages : [];
    for (const { vantage } of known) {
      if (!expected.includes(vantage)) {
        this.#sql.exec('DELETE FROM vantages WHERE pool = ? AND vantage = ?', pool, vantage);
      }
    }
    for (const vantage of expected) {
      this.#sql.exec('INSERT OR IGNORE INTO vantages VALUES (?, ?, ?, 0)', pool, vantage, nowMs);
    }
  }

  /** Whether, with this sign of life, somebody speaks again or has fallen silent: votes have to be counted anew. */
  changesSilence(pool: string, vantage: string, nowMs: number, silenceMs: number): boolean {
    return this.#sql
      .exec<{ vantage: string; heard_at: number; is_silent: number }>(
        'SELECT vantage, heard_at, is_silent FROM vantages WHERE pool = ?',
        pool,
      )
      .toArray()
      .some((row) => (row.vantage === vantage || row.heard_at > nowMs - silenceMs ? 0 : 1) !== row.is_silent);
  }

  heardFrom(pool: string, vantage: string, nowMs: number, silenceMs: number): void {
    this.#sql.exec(
      'UPDATE vantages SET heard_at = ?, is_silent = 0 WHERE pool = ? AND vantage = ?',
      ...[nowMs, pool, vantage],
    );
    this.#sql.exec(
      'UPDATE vantages SET is_silent = 1 WHERE pool = ? AND is_silent = 0 AND heard_at <= ?',
      ...[pool, nowMs - silenceMs],
    );
  }

  /** Ends what is known of everything that `isKept` refuses. Answers the backends that lost a witness. */
  keepOnly(isKept: (pool: string, backend: string, vantage: string) => boolean) {
    const gone = this.#sql
      .exec<{ pool: string; backend: string; vantage: string }>(
        'SELECT pool, backend, vantage FROM vantage_verdicts WHERE state IS NOT NULL',
      )
      .toArray()
      .filter(({ pool, backend, vantage }) => !isKept(pool, backend, vantage));
    for (const { pool, backend, vantage } of gone) {
      this.#sql.exec(
        'UPDATE vantage_verdicts SET state = NULL WHERE pool = ? AND backend = ? AND vantage = ?',
        ...[pool, backend, vantage],
      );
    }
    if (gone.length > 0) {
      this.#sql.exec(
        `DELETE FROM vantage_verdicts WHERE state IS NULL AND rowid NOT IN
           (SELECT rowid FROM vantage_verdicts WHERE state IS NULL ORDER BY since DESC LIMIT ${GONE_MAX})`,
      );
    }
    return gone.map(({ pool, backend }) => ({ pool, backend }));
  }
}
