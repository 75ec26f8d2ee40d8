// The tables of one shard member. Rows that every request writes lie in as few B-trees as exactness allows, because
// each of them is a page to write and, where this is hosted, a row to pay for.
//
// `rows` has ids that tell the kind: HTTP rows count up from 1 in the order of writing (so the lowest is the oldest),
// key-value rows count down from -1. Values stand last, so that reading the front of a row touches no overflow page.
// `log.total` is the sum of `bytes` of all entries ever, so that the log's size needs no scan at boot. `log.items` holds
// at most ITEMS_PART_BYTES; what is longer goes on in `logParts` (a value may have 2 MB). `dedupeRuns` are numbered in op
// order, so the oldest are found without an index; hashes (32 bits each, `hashKey` of the ids) stand before the content, so
// that a start reads them alone.

import { DedupeTable } from './dedupe-table.ts';
import { hasColumn, hasTable } from './has-column.ts';
import { InvalidationTable } from './invalidation-table.ts';

export const ITEMS_PART_BYTES = 1_500_000;

const TABLES = `
CREATE TABLE IF NOT EXISTS birth (
  id INTEGER PRIMARY KEY CHECK (id = 1), nonce TEXT NOT NULL, members TEXT
);
CREATE TABLE IF NOT EXISTS head (
  id INTEGER PRIMARY KEY CHECK (id = 1), touches INTEGER NOT NULL DEFAULT 0,
  groupId TEXT NOT NULL, shard INTEGER NOT NULL, memberId INTEGER NOT NULL, memberCount INTEGER NOT NULL,
  incarnation INTEGER NOT NULL, epoch INTEGER NOT NULL,
  view INTEGER NOT NULL DEFAULT 0, floorView INTEGER NOT NULL DEFAULT 0, floorOp INTEGER NOT NULL DEFAULT 0,
  beforeView INTEGER NOT NULL DEFAULT 0, beforeOp INTEGER NOT NULL DEFAULT 0,
  beforeTotal INTEGER NOT NULL DEFAULT 0,
  "commit" INTEGER NOT NULL DEFAULT 0, applied INTEGER NOT NULL DEFAULT 0, appliedT INTEGER NOT NULL DEFAULT 0,
  fillFloorView INTEGER NOT NULL DEFAULT 0, fillFloorOp INTEGER NOT NULL DEFAULT 0,
  fillMarkView INTEGER NOT NULL DEFAULT 0, fillMarkOp INTEGER NOT NULL DEFAULT 0,
  fillMarkT INTEGER NOT NULL DEFAULT 0,
  httpBytes INTEGER NOT NULL DEFAULT 0, kvBytes INTEGER NOT NULL DEFAULT 0, kvKeptBytes INTEGER NOT NULL DEFAULT 0,
  entries INTEGER NOT NULL DEFAULT 0,
  stateHash INTEGER NOT NULL DEFAULT 0, incarnations TEXT,
  boundMs INTEGER NOT NULL DEFAULT 0, boundSince INTEGER NOT NULL DEFAULT 0, boundMaxMs INTEGER NOT NULL DEFAULT 0,
  hardView INTEGER, hardOp INTEGER, softView INTEGER, softOp INTEGER
);
CREATE TABLE IF NOT EXISTS log (
  op INTEGER PRIMARY KEY, view INTEGER NOT NULL, t INTEGER NOT NULL, bytes INTEGER NOT NULL,
  total INTEGER NOT NULL, parts INTEGER NOT NULL, hashes TEXT, items BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS logWithChunks ON log (op) WHERE hashes IS NOT NULL;
CREATE TABLE IF NOT EXISTS logParts (
  op INTEGER NOT NULL, part INTEGER NOT NULL, items BLOB NOT NULL, PRIMARY KEY (op, part)
);
CREATE TABLE IF NOT EXISTS rows (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, variant TEXT NOT NULL,
  view INTEGER NOT NULL, op INTEGER NOT NULL, item INTEGER NOT NULL,
  bornView INTEGER NOT NULL, bornOp INTEGER NOT NULL, writtenAt INTEGER NOT NULL, expireAt INTEGER,
  bytes INTEGER NOT NULL, tags TEXT, hashes TEXT, bodyBytes INTEGER NOT NULL,
  meta TEXT NOT NULL, body BLOB, UNIQUE (key, variant)
);
CREATE INDEX IF NOT EXISTS rowsByExpiry ON rows (expireAt) WHERE expireAt IS NOT NULL;
CREATE INDEX IF NOT EXISTS pairsByExpiry ON rows (expireAt) WHERE expireAt IS NOT NULL AND id < 0;
CREATE INDEX IF NOT EXISTS rowsWithChunks ON rows (id) WHERE hashes IS NOT NULL;
CREATE TABLE IF NOT EXISTS tombstones (
  key TEXT PRIMARY KEY, view INTEGER NOT NULL, op INTEGER NOT NULL, t INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tombstonesByStamp ON tombstones (view, op);
CREATE TABLE IF NOT EXISTS invalidations (
  scope TEXT PRIMARY KEY, view INTEGER NOT NULL, op INTEGER NOT NULL, goesAt INTEGER NOT NULL, content TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dedupeRuns (
  run INTEGER PRIMARY KEY, lastOp INTEGER NOT NULL, lastT INTEGER NOT NULL, hashes BLOB NOT NULL,
  content TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS chunks (
  hash TEXT PRIMARY KEY, stagedAt INTEGER NOT NULL, bytes BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS chunksByAge ON chunks (stagedAt);
`;

/** Where the tables are there, it only brings what older versions left into today's form. */
export function createTables(sql: SqlStorage): void {
  sql.exec(TABLES);
  addBound(sql);
  countKeptBytes(sql);
  if (!hasColumn(sql, 'head', 'incarnations')) sql.exec('ALTER TABLE head ADD COLUMN incarnations TEXT');
  moveOldPurges(sql);
  moveOldRequestIds(sql);
}

/** Version 0.1 did not tell data that stays from data with a ttl. */
function countKeptBytes(sql: SqlStorage): void {
  if (hasColumn(sql, 'head', 'kvKeptBytes')) return;
  sql.exec('ALTER TABLE head ADD COLUMN kvKeptBytes INTEGER NOT NULL DEFAULT 0');
  sql.exec(
    `UPDATE head SET kvKeptBytes =
       (SELECT coalesce(sum(bytes), 0) FROM rows WHERE id < 0 AND expireAt IS NULL)`,
  );
}

/** Version 0.1 had one staleness bound for all groups. */
function addBound(sql: SqlStorage): void {
  const has = sql.exec("SELECT 1 FROM pragma_table_info('head') WHERE name = 'boundMs'").toArray();
  if (has.length > 0) return;
  for (const column of ['boundMs', 'boundSince', 'boundMaxMs']) {
    sql.exec(`ALTER TABLE head ADD COLUMN ${column} INTEGER NOT NULL DEFAULT 0`);
  }
}

/** Version 0.1 kept its one kind of lasting purge, of everything, in the head. */
function moveOldPurges(sql: SqlStorage): void {
  const old = sql
    .exec<{ view: number; op: number; t: number }>(
      'SELECT hardView AS view, hardOp AS op, appliedT AS t FROM head WHERE hardView IS NOT NULL',
    )
    .toArray()[0];
  if (old === undefined) return;
  const hard = { view: old.view, op: old.op, item: 0, t: old.t };
  new InvalidationTable(sql).put({ scope: 'all:', hard, soft: null, reqIds: [] });
  sql.exec('UPDATE head SET hardView = NULL, hardOp = NULL, softView = NULL, softOp = NULL');
}

/** Version 0.1 had a row and an index for each request id. */
function moveOldRequestIds(sql: SqlStorage): void {
  if (!hasTable(sql, 'dedupe')) return;
  const table = new DedupeTable(sql);
  for (let lastId: number | undefined = 0; lastId !== undefined; ) {
    const page = sql
      .exec<{ id: number; reqId: string; op: number; t: number; digest: string; result: string }>(
        'SELECT id, reqId, op, t, digest, result FROM dedupe WHERE id > ? ORDER BY id LIMIT 1024',
        lastId,
      )
      .toArray();
    table.put(page.map(({ id: _, result, ...rest }) => ({ ...rest, result: JSON.parse(result) })));
    lastId = page.at(-1)?.id;
  }
  sql.exec('DROP TABLE dedupe');
}
