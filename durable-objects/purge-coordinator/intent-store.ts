// Purges in SQL: what was asked for, which shards it concerns, and which of them have committed it. Written before
// anything is sent, so that a restart goes on where it was.
import type { Viewstamp } from '../../core/replication/viewstamp.ts';

export interface Intent {
  readonly purgeId: string;
  /** Digest of the selection: the same id with another one is refused. */
  readonly selection: string;
  readonly all: boolean;
  readonly by: string;
  /** Epoch ms. */
  readonly createdAt: number;
  /** null while a shard is missing. */
  readonly doneAt: number | null;
}

/** A shard that the purge concerns. */
export interface Target {
  readonly shard: number;
  readonly groupId: string;
  /** Where the shard committed it; null = not yet. */
  readonly bookmark: Viewstamp | null;
}

type IntentRow = {
  purgeId: string;
  selection: string;
  isAll: number;
  by: string;
  createdAt: number;
  doneAt: number | null;
};

export class IntentStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS intents (
        purgeId TEXT PRIMARY KEY, selection TEXT NOT NULL, isAll INTEGER NOT NULL, "by" TEXT NOT NULL,
        createdAt INTEGER NOT NULL, triedAt INTEGER NOT NULL DEFAULT 0, doneAt INTEGER
      );
      CREATE INDEX IF NOT EXISTS intentsPending ON intents (triedAt) WHERE doneAt IS NULL;
      CREATE INDEX IF NOT EXISTS intentsByAge ON intents (createdAt);
      CREATE TABLE IF NOT EXISTS intentKeys (
        purgeId TEXT NOT NULL, n INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (purgeId, n)
      );
      CREATE TABLE IF NOT EXISTS targets (
        purgeId TEXT NOT NULL, shard INTEGER NOT NULL, groupId TEXT NOT NULL, view INTEGER, op INTEGER,
        PRIMARY KEY (purgeId, shard)
      );`);
  }

  find(purgeId: string): Intent | null {
    const row = this.#sql.exec<IntentRow>('SELECT * FROM intents WHERE purgeId = ?', purgeId).toArray()[0];
    return row === undefined ? null : intentOf(row);
  }

  /** `keys` in the order that names their commands. */
  add({ purgeId, selection, all, by, createdAt }: Intent, keys: readonly string[]): void {
    this.#sql.exec(
      'INSERT INTO intents (purgeId, selection, isAll, "by", createdAt) VALUES (?, ?, ?, ?, ?)',
      purgeId,
      selection,
      all ? 1 : 0,
      by,
      createdAt,
    );
    keys.forEach((key, n) => {
      this.#sql.exec('INSERT INTO intentKeys (purgeId, n, key) VALUES (?, ?, ?)', purgeId, n, key);
    });
  }

  keys(purgeId: string): string[] {
    return this.#sql
      .exec<{ key: string }>('SELECT key FROM intentKeys WHERE purgeId = ? ORDER BY n', purgeId)
      .toArray()
      .map(({ key }) => key);
  }

  /** Empty until the shard map was known. */
  targets(purgeId: string): Target[] {
    return this.#sql
      .exec<{ shard: number; groupId: string; view: number | null; op: number | null }>(
        'SELECT shard, groupId, view, op FROM targets WHERE purgeId = ? ORDER BY shard',
        purgeId,
      )
      .toArray()
      .map(({ shard, groupId, view, op }) => ({
        shard,
        groupId,
        bookmark: view === null || op === null ? null : { view, op },
      }));
  }

  /** The shards that it concerns by the map as it is now; what other groups have committed counts no more. */
  setTargets(purgeId: string, groups: readonly { readonly shard: number; readonly groupId: string }[]): void {
    const known = new Map(this.targets(purgeId).map((target) => [target.shard, target.groupId]));
    const wanted = new Set(groups.map(({ shard }) => shard));
    for (const shard of known.keys()) {
      if (!wanted.has(shard)) {
        this.#sql.exec('DELETE FROM targets WHERE purgeId = ? AND shard = ?', purgeId, shard);
      }
    }
    for (const { shard, groupId } of groups) {
      if (known.get(shard) === groupId) continue;
      this.#sql.exec(
        'INSERT OR REPLACE INTO targets (purgeId, shard, groupId) VALUES (?, ?, ?)',
        purgeId,
        shard,
        groupId,
      );
    }
  }

  setCommitted(purgeId: string, shard: number, { view, op }: Viewstamp): void {
    this.#sql.exec(
      'UPDATE targets SET view = ?, op = ? WHERE purgeId = ? AND shard = ?',
      view,
      op,
      purgeId,
      shard,
    );
  }

  setTried(purgeId: string, triedAt: number): void {
    this.#sql.exec('UPDATE intents SET triedAt = ? WHERE purgeId = ?', triedAt, purgeId);
  }

  /** From here on the purge is only reported: its keys are let go. */
  setDone(purgeId: string, doneAt: number): void {
    this.#sql.exec('UPDATE intents SET doneAt = ? WHERE purgeId = ?', doneAt, purgeId);
    this.#sql.exec('DELETE FROM intentKeys WHERE purgeId = ?', purgeId);
  }

  /** Tried longest ago first. */
  pending(limit: number): Intent[] {
    return this.#sql
      .exec<IntentRow>('SELECT * FROM intents WHERE doneAt IS NULL ORDER BY triedAt LIMIT ?', limit)
      .toArray()
      .map(intentOf);
  }

  pendingCount(): number {
    return this.#sql.exec<{ n: number }>('SELECT count(*) AS n FROM intents WHERE doneAt IS NULL').one().n;
  }

  oldestAt(): number | null {
    return this.#sql.exec<{ at: number | null }>('SELECT min(createdAt) AS at FROM intents').one().at;
  }

  /** Forgets up to `limit` purges, done or not, that are older; answers those that were not done. */
  forget(createdBefore: number, limit: number): Intent[] {
    const old = this.#sql
      .exec<IntentRow>(
        'SELECT * FROM intents WHERE createdAt < ? ORDER BY createdAt LIMIT ?',
        createdBefore,
        limit,
      )
      .toArray()
      .map(intentOf);
    for (const { purgeId } of old) {
      for (const table of ['intents', 'intentKeys', 'targets']) {
        this.#sql.exec(`DELETE FROM ${table} WHERE purgeId = ?`, purgeId);
      }
    }
    return old.filter(({ doneAt }) => doneAt === null);
  }
}

function intentOf({ purgeId, selection, isAll, by, createdAt, doneAt }: IntentRow): Intent {
  return { purgeId, selection, all: isAll === 1, by, createdAt, doneAt };
}
