// The newest health verdict of every backend. A backend that goes leaves the epoch of its last verdict behind, so
// that a late message about it cannot speak for a new backend of the same id.
import type { Config } from '../../core/config/schema.ts';
import type { HealthVerdict, HealthVerdicts } from '../interfaces/directory.ts';
import type { MetaStore } from './meta-store.ts';

type VerdictRow = {
  pool: string;
  backend: string;
  /** Null: the backend is gone, only its epoch is kept. */
  state: string | null;
  since: number;
  epoch: number;
  reason: string;
};

/** Epochs of gone backends that are kept, oldest dropped first. */
const GONE_MAX = 10_000;

export class VerdictStore {
  readonly #sql: SqlStorage;
  readonly #meta: MetaStore;

  constructor(sql: SqlStorage, meta: MetaStore) {
    this.#sql = sql;
    this.#meta = meta;
    sql.exec(`CREATE TABLE IF NOT EXISTS verdicts (
      pool TEXT NOT NULL, backend TEXT NOT NULL, state TEXT, since INTEGER NOT NULL, epoch INTEGER NOT NULL,
      reason TEXT NOT NULL, PRIMARY KEY (pool, backend)
    )`);
  }

  /** Grows with every change of any verdict; starts at 1, so that 0 can stand for "knows nothing". */
  epoch(): number {
    return (this.#meta.read('healthEpoch') as number | undefined) ?? 1;
  }

  all(): HealthVerdicts {
    const rows = this.#sql.exec<VerdictRow>('SELECT * FROM verdicts WHERE state IS NOT NULL').toArray();
    const byPool = new Map<string, [string, HealthVerdict][]>();
    for (const { pool, backend, state, since, epoch, reason } of rows) {
      const ofPool = byPool.get(pool) ?? [];
      ofPool.push([backend, { state: state as HealthVerdict['state'], since, epoch, reason }]);
      byPool.set(pool, ofPool);
    }
    return Object.fromEntries([...byPool].map(([pool, verdicts]) => [pool, Object.fromEntries(verdicts)]));
  }

  /** Inside a transaction. Answers the backends whose state changed, with the state before (null = none). */
  take(pool: string, verdicts: readonly (readonly [backend: string, verdict: HealthVerdict])[]) {
    const changed: { backend: string; before: string | null; verdict: HealthVerdict }[] = [];
    let bump = false;
    for (const [backend, verdict] of verdicts) {
      const known = this.#sql
        .exec<VerdictRow>('SELECT * FROM verdicts WHERE pool = ? AND backend = ?', pool, backend)
        .toArray()[0];
      if (known !== undefined && known.epoch >= verdict.epoch) continue;
      this.#sql.exec(
        `INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (pool, backend) DO UPDATE SET
           state = excluded.state, since = excluded.since, epoch = excluded.epoch, reason = excluded.reason`,
        pool,
        backend,
        verdict.state,
        verdict.since,
        verdict.epoch,
        verdict.reason,
      );
      bump = true;
      const before = known?.state ?? null;
      if (before !== verdict.state) changed.push({ backend, before, verdict });
    }
    if (bump) this.#bump();
    return changed;
  }

  /** Inside a transaction: verdicts about what `config` no longer has, or no longer probes, end. */
  keepOnly(config: Config): void {
    const known = this.#sql
      .exec<{ pool: string; backend: string }>('SELECT pool, backend FROM verdicts WHERE state IS NOT NULL')
      .toArray();
    const probed = new Map(
      Object.entries(config.pools)
        .filter(([, pool]) => pool.health !== undefined)
        .map(([name, pool]) => [name, new Set(pool.backends.map((backend) => backend.id))]),
    );
    const gone = known.filter(({ pool, backend }) => !probed.get(pool)?.has(backend));
    for (const { pool, backend } of gone) {
      this.#sql.exec('UPDATE verdicts SET state = NULL WHERE pool = ? AND backend = ?', pool, backend);
    }
    if (gone.length === 0) return;
    this.#bump();
    this.#sql.exec(
      `DELETE FROM verdicts WHERE state IS NULL AND rowid NOT IN
         (SELECT rowid FROM verdicts WHERE state IS NULL ORDER BY since DESC LIMIT ${GONE_MAX})`,
    );
  }

  #bump(): void {
    this.#meta.write('healthEpoch', this.epoch() + 1);
  }
}
