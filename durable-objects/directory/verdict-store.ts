// The verdict on every backend by which the edges act: formed from what its pool's vantages say, anew whenever one of
// them says something, falls silent, comes or goes.

import { vantagesOf } from '../../core/config/health-schema.ts';
import type { Config, Pool } from '../../core/config/schema.ts';
import type { HealthState } from '../../core/load-balancing/health.ts';
import { downFrom, majorityVerdict, silenceMs } from '../../core/load-balancing/vantage-majority.ts';
import type { HealthVerdict, HealthVerdicts } from '../interfaces/directory.ts';
import type { MetaStore } from './meta-store.ts';
import { VantageStore } from './vantage-store.ts';

type VerdictRow = {
  pool: string;
  backend: string;
  /** Null, from an earlier release: the backend is gone. */
  state: string | null;
  since: number;
  epoch: number;
  reason: string;
};

/** What a report changed of one backend. */
export interface VerdictChange {
  readonly backend: string;
  readonly before: HealthState;
  readonly verdict: HealthVerdict;
  readonly downFromBefore: readonly string[];
  readonly downFrom: readonly string[];
  /** Vantages of the pool. */
  readonly of: number;
}

export class VerdictStore {
  readonly #sql: SqlStorage;
  readonly #meta: MetaStore;
  readonly #vantages: VantageStore;

  constructor(sql: SqlStorage, meta: MetaStore) {
    this.#sql = sql;
    this.#meta = meta;
    this.#vantages = new VantageStore(sql);
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
    for (const row of rows) {
      const ofPool = byPool.get(row.pool) ?? [];
      ofPool.push([row.backend, verdictOf(row)]);
      byPool.set(row.pool, ofPool);
    }
    return Object.fromEntries([...byPool].map(([pool, verdicts]) => [pool, Object.fromEntries(verdicts)]));
  }

  /**
   * Inside a transaction: what one vantage of `pool` says; no verdicts: that it goes on probing. Words about
   * backends, or from a vantage, that `definition` does not have, or older than known ones, are ignored.
   */
  take(
    pool: string,
    { backends, health }: Pool,
    vantage: string,
    verdicts: Readonly<Record<string, HealthVerdict>>,
    nowMs: number,
  ): VerdictChange[] {
    const vantages = health === undefined ? [] : vantagesOf(health);
    if (health === undefined || !vantages.includes(vantage)) return [];
    const silentAfterMs = silenceMs(health.intervalMs);
    const isRecount = this.#vantages.changesSilence(pool, vantage, nowMs, silentAfterMs);
    const ids = backends.map(({ id }) => id).filter((id) => isRecount || Object.hasOwn(verdicts, id));
    const downBefore = ids.map((id) => downFrom(this.#vantages.witnesses(pool, id, vantages)));
    this.#vantages.heardFrom(pool, vantage, nowMs, silentAfterMs);
    const changed = ids.flatMap((id, index) => {
      const verdict = Object.hasOwn(verdicts, id) ? verdicts[id] : undefined;
      const isNews = verdict !== undefined && this.#vantages.take(pool, id, vantage, verdict);
      if (!isNews && !isRecount) return [];
      const change = this.#decide(pool, id, vantages, isNews ? verdict.since : nowMs);
      return change === null ? [] : [{ ...change, downFromBefore: downBefore[index] ?? [] }];
    });
    if (changed.length > 0) this.#bump();
    return changed;
  }

  /**
   * Inside a transaction, after `config` has become the current one: what it no longer has, or no longer probes, has
   * no verdict any more, and a vantage that is gone no vote.
   */
  keepOnly(config: Config, nowMs: number): void {
    const probed = new Map(
      Object.entries(config.pools).flatMap(([name, { backends, health }]) =>
        health === undefined
          ? []
          : [[name, { ids: new Set(backends.map(({ id }) => id)), vantages: vantagesOf(health) }] as const],
      ),
    );
    let isChanged = false;
    for (const { pool, backend } of this.#sql
      .exec<{ pool: string; backend: string }>('SELECT pool, backend FROM verdicts')
      .toArray()) {
      if (probed.get(pool)?.ids.has(backend)) continue;
      this.#sql.exec('DELETE FROM verdicts WHERE pool = ? AND backend = ?', pool, backend);
      isChanged = true;
    }
    for (const [pool, { vantages }] of probed) this.#vantages.expect(pool, vantages, nowMs);
    const lost = this.#vantages.keepOnly(
      (pool, backend, vantage) =>
        (probed.get(pool)?.ids.has(backend) && probed.get(pool)?.vantages.includes(vantage)) ?? false,
    );
    for (const { pool, backend } of lost) {
      const { ids, vantages } = probed.get(pool) ?? {};
      if (!ids?.has(backend) || vantages === undefined) continue;
      if (this.#decide(pool, backend, vantages, nowMs) !== null) isChanged = true;
    }
    if (isChanged) this.#bump();
  }

  /** Counts the votes; null when verdict and reason stay what they are. A new state holds since `sinceAt`. */
  #decide(pool: string, backend: string, vantages: readonly string[], sinceAt: number) {
    const [row] = this.#sql
      .exec<VerdictRow>('SELECT * FROM verdicts WHERE pool = ? AND backend = ?', pool, backend)
      .toArray();
    const known = row === undefined || row.state === null ? null : verdictOf(row);
    const before = known?.state ?? 'unknown';
    const witnesses = this.#vantages.witnesses(pool, backend, vantages);
    const joint = majorityVerdict(witnesses, vantages.length, before);
    if (joint === null || (joint.state === before && joint.reason === known?.reason)) return null;
    const since = joint.state === before ? (known?.since ?? sinceAt) : sinceAt;
    const verdict: HealthVerdict = { ...joint, since, epoch: this.epoch() + 1 };
    this.#sql.exec(
      `INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (pool, backend) DO UPDATE SET
         state = excluded.state, since = excluded.since, epoch = excluded.epoch, reason = excluded.reason`,
      ...[pool, backend, verdict.state, verdict.since, verdict.epoch, verdict.reason],
    );
    return { backend, before, verdict, downFrom: downFrom(witnesses), of: vantages.length };
  }

  #bump(): void {
    this.#meta.write('healthEpoch', this.epoch() + 1);
  }
}

function verdictOf({ state, since, epoch, reason }: VerdictRow): HealthVerdict {
  return { state: state as HealthState, since, epoch, reason };
}
