// Pools whose HealthMonitor has to be told something: written with the change that causes it, struck out once the
// monitor has answered. Told is always the current definition, so repeated and late deliveries do no harm.
import { jsonEquals } from '../../core/config/json.ts';
import type { Config, Pool } from '../../core/config/schema.ts';
import type { HealthMonitorRpc } from '../interfaces/health-monitor.ts';

interface Current {
  readonly version: number;
  readonly config: Config;
}

/** Monitors told at once. */
const BATCH = 6;

export class MonitorOutbox {
  readonly #sql: SqlStorage;
  readonly #monitorOf: (pool: string) => HealthMonitorRpc;
  #running: Promise<boolean> | null = null;

  constructor(sql: SqlStorage, monitorOf: (pool: string) => HealthMonitorRpc) {
    this.#sql = sql;
    this.#monitorOf = monitorOf;
    sql.exec('CREATE TABLE IF NOT EXISTS monitor_outbox (pool TEXT PRIMARY KEY, version INTEGER NOT NULL)');
  }

  /** Inside the transaction of the change to `version`. */
  add(before: Config, after: Config, version: number): void {
    for (const pool of new Set([...Object.keys(before.pools), ...Object.keys(after.pools)])) {
      if (jsonEquals(probedPool(before, pool), probedPool(after, pool))) continue;
      this.#sql.exec(
        'INSERT INTO monitor_outbox VALUES (?, ?) ON CONFLICT (pool) DO UPDATE SET version = excluded.version',
        pool,
        version,
      );
    }
  }

  isEmpty(): boolean {
    return this.#sql.exec('SELECT 1 FROM monitor_outbox LIMIT 1').toArray().length === 0;
  }

  /** Tells every monitor that waits, once; true when none is left. One run at a time; never throws. */
  async deliver(current: () => Current): Promise<boolean> {
    this.#running ??= this.#deliverAll(current).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #deliverAll(current: () => Current): Promise<boolean> {
    const tried = new Set<string>();
    for (;;) {
      const waiting = this.#waiting().filter(({ pool, version }) => !tried.has(`${pool} ${version}`));
      if (waiting.length === 0) return this.isEmpty();
      await Promise.all(
        waiting.slice(0, BATCH).map(async ({ pool, version }) => {
          tried.add(`${pool} ${version}`);
          try {
            const { version: currentVersion, config } = current();
            await this.#monitorOf(pool).configure(pool, currentVersion, probedPool(config, pool));
            this.#sql.exec(
              'DELETE FROM monitor_outbox WHERE pool = ? AND version <= ?',
              pool,
              currentVersion,
            );
          } catch (error) {
            console.warn(
              `Cannot tell the health monitor of pool "${pool}" version ${version}: ${String(error)}`,
            );
          }
        }),
      );
    }
  }

  #waiting(): { pool: string; version: number }[] {
    return this.#sql
      .exec<{ pool: string; version: number }>('SELECT pool, version FROM monitor_outbox ORDER BY pool')
      .toArray();
  }
}

/** What a monitor is told: null when there is nothing to probe. */
function probedPool(config: Config, name: string): Pool | null {
  const pool = Object.hasOwn(config.pools, name) ? config.pools[name] : undefined;
  return pool?.health === undefined ? null : pool;
}
