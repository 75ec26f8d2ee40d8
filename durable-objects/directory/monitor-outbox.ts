// HealthMonitors that have to be told something: written with the change that causes it, struck out once the
// monitor has answered. Told is always the current definition, so repeated and late deliveries do no harm.
import { vantagesOf } from '../../core/config/health-schema.ts';
import { jsonEquals } from '../../core/config/json.ts';
import type { Config, Pool } from '../../core/config/schema.ts';
import type { HealthMonitorRpc } from '../interfaces/health-monitor.ts';

interface Current {
  readonly version: number;
  readonly config: Config;
}

type MonitorOf = (pool: string, vantage: string) => HealthMonitorRpc;

interface Waiting extends Record<string, SqlStorageValue> {
  readonly pool: string;
  readonly vantage: string;
  readonly version: number;
}

/** Monitors told at once. */
const BATCH = 6;

export class MonitorOutbox {
  readonly #sql: SqlStorage;
  readonly #monitorOf: MonitorOf;
  #running: Promise<boolean> | null = null;

  constructor(sql: SqlStorage, monitorOf: MonitorOf) {
    this.#sql = sql;
    this.#monitorOf = monitorOf;
    sql.exec(`CREATE TABLE IF NOT EXISTS monitors_to_tell (
      pool TEXT NOT NULL, vantage TEXT NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (pool, vantage)
    )`);
  }

  /** Inside the transaction of the change to `version`. */
  add(before: Config, after: Config, version: number): void {
    for (const pool of new Set([...Object.keys(before.pools), ...Object.keys(after.pools)])) {
      for (const vantage of new Set([...vantagesIn(before, pool), ...vantagesIn(after, pool)])) {
        if (jsonEquals(probedPool(before, pool, vantage), probedPool(after, pool, vantage))) continue;
        this.#sql.exec(
          `INSERT INTO monitors_to_tell VALUES (?, ?, ?)
             ON CONFLICT (pool, vantage) DO UPDATE SET version = excluded.version`,
          ...[pool, vantage, version],
        );
      }
    }
  }

  isEmpty(): boolean {
    return this.#sql.exec('SELECT 1 FROM monitors_to_tell LIMIT 1').toArray().length === 0;
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
      const waiting = this.#waiting().filter((one) => !tried.has(keyOf(one)));
      if (waiting.length === 0) return this.isEmpty();
      await Promise.all(
        waiting.slice(0, BATCH).map(async (one) => {
          tried.add(keyOf(one));
          const { pool, vantage, version } = one;
          try {
            const { version: currentVersion, config } = current();
            const definition = probedPool(config, pool, vantage);
            await this.#monitorOf(pool, vantage).configure(pool, vantage, currentVersion, definition);
            this.#sql.exec(
              'DELETE FROM monitors_to_tell WHERE pool = ? AND vantage = ? AND version <= ?',
              ...[pool, vantage, currentVersion],
            );
          } catch (error) {
            console.warn(
              `Cannot tell the health monitor "${pool}/${vantage}" version ${version}: ${String(error)}`,
            );
          }
        }),
      );
    }
  }

  #waiting(): Waiting[] {
    return this.#sql
      .exec<Waiting>('SELECT pool, vantage, version FROM monitors_to_tell ORDER BY pool, vantage')
      .toArray();
  }
}

function keyOf({ pool, vantage, version }: Waiting): string {
  return `${pool}/${vantage} ${version}`;
}

function vantagesIn(config: Config, name: string): readonly string[] {
  const pool = Object.hasOwn(config.pools, name) ? config.pools[name] : undefined;
  return pool?.health === undefined ? [] : vantagesOf(pool.health);
}

/** What a monitor is told: null when there is nothing to probe from there. */
function probedPool(config: Config, name: string, vantage: string): Pool | null {
  return vantagesIn(config, name).includes(vantage) ? (config.pools[name] ?? null) : null;
}
