// The tables of purges, and what version 0.1 left of its own: it knew URLs and "all", and had a row for each URL and
// each shard.
import type { Intent } from '../../core/purging/intent.ts';
import type { PurgeSelection } from '../../core/purging/purge-selection.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';

const TABLES = `
CREATE TABLE IF NOT EXISTS purges (
  id INTEGER PRIMARY KEY, purgeId TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, "by" TEXT NOT NULL,
  createdAt INTEGER NOT NULL, triedAt INTEGER NOT NULL, doneAt INTEGER, targets TEXT NOT NULL, selection TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS purgesPending ON purges (triedAt) WHERE doneAt IS NULL;
CREATE TABLE IF NOT EXISTS purgeParts (
  purgeId TEXT NOT NULL, at INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (purgeId, at)
) WITHOUT ROWID;
`;

type OldIntent = {
  purgeId: string;
  selection: string;
  isAll: number;
  by: string;
  createdAt: number;
  doneAt: number | null;
};

export function createIntentTables(
  sql: SqlStorage,
  add: (intent: Intent, selection: PurgeSelection) => void,
): void {
  sql.exec(TABLES);
  const isOld = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'intents'").toArray();
  if (isOld.length === 0) return;
  const intents = sql.exec<OldIntent>('SELECT * FROM intents ORDER BY createdAt').toArray();
  for (const { purgeId, selection: digest, isAll, by, createdAt, doneAt } of intents) {
    const keys = sql
      .exec<{ key: string }>('SELECT key FROM intentKeys WHERE purgeId = ? ORDER BY n', purgeId)
      .toArray()
      .map(({ key }) => key);
    const targets = sql
      .exec<{ shard: number; groupId: string } & { [K in keyof Viewstamp]: number | null }>(
        'SELECT shard, groupId, view, op FROM targets WHERE purgeId = ? ORDER BY shard',
        purgeId,
      )
      .toArray()
      .map(({ shard, groupId, view, op }) => {
        return { shard, groupId, bookmark: view === null || op === null ? null : { view, op } };
      });
    add(
      { purgeId, digest, by, createdAt, doneAt, targets },
      { keys, tags: [], prefixes: [], all: isAll === 1, namespaces: [], soft: false },
    );
  }
  sql.exec('DROP TABLE intents; DROP TABLE intentKeys; DROP TABLE targets;');
}
