// The shards as real Durable Objects: the replication core over SQLite and RPC, called through the client that the
// edges use. Faults are those of faulty-worker: an object that cannot be called, or whose answers get lost.
import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test';
import { waitUntil as goOn, env as untypedEnv } from 'cloudflare:workers';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_CACHE_POLICY } from '../../core/cache/policy.ts';
import { decideStorable } from '../../core/cache/storable.ts';
import { encodeStored } from '../../core/cache/stored-response.ts';
import type { Fields } from '../../core/http/fields.ts';
import type { PurgeSelection } from '../../core/purging/purge-selection.ts';
import type { Command, CommandResult, FillToken, Value } from '../../core/replication/commands.ts';
import { type LogEntry, PROTOCOL_VERSION } from '../../core/replication/messages.ts';
import { LINEARIZABLE, type ReadNeed } from '../../core/replication/read-need.ts';
import { rowBytes } from '../../core/replication/sizes.ts';
import type { Identity, ReplicaStore, Row, Write } from '../../core/replication/store.ts';
import { httpEntryKey, kvEntryKey } from '../../core/sharding/entry-key.ts';
import type { DirectoryRpc, ShardGroup, ShardMap } from '../../durable-objects/interfaces/directory.ts';
import type { PurgeAnswer, PurgeCoordinatorRpc } from '../../durable-objects/interfaces/purge-coordinator.ts';
import type {
  BatchOp,
  MemberStatus,
  ShardReplicaRpc,
} from '../../durable-objects/interfaces/shard-replica.ts';
import type { TelemetryRpc } from '../../durable-objects/interfaces/telemetry.ts';
import { RunningReplica } from '../../durable-objects/run-effects.ts';
import { BirthRecord } from '../../durable-objects/shard-replica/birth-record.ts';
import { lookUp as lookUpInside } from '../../durable-objects/shard-replica/lookup.ts';
import { DedupeTable } from '../../durable-objects/storage/dedupe-table.ts';
import { createTables } from '../../durable-objects/storage/schema.ts';
import { SNAPSHOT_TABLES } from '../../durable-objects/storage/snapshot-tables.ts';
import { SqliteStore } from '../../durable-objects/storage/sqlite-store.ts';
import { MemoryStore } from '../../simulate/memory-store.ts';
import { createShardClient, type Lookup } from '../../worker/data-plane/shard-client.ts';
import type { UnstagedCommand } from '../../worker/data-plane/unstaged-command.ts';
import { sleep } from '../../worker/data-plane/within.ts';
import { clearFault, clearFaults, setFault } from '../support/faults/fault-table.ts';
import { waitUntil } from '../support/wait-until.ts';

const env = untypedEnv as unknown as Record<
  'DIRECTORY' | 'SHARD_REPLICA' | 'PURGE_COORDINATOR' | 'TELEMETRY',
  DurableObjectNamespace
>;

const stubOf = (namespace: DurableObjectNamespace, name: string) => namespace.get(namespace.idFromName(name));
const idOf = (namespace: DurableObjectNamespace, name: string) => namespace.idFromName(name).toString();
const directory = () => stubOf(env.DIRECTORY, 'directory') as unknown as DirectoryRpc;
const purges = () => stubOf(env.PURGE_COORDINATOR, 'purge-coordinator');
const purge = (purgeId: string, keys: readonly string[], all = false): Promise<PurgeAnswer> =>
  purgeOf(purgeId, { keys, all });
const purgeOf = (purgeId: string, selection: Partial<PurgeSelection>): Promise<PurgeAnswer> =>
  (purges() as unknown as PurgeCoordinatorRpc).purge({
    purgeId,
    by: 'test',
    keys: [],
    tags: [],
    prefixes: [],
    all: false,
    namespaces: [],
    soft: false,
    ...selection,
  });

const UTF8 = new TextEncoder();
const text = (bytes: Uint8Array | null) => (bytes === null ? null : new TextDecoder().decode(bytes));

let map: ShardMap;
const heard: [version: number, healthEpoch: number][] = [];
let requests = 0;
const newRequestId = () => `test-${++requests}`;
const nextTurn = () => sleep(0);
const clientWith = (configVersion: number, now = () => Date.now()) =>
  createShardClient({
    namespace: env.SHARD_REPLICA,
    now,
    newRequestId,
    waitUntil: goOn,
    nextTurn,
    heardOf: (version, healthEpoch) => heard.push([version, healthEpoch]),
    header: () => ({ mapEpoch: map.epoch, configVersion, healthEpoch: 1 }),
  });
const client = clientWith(1);

beforeAll(async () => {
  map = await directory().shardMap();
});

afterEach(() => clearFaults());

/** The nth key-value key (or URL key) that lies in a shard. */
function keyIn(shard: number, n = 0, make = (i: number) => kvEntryKey('test', `key-${i}`)): string {
  let left = n;
  for (let i = 0; ; i++) {
    const key = make(i);
    if (client.shardOf(map, key) === shard && left-- === 0) return key;
  }
}

const urlKeyIn = (shard: number, n = 0, name = 'page') =>
  keyIn(shard, n, (i) => httpEntryKey(`http://www.example/${name}-${i}`));

function groupOf(shard: number): ShardGroup {
  const group = map.groups[shard];
  if (group === undefined) throw new Error(`There is no shard ${shard}`);
  return group;
}

const nameOf = (shard: number, member: number) => groupOf(shard).members[member]?.name ?? '';
const memberId = (shard: number, member: number) => idOf(env.SHARD_REPLICA, nameOf(shard, member));
const memberStub = (shard: number, member: number) => stubOf(env.SHARD_REPLICA, nameOf(shard, member));
const member = (shard: number, index: number) => memberStub(shard, index) as unknown as ShardReplicaRpc;
const address = (shard: number, index: number) => ({ shard, member: index, name: nameOf(shard, index) });
const statusOf = (shard: number, index: number): Promise<MemberStatus> =>
  member(shard, index).status(address(shard, index));
const cutOff = (shard: number, ...members: number[]) => {
  for (const index of members) setFault(memberId(shard, index), { type: 'unreachable' });
};

const backupsOf = async (shard: number): Promise<number[]> => {
  const primary = await primaryOf(shard);
  return [0, 1, 2].filter((index) => index !== primary);
};

/** The member that is primary now. */
async function primaryOf(shard: number): Promise<number> {
  const statuses = await Promise.all([0, 1, 2].map((index) => statusOf(shard, index)));
  const newest = statuses.reduce((a, b) => (b.view > a.view ? b : a));
  return newest.view % 3;
}

const HEADER = { protocol: 1, mapEpoch: 1, configVersion: 1, healthEpoch: 1 };

const put = (key: string, value: string | Uint8Array, more: object = {}): UnstagedCommand => ({
  type: 'put',
  key,
  meta: '{"contentType":"text/plain"}',
  body: typeof value === 'string' ? UTF8.encode(value) : value,
  condition: null,
  ttlMs: null,
  tags: [],
  ...more,
});

async function write(key: string, command: UnstagedCommand, reqId = newRequestId()): Promise<CommandResult> {
  const outcome = await client.write(map, key, reqId, command);
  if (outcome.type !== 'result') throw new Error(`Not written: ${JSON.stringify(outcome)}`);
  return outcome.result;
}

async function read(key: string) {
  const answer = await client.kvRead(map, key, LINEARIZABLE, true);
  if (answer.type === 'unavailable' || answer.type === 'outcome-unknown') throw new Error(answer.detail);
  return answer.type === 'found' ? text(answer.body) : null;
}

async function lookUp(
  key: string,
  { method = 'GET', fields = [] as Fields, wantLease = true } = {},
): Promise<Lookup> {
  const answer = await client.lookup(map, {
    key,
    method,
    fields,
    keyParts: [],
    policy: DEFAULT_CACHE_POLICY,
    wish: { level: 'bounded', bookmark: {} },
    wantLease,
  });
  if (answer.type !== 'decision') throw new Error(answer.detail);
  return answer;
}

function fill(key: string, token: FillToken, body: string | Uint8Array, more: Fields = []): UnstagedCommand {
  const nowMs = Date.now();
  const storable = decideStorable(
    {
      request: { method: 'GET', fields: [] },
      response: { status: 200, fields: [['cache-control', 'max-age=60'], ...more] },
      keyParts: [],
      requestedAt: nowMs,
      receivedAt: nowMs,
    },
    DEFAULT_CACHE_POLICY,
  );
  if (storable.type !== 'storable') throw new Error(`Not storable: ${storable.reason}`);
  const bytes = typeof body === 'string' ? UTF8.encode(body) : body;
  const { stored, variant, keepMs } = storable;
  return {
    type: 'fill',
    key,
    variant,
    meta: encodeStored(stored),
    body: bytes,
    token,
    ttlMs: keepMs,
    tags: [],
  };
}

function tokenOf({ lease }: Lookup): FillToken {
  if (lease === null) throw new Error('No lease was given');
  return lease;
}

async function bytesOf(body: Lookup['body']): Promise<Uint8Array> {
  return body === null ? new Uint8Array() : new Uint8Array(await new Response(body).arrayBuffer());
}

/** Bytes that repeat nowhere near: a chunk out of place would be seen. */
function pattern(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4)).map((_, i) => Math.imul(i + 1, 0x9e3779b1));
  return new Uint8Array(words.buffer, 0, length);
}

describe('the SQLite store', () => {
  const IDENTITY: Identity = {
    groupId: 'g',
    shard: 0,
    memberId: 1,
    memberCount: 3,
    incarnation: 1,
    epoch: 1,
  };
  // Astral and private-use: by UTF-8 bytes they sort the other way round than by code units.
  const VARIANTS = ['', 'a', '\u{1f600}', '\uffee'];
  const KEYS = [
    httpEntryKey('http://a/'),
    httpEntryKey('http://b/'),
    kvEntryKey('n', 'x'),
    kvEntryKey('n', 'ü'),
    kvEntryKey('n', 'x:1'),
    kvEntryKey('n', 'xxxxxxxxxxxx'),
    kvEntryKey('n', '\u{1f600}'),
    kvEntryKey('n', '\uffeex'),
    kvEntryKey('nn', 'x'),
  ];
  const SCOPES = ['all:', 'tag:a', 'tag:"', 'prefix:http://a/', 'url:http://a/', 'namespace:n'];
  const HASHES = ['aa', 'bb', 'cc'];
  const SIZES = [0, 1, 1_000, 40_000];

  /** Makes writes that a core could ask for out of free choices. */
  function writer(choose: (below: number) => number) {
    let op = 0;
    let before = 0;
    let t = 1_000;
    const pick = <T>(options: readonly T[]): T => options[choose(options.length)] as T;
    const stamp = () => ({ view: 0, op: choose(op + 1) });
    const value = (): Value => {
      const body =
        choose(4) === 0
          ? { type: 'chunks' as const, hashes: [pick(HASHES), pick(HASHES)], bytes: 600_000 }
          : { type: 'inline' as const, bytes: pattern(pick(SIZES)).slice() };
      return { meta: `{"n":"${choose(10)} \u{1f600}"}`, body };
    };
    const entry = (): LogEntry => {
      const items = Array.from({ length: choose(4) }, (_, i) => ({
        reqId: `r${op}.${i}`,
        digest: 'd',
        command: {
          type: 'put' as const,
          key: pick(KEYS),
          value: value(),
          condition: null,
          ttlMs: null,
          tags: ['t'],
        },
      }));
      t += 1 + choose(5);
      return { op: ++op, view: 0, t, items };
    };
    const row = (): Row => {
      const key = pick(KEYS);
      const variant = key.startsWith('k') ? '' : pick(VARIANTS);
      const content = value();
      return {
        key,
        variant,
        viewstamp: stamp(),
        item: choose(3),
        born: stamp(),
        writtenAt: ++t,
        expireAt: choose(2) === 0 ? null : choose(5_000),
        tags: choose(2) === 0 ? [] : ['x', 'y"z'],
        bytes: rowBytes({ key, variant }, content),
        value: content,
      };
    };
    const kinds: (() => Write)[] = [
      () => ({ type: 'append', entries: Array.from({ length: 1 + choose(3) }, entry) }),
      () => {
        const fromOp = before + 1 + choose(op - before + 1);
        op = Math.min(op, fromOp - 1);
        return { type: 'truncateSuffix', fromOp };
      },
      () => {
        if (op === before) return { type: 'touch' };
        before += 1 + choose(op - before);
        return { type: 'truncatePrefix', before: { view: 0, op: before } };
      },
      () => ({
        type: 'applied',
        commit: choose(99),
        applied: choose(99),
        appliedT: choose(9_999),
        fillFloor: stamp(),
        fillMark: stamp(),
        fillMarkT: choose(99),
        httpBytes: choose(99),
        kvBytes: choose(99),
        kvKeptBytes: choose(99),
        entries: choose(99),
        stateHash: 4_294_967_295 - choose(9),
        boundMs: choose(99),
        boundSince: choose(99),
        boundMaxMs: choose(99),
        incarnations: choose(2) === 0 ? [] : [1, 1 + choose(3), 2],
      }),
      () => ({ type: 'forsaken', incarnation: 1 + choose(3) }),
      () => ({ type: 'putRow', row: row() }),
      () => ({ type: 'putRow', row: row() }),
      () => ({ type: 'deleteRow', address: { key: pick(KEYS), variant: pick(VARIANTS) } }),
      () => ({ type: 'tombstone', tombstone: { key: pick(KEYS), stamp: stamp(), t: choose(99) } }),
      () => ({ type: 'forgetTombstones', upTo: stamp() }),
      () => {
        const purge = () => ({ ...stamp(), item: choose(3), t: choose(99) });
        const hard = choose(2) === 0 ? null : purge();
        const soft = hard === null || choose(2) === 0 ? purge() : null;
        return { type: 'invalidation', row: { scope: pick(SCOPES), hard, soft, reqIds: ['r'] } };
      },
      () => ({
        type: 'forgetInvalidations',
        upTo: stamp(),
        beforeT: 600_000 + choose(2) * 86_000_000 + choose(99),
      }),
      () => ({ type: 'floor', floor: stamp() }),
      () => ({ type: 'view', view: choose(9) }),
      () => {
        const dedupe = {
          reqId: `r${choose(6)}.0`,
          digest: 'd',
          op: ++op,
          t: ++t,
          result: { type: 'purged' as const },
        };
        op -= 1;
        return { type: 'dedupe', row: dedupe };
      },
      () => ({
        type: 'forgetDedupe',
        beforeT: t - choose(20),
        beforeOp: op + 2 - choose(4),
        // Beyond what is there: what lies together goes together.
        limit: 100_000,
      }),
      () => {
        const hash = pick(HASHES);
        return { type: 'chunk', hash, bytes: UTF8.encode(`content of ${hash}`), stagedAt: ++t };
      },
      () => ({ type: 'sweepChunks', stagedBefore: t - choose(20) }),
      () => ({ type: 'touch' }),
    ];
    return () => pick(kinds)();
  }

  function everythingOf(store: ReplicaStore, ops: number) {
    return {
      head: store.head(),
      rows: KEYS.map((key) => store.rows(key)),
      heads: KEYS.map((key) => store.rowHeads(key)).map((heads) => heads.map(withoutValue)),
      ofVariants: KEYS.map((key) => VARIANTS.map((variant) => withoutValue(store.rowHead({ key, variant })))),
      tombstones: KEYS.map((key) => store.tombstone(key)),
      invalidations: SCOPES.map((scope) => store.invalidation(scope)),
      invalidationCounts: store.invalidationCounts(),
      invalidationSpan: store.invalidationSpan(),
      looked: lookThrough(store),
      evictablePairs: [2, 99].map((limit) => store.evictablePairs(limit).map(({ expireAt }) => expireAt)),
      pairs: ['n', 'x'].flatMap((namespace) =>
        ['', 'x', '\u{1f600}'].flatMap((prefix) =>
          [null, 'x', '\uffee'].flatMap((after) =>
            [1, 99].map((limit) => store.pairsAfter(namespace, prefix, after, limit).map(withoutValue)),
          ),
        ),
      ),
      dedupe: Array.from({ length: 7 }, (_, i) => store.dedupe(`r${i}.0`)),
      log: [1, 3].map((fromOp) => [0, 50_000, 1e9].map((bytesMax) => store.logEntries(fromOp, bytesMax))),
      views: Array.from({ length: ops }, (_, op) => store.viewAt(op)),
      places: [store.logPlaces(1, 3), store.logPlaces(4, 99)],
      chunks: HASHES.map((hash) => [store.hasChunk(hash), text(store.chunk(hash) ?? null)]),
      newestChunkAt: store.newestChunkAt(),
      expired: [store.expired(2_500, 2), store.expired(9_999, 99)].map((found) =>
        found.map(({ expireAt }) => expireAt),
      ),
      nextExpiry: [0, 2_500, 9_999].map((t) => store.nextExpiry(t)),
    };
  }

  /** Every row once, in whatever order. */
  function lookThrough(store: ReplicaStore) {
    const found: string[] = [];
    for (let cursor: string | null = null; ; ) {
      const page = store.rowsAfter(cursor, 2);
      found.push(...page.rows.map(({ key, variant }) => `${key} ${variant}`));
      if (page.rows.length < 2) return found.sort();
      cursor = page.cursor;
    }
  }

  function withoutValue<T extends object>(head: T | undefined) {
    if (head === undefined) return undefined;
    const { value: _, ...rest } = head as T & { value?: unknown };
    return rest;
  }

  /** A member's storage that nobody else uses. */
  let stores = 0;
  const inFreshStorage = <T>(body: (sql: SqlStorage) => T): Promise<T> =>
    runInDurableObject(stubOf(env.SHARD_REPLICA, `store-${++stores}`), (_, { storage }) => {
      createTables(storage.sql);
      return body(storage.sql);
    });

  it('shows what a store in memory shows, whatever is written, also to a new instance', async () => {
    const choices = fc.infiniteStream(fc.nat(1_000_000));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 40 }), choices, (writes, stream) =>
        inFreshStorage((sql) => {
          const nextWrite = writer((below) => stream.next().value % below);
          const memory = new MemoryStore(IDENTITY);
          const store = new SqliteStore(sql);
          store.write([{ type: 'identity', identity: IDENTITY }]);
          for (let i = 0; i < writes; i++) {
            const write = nextWrite();
            memory.write([write]);
            store.write([write]);
            // Looked at in between as well: what a store remembers of a look must not outlive a write.
            if (i % 4 === 3) expect(everythingOf(store, 130)).toEqual(everythingOf(memory, 130));
          }
          const expected = everythingOf(memory, 130);
          expect(everythingOf(store, 130)).toEqual(expected);
          expect(everythingOf(new SqliteStore(sql), 130)).toEqual(expected);
        }),
      ),
      { numRuns: 25, seed: 7 },
    );
  });

  it('gives a snapshot away in parts, and takes one in over whatever is there', async () => {
    const choices = fc.infiniteStream(fc.nat(1_000_000));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), choices, async (writes, stream) => {
        const filled = (sql: SqlStorage) => {
          const nextWrite = writer((below) => stream.next().value % below);
          const store = new SqliteStore(sql);
          store.write([{ type: 'identity', identity: IDENTITY }]);
          for (let i = 0; i < writes; i++) store.write([nextWrite()]);
          return store;
        };
        const { parts, head } = await inFreshStorage((sql) => {
          const store = filled(sql);
          const all: { after: string | null; to: string | null; writes: readonly Write[] }[] = [];
          for (let after: string | null = null; all.length === 0 || after !== null; ) {
            const part = store.snapshotPart(after, 1);
            all.push(structuredClone({ after, ...part }));
            after = part.to;
          }
          return { parts: all, head: store.head() };
        });
        if (head === null) throw new Error('There is no head');
        await inFreshStorage((sql) => {
          const store = filled(sql);
          store.write([{ type: 'installing' }]);
          for (const part of parts) store.write([{ type: 'replaceRange', ...part }]);
          expect(new SqliteStore(sql).head()?.isInstalling).toBe(true);
          const at = { view: 9, op: 1_000 };
          store.write([{ type: 'installed', head, at, floor: head.floor, keepsSuffix: false }]);
          const now = store.head();
          expect(now).toMatchObject({ isInstalling: false, beforeFirst: at, lastLogged: at, logBytes: 0 });
          expect(now?.stateHash).toBe(head.stateHash);
          expect(allOf(store)).toEqual(parts.flatMap((part) => part.writes));
          expect(allOf(new SqliteStore(sql))).toEqual(allOf(store));
          const entry: LogEntry = { op: 1_001, view: 9, t: 1, items: [] };
          store.write([{ type: 'append', entries: [entry] }]);
          expect(new SqliteStore(sql).head()?.lastLogged).toEqual({ view: 9, op: 1_001 });
        });
      }),
      { numRuns: 15, seed: 11 },
    );
  });

  /** Bodies are read when asked for: across objects they are copied. */
  function allOf(store: SqliteStore): Write[] {
    return structuredClone([...store.snapshotPart(null, Number.POSITIVE_INFINITY).writes]);
  }

  it('knows of every table whether it is part of a snapshot', async () => {
    const ofTheMemberAlone = ['birth', 'chunks', 'facts', 'head', 'log', 'logParts'];
    const tables = await inFreshStorage((sql) =>
      sql
        .exec<{ name: string }>(
          "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'",
        )
        .toArray()
        .map(({ name }) => name),
    );
    expect(tables.sort()).toEqual([...ofTheMemberAlone, ...SNAPSHOT_TABLES.map(({ name }) => name)].sort());
  });

  it('finds request ids of many commands that were written together, the latest of each, and lets the oldest go', async () => {
    await inFreshStorage((sql) => {
      const many = 25_000;
      const rows = (from: number, count: number, idOf = (i: number) => `r${i}`): Write[] =>
        Array.from({ length: count }, (_, i) => {
          const at = from + i;
          return {
            type: 'dedupe',
            row: { reqId: idOf(at), digest: 'd', op: at, t: at, result: { type: 'purged' } },
          };
        });
      const store = new SqliteStore(sql);
      store.write(rows(0, many));
      expect(sql.exec('SELECT count(*) AS n FROM dedupeRuns').one()).toEqual({ n: Math.ceil(many / 128) });
      store.write([...rows(many, 10), ...rows(many, 10, () => 'r7')]);
      const opsOf = (ids: readonly number[]) =>
        // One that knows, one that has just begun, and one whose index holds no more than the newest.
        [store, new SqliteStore(sql), { dedupe: (id: string) => new DedupeTable(sql, 1).find(id) }].map(
          (one) => ids.map((i) => one.dedupe(`r${i}`)?.op ?? null),
        );
      const all = (ops: readonly (number | null)[]) => [ops, ops, ops];
      expect(opsOf([0, 7, many - 1, many, many + 10])).toEqual(all([0, many + 9, many - 1, many, null]));
      const forget = (limit: number): Write => ({
        type: 'forgetDedupe',
        beforeT: many,
        beforeOp: many,
        limit,
      });
      store.write([forget(1_000)]);
      expect(opsOf([0, 7, 5_000, many - 1])).toEqual(all([null, many + 9, 5_000, many - 1]));
      store.write([forget(2 * many)]);
      // What lies in a run with later ones stays with them.
      expect(opsOf([0, 7, many - 200, many, many + 9])).toEqual(all([null, many + 9, null, many, many + 9]));
    });
  });

  it('keeps an entry that is longer than a row may be', async () => {
    await inFreshStorage((sql) => {
      const store = new SqliteStore(sql);
      store.write([{ type: 'identity', identity: IDENTITY }]);
      // Three bytes a character: 1.2 million characters are 3.6 MB.
      const items = Array.from({ length: 3 }, (_, i) => ({
        reqId: `r${i}`,
        digest: 'd',
        command: {
          type: 'put' as const,
          key: kvEntryKey('n', `${i}`),
          value: { meta: '語'.repeat(400_000), body: { type: 'inline' as const, bytes: pattern(9).slice() } },
          condition: null,
          ttlMs: null,
          tags: [],
        },
      }));
      const entry = { op: 1, view: 0, t: 1, items };
      store.write([{ type: 'append', entries: [entry] }]);
      expect(store.logEntries(1, 1)).toEqual([entry]);
      store.write([{ type: 'truncatePrefix', before: { view: 0, op: 1 } }]);
      expect(sql.exec('SELECT count(*) AS n FROM logParts').one()).toEqual({ n: 0 });
    });
  });

  it('opens what version 0.1 wrote: purges of everything and request ids hold, what stays is counted apart', async () => {
    await runInDurableObject(stubOf(env.SHARD_REPLICA, 'store-of-0.1'), (_, { storage: { sql } }) => {
      createTables(sql);
      const old = new SqliteStore(sql);
      old.write([{ type: 'identity', identity: IDENTITY }]);
      const kept = { meta: '{}', body: { type: 'inline' as const, bytes: pattern(9).slice() } };
      const pair = (name: string, expireAt: number | null): Row => ({
        key: kvEntryKey('n', name),
        variant: '',
        viewstamp: { view: 0, op: 1 },
        item: 0,
        born: { view: 0, op: 1 },
        writtenAt: 1,
        expireAt,
        tags: [],
        bytes: 100,
        value: kept,
      });
      old.write([pair('a', null), pair('b', null), pair('c', 9)].map((row) => ({ type: 'putRow', row })));
      sql.exec(
        'DROP TABLE invalidations; DROP INDEX pairsByExpiry; ALTER TABLE head DROP COLUMN kvKeptBytes;' +
          'ALTER TABLE head DROP COLUMN boundMs; ALTER TABLE head DROP COLUMN boundSince;' +
          'ALTER TABLE head DROP COLUMN boundMaxMs; DROP TABLE dedupeRuns;' +
          'CREATE TABLE dedupe (id INTEGER PRIMARY KEY, reqId TEXT NOT NULL UNIQUE, op INTEGER NOT NULL,' +
          ' t INTEGER NOT NULL, digest TEXT NOT NULL, result TEXT NOT NULL)',
      );
      for (let i = 1; i <= 1_500; i++) {
        sql.exec('INSERT INTO dedupe VALUES (?, ?, ?, ?, ?, ?)', i, `r${i}`, i, i, 'd', '{"type":"purged"}');
      }
      sql.exec('UPDATE head SET hardView = 0, hardOp = 7, appliedT = 5000, kvBytes = 300');
      const members = [{ name: 'a', region: 'weur' }];
      sql.exec('ALTER TABLE birth ADD COLUMN boundMs INTEGER');
      sql.exec("INSERT INTO birth VALUES (1, 'n', ?, 5000)", JSON.stringify(members));
      createTables(sql);
      createTables(sql);
      const birth = new BirthRecord(sql);
      expect([birth.nonce(), birth.members()]).toEqual(['n', members]);
      birth.renew();
      expect([birth.nonce() === 'n', birth.members()]).toEqual([false, null]);
      birth.keep(members);
      expect(birth.members()).toEqual(members);
      const hard = { view: 0, op: 7, item: 0, t: 5_000 };
      expect(new SqliteStore(sql).head()).toMatchObject({ kvBytes: 300, kvKeptBytes: 200, boundMs: 0 });
      expect(new SqliteStore(sql).invalidation('all:')).toEqual({
        scope: 'all:',
        hard,
        soft: null,
        reqIds: [],
      });
      const found = [1, 1_500, 1_501].map((i) => new SqliteStore(sql).dedupe(`r${i}`)?.op ?? null);
      expect(found).toEqual([1, 1_500, null]);
    });
  });

  describe('when its bytes run out', () => {
    const HTTP_BYTES_MAX = 60_000;
    /** Bytes of meta, key and row beside the body. */
    const BESIDE_MAX = 600;
    const bodyOf = (n: number) => pattern(1_000 + (n % 10));
    const pageKey = (n: number) => httpEntryKey(`http://www.example/page-${n}`);

    /** A whole group of one member, of the real core over real SQL, that may hold little. */
    class SmallShard {
      readonly store: SqliteStore;
      readonly replica: RunningReplica;

      constructor(storage: DurableObjectStorage) {
        this.store = new SqliteStore(storage.sql);
        if (this.store.head() === null) {
          this.store.write([{ type: 'identity', identity: { ...IDENTITY, memberId: 0, memberCount: 1 } }]);
        }
        const around = {
          now: () => Date.now(),
          nonce: crypto.randomUUID(),
          tell: () => {},
          storage,
          deliver: () => Promise.reject(new Error('There is nobody else')),
          lose: () => {},
          fail: (error: unknown) => {
            throw error;
          },
        };
        this.replica = new RunningReplica(this.store, around, { httpBytesMax: HTTP_BYTES_MAX });
      }

      get httpBytes(): number {
        return this.replica.state.head.httpBytes;
      }

      lookUp(key: string) {
        const request = { method: 'GET', fields: [], keyParts: [], policy: DEFAULT_CACHE_POLICY };
        return lookUpInside(this.replica, this.store, { ...request, key, wantLease: true }, Date.now());
      }

      /** Looks a page up and stores it where it is missing. Whether it was there. */
      async visit(key: string, body: Uint8Array): Promise<boolean> {
        const looked = await this.lookUp(key);
        if (looked.type !== 'decision') throw new Error(`No decision: ${looked.type}`);
        if (looked.decision.type === 'hit') return true;
        if (looked.lease === null) throw new Error('No lease was given');
        const unstaged = fill(key, looked.lease, body);
        if (unstaged.type !== 'fill') throw new Error(unstaged.type);
        const { meta, body: _, ...rest } = unstaged;
        const inline = { type: 'inline' as const, bytes: body.slice() };
        const command = { ...rest, value: { meta, body: inline } } as Command;
        const ask = await this.replica.ask({ type: 'command', reqId: newRequestId(), command });
        expect(ask).toMatchObject({ answer: { result: { type: 'filled' } } });
        return false;
      }

      /** What is over the limit goes with the next batches. */
      settled() {
        return waitUntil(() => this.httpBytes <= HTTP_BYTES_MAX);
      }
    }

    let shards = 0;
    const inSmallShard = (body: (shard: SmallShard, storage: DurableObjectStorage) => Promise<void>) =>
      runInDurableObject(stubOf(env.SHARD_REPLICA, `small-${++shards}`), async (_, { storage }) => {
        createTables(storage.sql);
        await body(new SmallShard(storage), storage);
      });

    it('stays within its bound, and what is asked for survives a scan', async () => {
      await inSmallShard(async (shard) => {
        const hot = Array.from({ length: 10 }, (_, n) => pageKey(n));
        for (let round = 0; round < 3; round++) {
          for (const [n, key] of hot.entries()) await shard.visit(key, bodyOf(n));
        }
        let most = 0;
        let hits = 0;
        // Nearly three times what fits comes once each; a hot page is looked at now and then.
        for (let n = 0; n < 100; n++) {
          await shard.visit(pageKey(1_000 + n), bodyOf(n));
          if (n % 4 === 0 && (await shard.visit(hot[(n / 4) % 10] ?? '', bodyOf(n)))) hits += 1;
          most = Math.max(most, shard.httpBytes);
          await shard.settled();
        }
        expect(hits).toBe(25);
        // Never over by more than what came with one batch, and not emptied without need.
        expect(most).toBeGreaterThan(HTTP_BYTES_MAX);
        expect(most).toBeLessThan(HTTP_BYTES_MAX + 2 * (1_010 + BESIDE_MAX));
        expect(shard.httpBytes).toBeGreaterThan(HTTP_BYTES_MAX - 2 * (1_010 + BESIDE_MAX));
      });
    });

    it('lets the large go before the small that are used as much', async () => {
      await inSmallShard(async (shard) => {
        const large = pageKey(1);
        await shard.visit(large, pattern(30_000));
        for (let n = 0; n < 30; n++) await shard.visit(pageKey(1_000 + n), bodyOf(n));
        await shard.settled();
        expect(await shard.visit(large, pattern(30_000))).toBe(false);
        expect(await shard.visit(pageKey(1_000), bodyOf(0))).toBe(true);
      });
    });

    it('never evicts key-value data without a ttl', async () => {
      await inSmallShard(async (shard) => {
        const value = { meta: '{}', body: { type: 'inline' as const, bytes: pattern(40_000).slice() } };
        const command = {
          type: 'put' as const,
          key: kvEntryKey('n', 'k'),
          value,
          condition: null,
          ttlMs: null,
        };
        const whole: Command = { ...command, tags: [] };
        await shard.replica.ask({ type: 'command', reqId: newRequestId(), command: whole });
        for (let n = 0; n < 100; n++) await shard.visit(pageKey(n), bodyOf(n));
        await shard.settled();
        expect(shard.replica.state.head.kvBytes).toBeGreaterThan(40_000);
      });
    });

    it('goes on with rows that it knows nothing of after a start', async () => {
      await inSmallShard(async (shard, storage) => {
        for (let n = 0; n < 38; n++) await shard.visit(pageKey(n), bodyOf(n));
        await waitUntil(() => shard.replica.state.overlay.ops === 0);
        const again = new SmallShard(storage);
        // Looked at since the start: the only one whose use is known.
        expect(await again.visit(pageKey(0), bodyOf(0))).toBe(true);
        for (let n = 100; n < 115; n++) await again.visit(pageKey(n), bodyOf(n));
        await again.settled();
        expect(await again.visit(pageKey(0), bodyOf(0))).toBe(true);
        expect(again.httpBytes).toBeGreaterThan(HTTP_BYTES_MAX / 2);
      });
    });
  });

  it('has no identity before the birth', async () => {
    expect(await inFreshStorage((sql) => new SqliteStore(sql).head())).toBeNull();
  });
});

describe('a shard', () => {
  it('is born with its first request, and answers what was written', async () => {
    const key = keyIn(0);
    expect(await read(key)).toBeNull();
    expect(await write(key, put(key, 'hello'))).toMatchObject({ type: 'stored', created: true });
    expect(await read(key)).toBe('hello');
    expect(await write(key, put(key, 'again'))).toMatchObject({ type: 'stored', created: false });
    expect(await read(key)).toBe('again');
    expect(await write(key, { type: 'delete', key, condition: null })).toEqual({
      type: 'deleted',
      existed: true,
    });
    expect(await read(key)).toBeNull();
  });

  it('has its backups hold, after a moment, all that the primary has', async () => {
    const key = keyIn(0, 1);
    await write(key, put(key, 'everywhere'));
    const primary = await statusOf(0, 0);
    expect(primary).toMatchObject({ role: 'primary', state: 'normal', groupId: groupOf(0).groupId });
    for (const index of [1, 2]) {
      const backup = await waitUntil(async () => {
        const status = await statusOf(0, index);
        return status.applied === primary.op && status;
      });
      expect(backup).toEqual({ ...primary, member: index, role: 'backup' });
    }
  });

  it('is described by all its members', async () => {
    const shards = await client.status(map);
    expect(shards.map(({ shard }) => shard)).toEqual(map.groups.map(({ shard }) => shard));
    for (const { members } of shards) {
      expect(members.map(({ status }) => status?.state)).toEqual(['normal', 'normal', 'normal']);
    }
    setFault(memberId(0, 2), { type: 'unreachable' });
    const [first] = await client.status(map);
    expect(first?.members.map(({ status }) => status === null)).toEqual([false, false, true]);
  });

  it('tells what was done for an operation: the calls of objects and the rows that all members wrote', async () => {
    const sum = { operations: 0, objectCalls: 0, rowsWritten: 0 };
    const counting = createShardClient({
      namespace: env.SHARD_REPLICA,
      now: () => Date.now(),
      newRequestId,
      waitUntil: goOn,
      nextTurn,
      heardOf: () => {},
      header: () => ({ mapEpoch: map.epoch, configVersion: 1, healthEpoch: 1 }),
      costs: {
        operation: () => {
          sum.operations += 1;
        },
        worked({ objectCalls, rowsWritten }) {
          sum.objectCalls += objectCalls;
          sum.rowsWritten += rowsWritten;
        },
      },
    });
    const key = keyIn(0, 40);
    const writes = 20;
    await write(key, put(key, 'before'));
    for (let i = 0; i < writes; i++) await counting.write(map, key, newRequestId(), put(key, `${i}`));
    expect(sum.operations).toBe(writes);
    // Each its own call and two prepares; each member writes an entry, and later the row and the request ids.
    expect(sum.objectCalls).toBeGreaterThanOrEqual(3 * (writes - 1));
    expect(sum.objectCalls).toBeLessThan(8 * writes);
    expect(sum.rowsWritten).toBeGreaterThanOrEqual(3 * (writes - 1));
    expect(sum.rowsWritten).toBeLessThan(50 * writes);
    const before = { ...sum };
    await counting.kvRead(map, key, LINEARIZABLE, true);
    expect(sum.operations).toBe(before.operations + 1);
  });

  it('judges conditions where the write is applied', async () => {
    const key = keyIn(0, 2);
    const created = await write(key, put(key, 'one', { condition: { type: 'absent' } }));
    if (created.type !== 'stored') throw new Error(created.type);
    const { etag } = created;
    expect(await write(key, put(key, 'two', { condition: { type: 'absent' } }))).toEqual({
      type: 'condition-failed',
      etag,
    });
    const ifMatch = (etags: string[]) => ({ condition: { type: 'etag', etags } });
    expect(await write(key, put(key, 'two', ifMatch(['other'])))).toMatchObject({ type: 'condition-failed' });
    expect(await write(key, put(key, 'two', ifMatch([etag])))).toMatchObject({
      type: 'stored',
      created: false,
    });
    expect(await read(key)).toBe('two');
  });

  it('lets exactly one of many concurrent creators win', async () => {
    const key = keyIn(1, 3);
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        write(key, put(key, `by ${i}`, { condition: { type: 'absent' } })),
      ),
    );
    expect(results.filter(({ type }) => type === 'stored').length).toBe(1);
    expect(await read(key)).toBe(`by ${results.findIndex(({ type }) => type === 'stored')}`);
  });

  it('does a request once, however often it is sent, and refuses its id for another', async () => {
    const key = keyIn(0, 4);
    const first = await write(key, put(key, 'once'), 'id-1');
    await write(key, put(key, 'later'));
    expect(await write(key, put(key, 'once'), 'id-1')).toEqual(first);
    expect(await read(key)).toBe('later');
    expect(await write(key, put(key, 'other'), 'id-1')).toEqual({ type: 'request-mismatch' });
  });

  it('lets a value expire, and removes it by alarm on every member', async () => {
    const key = keyIn(1, 5);
    const before = (await statusOf(1, 0)).entries;
    await write(key, put(key, 'short', { ttlMs: 1_500 }));
    expect(await read(key)).toBe('short');
    expect((await statusOf(1, 0)).entries).toBe(before + 1);
    await waitUntil(async () => (await read(key)) === null);
    await waitUntil(async () => {
      await runDurableObjectAlarm(memberStub(1, 0));
      const statuses = await Promise.all([0, 1, 2].map((index) => statusOf(1, index)));
      return statuses.every(({ entries }) => entries === before);
    });
  });

  it('passes on what it heard of newer configurations', async () => {
    const key = keyIn(2);
    await clientWith(41).kvRead(map, key, LINEARIZABLE, false);
    heard.length = 0;
    await client.kvRead(map, key, LINEARIZABLE, false);
    expect(heard).toEqual([[41, 1]]);
  });

  it('goes by the newest staleness bound that it hears of, from whichever member', async () => {
    const key = urlKeyIn(2, 0, 'bound');
    const ask = async (index: number, boundMs: number, since: number) => {
      const answer = await member(2, index).lookup({
        to: address(2, index),
        header: { ...HEADER, staleness: { boundMs, since } },
        key,
        method: 'GET',
        fields: [],
        keyParts: [],
        policy: DEFAULT_CACHE_POLICY,
        level: 'any',
        wantLease: false,
      });
      return answer.type === 'decision' ? answer.boundMs : answer.type;
    };
    expect(await ask(0, 5_000, 0)).toBe(5_000);
    await waitUntil(async () => (await ask(1, 2_000, 7)) === 2_000);
    await waitUntil(async () => (await ask(0, 60_000, 6)) === 2_000);
    await waitUntil(async () => (await ask(0, 5_000, 8)) === 5_000);
    // What was read under 5 s before may still be used for as long: a strict purge goes by that.
    const command = { type: 'purge', selector: { type: 'url', key } } as const;
    const requests = [{ reqId: newRequestId(), command }];
    const purged = await member(2, 0).submit({ to: address(2, 0), header: HEADER, requests });
    expect(purged).toMatchObject({ type: 'results', limitMs: 5_000 });
  });

  it('refuses another protocol', async () => {
    const answer = await member(0, 0).kvRead({
      to: address(0, 0),
      header: { ...HEADER, protocol: 99 },
      key: keyIn(0),
      withBody: true,
    });
    expect(answer).toMatchObject({ type: 'unknown-protocol' });
  });

  it('has its backups name the primary', async () => {
    const command = { type: 'purge', selector: { type: 'all' } } as const;
    const answer = await member(0, 2).submit({
      to: address(0, 2),
      header: HEADER,
      requests: [{ reqId: 'to-backup', command }],
    });
    expect(answer).toMatchObject({ type: 'not-primary', view: 0, primary: 0, groupId: groupOf(0).groupId });
  });

  it('has its backups answer batches and pages that may be a little old, and no others', async () => {
    const key = keyIn(0, 40);
    await write(key, put(key, 'listed'));
    const to = address(0, 1);
    const wish = { namespace: 'test', prefix: '', after: null, limit: 1_000 };
    const pageAt = (need: ReadNeed) => member(0, 1).kvPage({ to, header: HEADER, need, ...wish });
    const batchAt = (need: ReadNeed, ...writes: BatchOp[]) =>
      member(0, 1).kvBatch({ to, header: HEADER, need, ops: [{ type: 'read', key }, ...writes] });
    const seen = (await statusOf(0, 0)).commit;
    const levels: ReadNeed[] = [
      { level: 'any' },
      { level: 'bounded' },
      { level: 'session', seen: { view: 0, op: seen } },
    ];
    for (const need of levels) {
      await waitUntil(async () => {
        const [batch, page] = await Promise.all([batchAt(need), pageAt(need)]);
        if (batch.type !== 'outcomes' || page.type !== 'page') return false;
        const [read] = batch.outcomes;
        const isListed = page.entries.some(({ name }) => kvEntryKey('test', name) === key);
        return read?.type === 'found' && text(read.body) === 'listed' && isListed;
      });
    }
    const remove = { type: 'delete', key, condition: null } as const;
    for (const answer of [
      await batchAt({ level: 'linearizable' }),
      await batchAt({ level: 'any' }, { type: 'write', reqId: newRequestId(), command: remove }),
      await pageAt({ level: 'linearizable' }),
    ])
      expect(answer).toMatchObject({ type: 'not-primary', primary: 0 });
  });

  it('keeps bodies of every size, inline or in chunks', async () => {
    const sizes = [0, 1, 32 * 1024, 32 * 1024 + 1, 256 * 1024, 256 * 1024 + 1, 1024 * 1024, 2_500_000];
    for (const [n, size] of sizes.entries()) {
      const key = keyIn(1, 10 + n);
      const value = pattern(size);
      expect(await write(key, put(key, value))).toMatchObject({ type: 'stored' });
      const found = await client.kvRead(map, key, LINEARIZABLE, true);
      if (found.type !== 'found') throw new Error(found.type);
      expect(found.bodyBytes).toBe(size);
      expect(Buffer.from(found.body ?? []).equals(Buffer.from(value))).toBe(true);
    }
    // The backups hold the same chunks: the 1 MiB value is the first chunk of the last one as well, and held once.
    const primary = await statusOf(1, 0);
    for (const index of [1, 2]) {
      await waitUntil(async () => (await statusOf(1, index)).applied === primary.op);
      const held = await runInDurableObject(memberStub(1, index), (_, { storage }) =>
        storage.sql.exec('SELECT sum(length(bytes)) AS bytes FROM chunks').one(),
      );
      expect(held).toEqual({ bytes: 256 * 1024 + 1 + 2_500_000 });
    }
  });

  it('refuses a chunk whose bytes are not what its name says', async () => {
    const staged = member(0, 0).stage(address(0, 0), HEADER, '00'.repeat(32), UTF8.encode('x'));
    expect(await staged.catch(String)).toContain('do not have the hash');
  });

  it('is not there for reads while it cannot be reached: that is not "absent"', async () => {
    cutOff(0, 0, 1, 2);
    const answer = await client.kvRead(map, keyIn(0), LINEARIZABLE, true);
    expect(answer).toMatchObject({ type: 'unavailable' });
    clearFaults();
    expect((await client.kvRead(map, keyIn(0), LINEARIZABLE, true)).type).toBe('absent');
  });
});

describe('a shard with one backup unreachable', () => {
  it('goes on, and the backup catches up when it is back', async () => {
    cutOff(2, 1);
    const key = keyIn(2, 1);
    for (let i = 0; i < 10; i++) await write(key, put(key, `${i}`));
    expect(await read(key)).toBe('9');
    const { op } = await statusOf(2, 0);
    // Read off its disk: it catches up as soon as it can be called.
    const applied = await runInDurableObject(
      memberStub(2, 1),
      (_, { storage }) => storage.sql.exec<{ applied: number }>('SELECT applied FROM head').one().applied,
    );
    expect(applied).toBeLessThan(op);
    clearFaults();
    await waitUntil(async () => (await statusOf(2, 1)).applied === op);
  });

  it('gives it the chunks that it missed', async () => {
    cutOff(2, 2);
    const key = keyIn(2, 2);
    const value = pattern(1_200_000);
    await write(key, put(key, value));
    clearFaults();
    const { op } = await statusOf(2, 0);
    await waitUntil(async () => (await statusOf(2, 2)).applied === op);
    const chunks = await runInDurableObject(memberStub(2, 2), (_, { storage }) =>
      storage.sql.exec('SELECT sum(length(bytes)) AS bytes FROM chunks').one(),
    );
    expect(chunks).toEqual({ bytes: 1_200_000 });
  });

  it('loses no vote for good when answers get lost', async () => {
    setFault(memberId(2, 1), { type: 'answer-lost' }, { methods: ['deliver'], calls: 3 });
    setFault(memberId(2, 2), { type: 'answer-lost' }, { methods: ['deliver'], calls: 3 });
    const key = keyIn(2, 3);
    expect(await write(key, put(key, 'kept'))).toMatchObject({ type: 'stored' });
    expect(await read(key)).toBe('kept');
  });
});

describe('a shard whose primary cannot be reached', () => {
  it('gets a new one: writes and reads go on, nothing is lost, and the old one follows', async () => {
    const [before, during] = [keyIn(2, 80), keyIn(2, 81)];
    await write(before, put(before, 'before'));
    const old = await primaryOf(2);
    cutOff(2, old);
    const startedAt = Date.now();
    await waitUntil(
      async () => (await client.write(map, during, 'failover', put(during, 'during'))).type === 'result',
    );
    expect(Date.now() - startedAt).toBeLessThan(15_000);
    expect([await read(before), await read(during)]).toEqual(['before', 'during']);
    clearFaults();
    const now = await primaryOf(2);
    expect(now).not.toBe(old);
    const { op, view } = await statusOf(2, now);
    await waitUntil(async () => (await statusOf(2, old)).applied === op);
    expect(await statusOf(2, old)).toMatchObject({ role: 'backup', view, state: 'normal' });
  });
});

describe('an edge that cannot reach the primary', () => {
  /** Calls of its own to the object fail; those of the members do not. */
  const cutOffFrom = (name: string) =>
    createShardClient({
      namespace: {
        idFromName: (asked) => env.SHARD_REPLICA.idFromName(asked),
        get(id, options) {
          const isLost = env.SHARD_REPLICA.idFromName(name).equals(id as DurableObjectId);
          const stub = env.SHARD_REPLICA.get(id as DurableObjectId, options);
          if (!isLost) return stub;
          calls += 1;
          const fail = () => Promise.reject(new Error('Network connection lost.'));
          return new Proxy(stub, { get: () => fail });
        },
      },
      now: () => Date.now(),
      newRequestId,
      waitUntil: goOn,
      nextTurn,
      heardOf: () => {},
      header: () => ({ mapEpoch: map.epoch, configVersion: 1, healthEpoch: 1 }),
    });
  let calls = 0;

  it('is served by way of a backup at once, whatever it asks, and goes that way from then on', async () => {
    const primary = await primaryOf(3);
    const edge = cutOffFrom(nameOf(3, primary));
    const [key, large] = [keyIn(3, 60), keyIn(3, 61)];
    const written = await edge.write(map, key, newRequestId(), put(key, 'by way of another'));
    expect(written).toMatchObject({ type: 'result', result: { type: 'stored' } });
    calls = 0;
    expect(await edge.write(map, large, newRequestId(), put(large, pattern(1_500_000)))).toMatchObject({
      type: 'result',
      result: { type: 'stored' },
    });
    const found = await edge.kvRead(map, key, LINEARIZABLE, true);
    if (found.type !== 'found') throw new Error(found.type);
    expect(text(found.body)).toBe('by way of another');
    const url = urlKeyIn(3, 60);
    const query = { method: 'GET', fields: [], keyParts: [], policy: DEFAULT_CACHE_POLICY };
    const wish = { level: 'linearizable', bookmark: {} } as const;
    const looked = await edge.lookup(map, { key: url, ...query, wish, wantLease: true });
    if (looked.type !== 'decision') throw new Error(looked.detail);
    expect(looked.lease).not.toBeNull();
    await edge.write(map, url, newRequestId(), fill(url, tokenOf(looked), pattern(1_200_000)));
    const hit = await edge.lookup(map, { key: url, ...query, wish, wantLease: true });
    if (hit.type !== 'decision') throw new Error(hit.detail);
    expect((await bytesOf(hit.body)).byteLength).toBe(1_200_000);
    const together = await Promise.all(
      [url, url, urlKeyIn(3, 63)].map((one) =>
        edge.lookup(map, { key: one, ...query, wish, wantLease: false }),
      ),
    );
    expect(together.map((one) => one.type === 'decision' && one.decision.type)).toEqual([
      'hit',
      'hit',
      'miss',
    ]);
    const batch = await edge.kvBatch(map, [{ type: 'read', key }], LINEARIZABLE);
    expect(batch.outcomes).toMatchObject([{ type: 'found' }]);
    const other = urlKeyIn(3, 61);
    const leased = await edge.lookup(map, { key: other, ...query, wish, wantLease: true });
    if (leased.type !== 'decision') throw new Error(leased.detail);
    await edge.release(map, other, tokenOf(leased));
    expect((await lookUp(other)).lease).not.toBeNull();
    expect(calls).toBe(0);
    expect(await primaryOf(3)).toBe(primary);
  });

  it('is told that nobody knows when the primary does not answer the backup either', async () => {
    const primary = await primaryOf(3);
    setFault(memberId(3, primary), { type: 'unreachable' });
    const key = keyIn(3, 62);
    const edge = cutOffFrom(nameOf(3, primary));
    // A new primary comes: the edge finds it, as ever.
    expect(await edge.write(map, key, newRequestId(), put(key, 'x'))).toMatchObject({ type: 'result' });
    clearFaults();
    expect(await primaryOf(3)).not.toBe(primary);
  });
});

describe('a caller', () => {
  it('tries again when an answer gets lost, and the write is done once', async () => {
    const key = keyIn(0, 20);
    setFault(memberId(0, 0), { type: 'answer-lost' }, { methods: ['submit'], calls: 2 });
    expect(await write(key, put(key, 'x', { condition: { type: 'absent' } }))).toMatchObject({
      created: true,
    });
    expect(await read(key)).toBe('x');
  });

  it('says that nothing was done when no try can have been carried out', async () => {
    setFault(idOf(env.DIRECTORY, 'directory'), { type: 'unreachable' });
    const orphan: ShardGroup = {
      shard: 0,
      groupId: 'nobody',
      members: groupOf(0).members.map(({ region }, i) => ({ name: `orphan-${i}`, region })),
    };
    const orphans: ShardMap = { ...map, groups: map.groups.map(() => orphan), slots: map.slots.map(() => 0) };
    const key = keyIn(0);
    const impatient = clientWith(1, () => 10 * Date.now());
    const outcome = await impatient.write(orphans, key, 'x', put(key, 'x'));
    expect(outcome).toMatchObject({ type: 'unavailable', detail: expect.stringContaining('unborn') });
  });
});

describe('members that start anew', () => {
  it('still have every acknowledged write after all of them were reset at rest', async () => {
    const keys = Array.from({ length: 5 }, (_, n) => keyIn(1, 30 + n));
    for (const key of keys) await write(key, put(key, `value of ${key}`));
    await abortAllDurableObjects();
    for (const key of keys) expect(await read(key)).toBe(`value of ${key}`);
    const key = keyIn(1, 40);
    expect(await write(key, put(key, 'new'))).toMatchObject({ type: 'stored' });
  });

  it('still have every acknowledged write after all objects were aborted at once', async () => {
    const keys = Array.from({ length: 12 }, (_, n) => keyIn(n % 4, 50 + n));
    let acknowledged = 0;
    const outcomes = keys.map(async (key, n) => {
      const outcome = await client.write(map, key, `abort-${n}`, put(key, `value ${n}`)).catch(() => null);
      if (outcome?.type === 'result') acknowledged += 1;
      return outcome;
    });
    await waitUntil(() => acknowledged >= 3, { pollMs: 1 });
    await abortAllDurableObjects();
    for (const [n, outcome] of (await Promise.all(outcomes)).entries()) {
      const key = keys[n] ?? '';
      if (outcome?.type === 'result') expect(await read(key)).toBe(`value ${n}`);
      else expect(await write(key, put(key, `value ${n}`), `abort-${n}`)).toMatchObject({ type: 'stored' });
    }
  });

  it('answer a retry from before with the first result', async () => {
    const key = keyIn(2, 60);
    const first = await write(key, put(key, 'x', { condition: { type: 'absent' } }), 'before-restart');
    await abortAllDurableObjects();
    expect(await write(key, put(key, 'x', { condition: { type: 'absent' } }), 'before-restart')).toEqual(
      first,
    );
  });
});

describe('cached responses', () => {
  it('are found by whoever they fit, and revalidated where they are stale', async () => {
    const key = urlKeyIn(0, 1);
    const missed = await lookUp(key);
    expect(missed).toMatchObject({ decision: { type: 'miss', forward: 'uri-miss' }, meta: null, body: null });
    const token = tokenOf(missed);
    expect(await write(key, fill(key, token, 'hello'))).toEqual({ type: 'filled' });

    const hit = await lookUp(key);
    expect(hit).toMatchObject({ decision: { type: 'hit' }, bodyBytes: 5, lease: null });
    expect(text(await bytesOf(hit.body))).toBe('hello');
    const head = await lookUp(key, { method: 'HEAD' });
    expect(head).toMatchObject({ decision: { type: 'hit' }, bodyBytes: 5, body: null });
    const forced = await lookUp(key, { fields: [['cache-control', 'no-cache']] });
    expect(forced.decision.type).not.toBe('hit');
    expect(forced.lease).not.toBeNull();
  });

  it('are kept by variant', async () => {
    const key = urlKeyIn(0, 2);
    const nowMs = Date.now();
    for (const language of ['de', 'en']) {
      const fields: Fields = [['accept-language', language]];
      const token = tokenOf(await lookUp(key, { fields }));
      const storable = decideStorable(
        {
          request: { method: 'GET', fields },
          response: {
            status: 200,
            fields: [
              ['cache-control', 'max-age=60'],
              ['vary', 'accept-language'],
            ],
          },
          keyParts: [],
          requestedAt: nowMs,
          receivedAt: nowMs,
        },
        DEFAULT_CACHE_POLICY,
      );
      if (storable.type !== 'storable') throw new Error(storable.reason);
      const { stored, variant, keepMs } = storable;
      const body = UTF8.encode(language.repeat(30_000));
      const meta = encodeStored(stored);
      await write(key, { type: 'fill', key, variant, meta, body, token, ttlMs: keepMs, tags: [] });
    }
    for (const language of ['de', 'en']) {
      const { body } = await lookUp(key, { fields: [['accept-language', language]] });
      expect(text(await bytesOf(body))).toBe(language.repeat(30_000));
    }
    expect(await lookUp(key, { fields: [['accept-language', 'fr']] })).toMatchObject({
      decision: { type: 'miss', forward: 'vary-miss' },
    });
  });

  it('come as a stream when they are large', async () => {
    const key = urlKeyIn(1, 1);
    const body = pattern(2_300_000);
    await write(key, fill(key, tokenOf(await lookUp(key)), body));
    const hit = await lookUp(key);
    expect(hit.body).toBeInstanceOf(ReadableStream);
    expect(Buffer.from(await bytesOf(hit.body)).equals(Buffer.from(body))).toBe(true);
  });

  it('that are looked up together are each answered for itself, large ones still as a stream', async () => {
    const [small, large, none] = [urlKeyIn(1, 3), urlKeyIn(1, 4), urlKeyIn(1, 5)];
    const body = pattern(300_000);
    await write(small, fill(small, tokenOf(await lookUp(small)), 'hello'));
    await write(large, fill(large, tokenOf(await lookUp(large)), body));
    const keys = [small, large, none, none, small, large];
    // Twice: the first call of several carries one alone.
    for (const _ of [1, 2]) {
      const looked = await Promise.all(keys.map((key) => lookUp(key)));
      expect(looked.map(({ decision }) => decision.type)).toEqual(
        keys.map((key) => (key === none ? 'miss' : 'hit')),
      );
      const [one, streamed, ...others] = looked as [Lookup, Lookup, ...Lookup[]];
      expect(text(await bytesOf(one.body))).toBe('hello');
      expect(streamed.body).toBeInstanceOf(ReadableStream);
      expect(Buffer.from(await bytesOf(streamed.body)).equals(Buffer.from(body))).toBe(true);
      await bytesOf(others.at(-1)?.body ?? null);
      const lease = others.flatMap(({ lease }) => lease ?? []);
      expect(lease).toHaveLength(1);
      await client.release(map, none, lease[0] as FillToken);
    }
  });

  it('are fetched by one at a time, until the lease is given back', async () => {
    const key = urlKeyIn(1, 2);
    expect((await lookUp(key, { wantLease: false })).lease).toBeNull();
    const lookups = await Promise.all(Array.from({ length: 8 }, () => lookUp(key)));
    const leases = lookups.flatMap(({ lease }) => (lease === null ? [] : [lease]));
    expect(leases.length).toBe(1);
    await client.release(map, key, leases[0] as FillToken);
    expect((await lookUp(key)).lease).not.toBeNull();
  });

  it('are not brought back by a fetch that began before a purge', async () => {
    const key = urlKeyIn(2, 1);
    const slow = tokenOf(await lookUp(key));
    expect(await purge('race-url', [key])).toMatchObject({ type: 'done', shards: { acked: 1, total: 1 } });
    const fresh = tokenOf(await lookUp(key));
    expect(await write(key, fill(key, slow, 'old'))).toEqual({
      type: 'fill-refused',
      reason: 'purged-since-token',
    });
    expect(await write(key, fill(key, fresh, 'new'))).toEqual({ type: 'filled' });
    expect(text(await bytesOf((await lookUp(key)).body))).toBe('new');

    const slowAgain = tokenOf(await lookUp(key, { fields: [['cache-control', 'no-cache']] }));
    expect(await purge('race-all', [], true)).toMatchObject({ type: 'done', shards: { acked: 4, total: 4 } });
    expect(await write(key, fill(key, slowAgain, 'old'))).toMatchObject({ type: 'fill-refused' });
    expect((await lookUp(key)).decision.type).toBe('miss');
  });

  it('that purge their URL as they come are seen where they were made', async () => {
    const key = urlKeyIn(1, 5, 'posted');
    const { groupId } = groupOf(1);
    const before = client.lastPurgeIn(groupId);
    const posted = { ...fill(key, tokenOf(await lookUp(key)), 'x'), purges: true } as UnstagedCommand;
    expect(await write(key, posted)).toEqual({ type: 'filled' });
    const seen = client.lastPurgeIn(groupId);
    expect(seen).not.toBeNull();
    expect(seen).not.toEqual(before);
  });

  it('whose body is stored already travel without it, and with it where it is not', async () => {
    const key = urlKeyIn(3, 6, 'renewed');
    const large = (seed: number) =>
      fill(
        key,
        tokenOf(lookup),
        new Uint8Array(1_500_000).map((_, i) => (i * seed) % 251),
      );
    let lookup = await lookUp(key);
    expect(await write(key, large(3))).toEqual({ type: 'filled' });
    const noCache = { fields: [['cache-control', 'no-cache']] } as const;
    lookup = await lookUp(key, noCache);
    for (const index of [0, 1, 2])
      setFault(memberId(3, index), { type: 'unreachable' }, { methods: ['stage'] });
    expect(await client.write(map, key, newRequestId(), large(3), true)).toMatchObject({
      result: { type: 'filled' },
    });
    clearFaults();
    lookup = await lookUp(key, noCache);
    expect(await client.write(map, key, newRequestId(), large(5), true)).toMatchObject({
      result: { type: 'filled' },
    });
    const bytes = await bytesOf((await lookUp(key)).body);
    expect([bytes?.byteLength, bytes?.[1]]).toEqual([1_500_000, 5]);
  });

  it('that this code cannot read are as good as none', async () => {
    const key = urlKeyIn(3, 1);
    const token = tokenOf(await lookUp(key));
    const unreadable = { ...fill(key, token, 'x'), meta: '{"format":-1}' } as UnstagedCommand;
    expect(await write(key, unreadable)).toEqual({ type: 'filled' });
    expect(await lookUp(key)).toMatchObject({ decision: { type: 'miss' }, meta: null });
  });
});

/** Counts the rows that `body` has every object write and read, index entries included. */
async function rowsTouchedBy(body: () => Promise<void>): Promise<{ written: number; read: number }> {
  const { sql } = await runInDurableObject(purges(), (_, { storage }) => ({ sql: storage.sql }));
  const prototype = Object.getPrototypeOf(sql);
  const { exec } = prototype;
  const cursors: { readonly rowsWritten: number; readonly rowsRead: number }[] = [];
  prototype.exec = function (this: SqlStorage, ...query: Parameters<SqlStorage['exec']>) {
    const cursor = exec.apply(this, query);
    // Heartbeats touch a row of each awake member, however long this takes.
    if (!query[0].includes('touches')) cursors.push(cursor);
    return cursor;
  };
  try {
    await body();
  } finally {
    prototype.exec = exec;
  }
  return {
    written: cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0),
    read: cursors.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
  };
}

describe('a purge of more than a URL', () => {
  it('writes a few rows for each member, whatever it covers, and looks through nothing', async () => {
    const ENTRIES = 100_000;
    const [shards, replicas] = [map.groups.length, groupOf(0).members.length];
    // Rows of the right form, put where they belong without going through the log: the purge must not look at them.
    const perShard = ENTRIES / shards;
    for (const { shard, members } of map.groups) {
      const key = urlKeyIn(shard, 3, 'tagged');
      await write(key, { ...fill(key, tokenOf(await lookUp(key)), 'x'), tags: ['many'] } as UnstagedCommand);
      await waitUntil(async () => {
        const states = await Promise.all(members.map((_, index) => statusOf(shard, index)));
        return states.every(({ applied }) => applied === states[0]?.op);
      });
      for (const index of members.keys()) {
        await runInDurableObject(memberStub(shard, index), (_, { storage }) => {
          storage.sql.exec(
            `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
             INSERT INTO rows (id, key, variant, view, op, item, bornView, bornOp, writtenAt, expireAt, bytes, tags,
               bodyBytes, meta, body)
             SELECT 1000000 + i, 'h' || i || 'copy', '', view, op, item, bornView, bornOp, writtenAt, expireAt, bytes,
               tags, bodyBytes, meta, body FROM n, rows WHERE rows.key = ?`,
            perShard - 1,
            key,
          );
        });
      }
    }
    const applied = async () => {
      const all = map.groups.flatMap(({ shard, members }) =>
        members.map((_, index) => statusOf(shard, index)),
      );
      return (await Promise.all(all)).every(({ op, applied }) => op === applied);
    };
    // The first event of all makes the telemetry's tables, which are not counted.
    await purgeOf('none', { tags: ['nothing'] });
    await waitUntil(applied);
    const { written, read: looked } = await rowsTouchedBy(async () => {
      expect(await purgeOf('many', { tags: ['many'] })).toMatchObject({
        type: 'done',
        shards: { acked: shards, total: shards },
      });
      await waitUntil(applied);
    });
    console.info(`A purge by tag over ${ENTRIES} entries: ${written} rows written, ${looked} read`);
    expect(looked).toBeLessThan(50 * shards * replicas);
    expect(written).toBeLessThanOrEqual(4 * shards * replicas + 4);
    expect(written).toBeGreaterThanOrEqual(3 * shards * replicas);
    const key = urlKeyIn(1, 3, 'tagged');
    await waitUntil(async () => (await lookUp(key)).decision.type === 'miss');
    for (const { shard, members } of map.groups) {
      for (const index of members.keys()) {
        await runInDurableObject(memberStub(shard, index), (_, { storage }) => {
          storage.sql.exec('DELETE FROM rows WHERE id > 1000000');
        });
      }
    }
  });

  it('by prefix reaches every shard, and by namespace empties it on all of them', async () => {
    const keys = map.groups.map(({ shard }) => keyIn(shard, 0, (i) => kvEntryKey('emptied', `key-${i}`)));
    const urls = map.groups.map(({ shard }) => urlKeyIn(shard, 0, 'below/page'));
    for (const key of keys) await write(key, put(key, 'x'));
    for (const key of urls) await write(key, fill(key, tokenOf(await lookUp(key)), 'x'));
    const prefixes = ['http://www.example/below/'];
    const answer = await purgeOf('both', { prefixes, namespaces: ['emptied'] });
    expect(answer).toMatchObject({ type: 'done', shards: { acked: 4, total: 4 } });
    expect(Object.keys(answer.bookmarks).length).toBe(4);
    for (const key of keys) expect(await read(key)).toBeNull();
    // A bounded look may still be answered from before, by a backup, for a moment.
    for (const key of urls) await waitUntil(async () => (await lookUp(key)).decision.type === 'miss');
    for (const key of keys) {
      await write(key, put(key, 'y'));
      expect(await read(key)).toBe('y');
    }
  });

  it('softly leaves a response that must be asked about, and may answer where the origin fails', async () => {
    const key = urlKeyIn(2, 4, 'soft');
    const fresh = await lookUp(key);
    const tagged = fill(key, tokenOf(fresh), 'x', [['etag', '"a"']]);
    await write(key, { ...tagged, tags: ['soft'] } as UnstagedCommand);
    await waitUntil(async () => (await lookUp(key)).decision.type === 'hit');
    const before = Date.now();
    await purgeOf('soft', { tags: ['soft'], soft: true });
    const stale = await waitUntil(async () => {
      const looked = await lookUp(key);
      return looked.decision.type === 'hit' ? null : looked;
    });
    expect(stale).toMatchObject({ decision: { type: 'revalidate', forward: 'stale' }, bodyBytes: 1 });
    const { freshUntilAt } = JSON.parse(stale.meta ?? '{}');
    expect(freshUntilAt).toBeGreaterThanOrEqual(before);
    expect(freshUntilAt).toBeLessThanOrEqual(Date.now());
    await write(key, { ...fill(key, tokenOf(stale), 'y'), tags: ['soft'] } as UnstagedCommand);
    await waitUntil(async () => (await lookUp(key)).decision.type === 'hit');
  });
});

describe('the purge coordinator', () => {
  it('opens what version 0.1 wrote: it reports what is done and goes on with what is not', async () => {
    const key = urlKeyIn(1, 6);
    const digest = async (text: string) =>
      Buffer.from(await crypto.subtle.digest('SHA-256', UTF8.encode(text))).toString('hex');
    const [done, open] = [
      await digest(JSON.stringify([true, []])),
      await digest(JSON.stringify([false, [key]])),
    ];
    await runInDurableObject(purges(), (_, { storage: { sql } }) => {
      sql.exec(`
        CREATE TABLE intents (purgeId TEXT PRIMARY KEY, selection TEXT NOT NULL, isAll INTEGER NOT NULL,
          "by" TEXT NOT NULL, createdAt INTEGER NOT NULL, triedAt INTEGER NOT NULL DEFAULT 0, doneAt INTEGER);
        CREATE TABLE intentKeys (purgeId TEXT NOT NULL, n INTEGER NOT NULL, key TEXT NOT NULL,
          PRIMARY KEY (purgeId, n));
        CREATE TABLE targets (purgeId TEXT NOT NULL, shard INTEGER NOT NULL, groupId TEXT NOT NULL, view INTEGER,
          op INTEGER, PRIMARY KEY (purgeId, shard));`);
      const insert = 'INSERT INTO intents VALUES (?, ?, ?, ?, ?, 0, ?)';
      sql.exec(insert, 'old-done', done, 1, 'test', Date.now() - 100, Date.now());
      sql.exec(insert, 'old-open', open, 0, 'test', Date.now() - 50, null);
      sql.exec("INSERT INTO intentKeys VALUES ('old-open', 0, ?)", key);
      sql.exec("INSERT INTO targets VALUES ('old-done', 0, 'g', 0, 1), ('old-done', 1, 'h', 0, 2)");
    });
    await evictDurableObject(purges());
    expect(await purge('old-done', [], true)).toMatchObject({
      type: 'done',
      shards: { acked: 2, total: 2 },
      bookmarks: { g: { view: 0, op: 1 }, h: { view: 0, op: 2 } },
    });
    expect((await purge('old-done', [key])).type).toBe('mismatch');
    expect(await purge('old-open', [key])).toMatchObject({ type: 'done', shards: { acked: 1, total: 1 } });
  });

  it('keeps selections of any size', async () => {
    const long = Array.from({ length: 200 }, (_, i) =>
      httpEntryKey(`http://www.example/${i}/${'語'.repeat(3_000)}`),
    );
    setFault(idOf(env.DIRECTORY, 'directory'), { type: 'unreachable' });
    expect((await purgeOf('long', { keys: long })).type).toBe('pending');
    clearFault(idOf(env.DIRECTORY, 'directory'));
    expect(await purgeOf('long', { keys: long })).toMatchObject({ type: 'done' });
  });

  /** Entries logged so far, without those that begin a view: a slow machine may see one come in between. */
  const opsOf = () =>
    Promise.all(
      map.groups.map(async ({ shard }) => {
        const primary = await primaryOf(shard);
        const { op } = await statusOf(shard, primary);
        const sql = "SELECT count(*) AS n FROM log WHERE CAST(items AS TEXT) LIKE '%viewStart%'";
        return runInDurableObject(
          memberStub(shard, primary),
          (_, { storage }) => op - storage.sql.exec<{ n: number }>(sql).one().n,
        );
      }),
    );

  it('purges exactly the shards concerned, once per purge id', async () => {
    const keys = [urlKeyIn(0, 5), urlKeyIn(0, 6), urlKeyIn(2, 5)];
    const before = await opsOf();
    const first = await purge('twice', keys);
    expect(first).toMatchObject({
      type: 'done',
      purgeId: 'twice',
      shards: { acked: 2, total: 2 },
      missing: [],
    });
    const after = await opsOf();
    expect(after.map((op, shard) => op - (before[shard] ?? 0))).toEqual([1, 0, 1, 0]);
    expect(first.bookmarks).toEqual({
      [groupOf(0).groupId]: { view: expect.any(Number), op: expect.any(Number) },
      [groupOf(2).groupId]: { view: expect.any(Number), op: expect.any(Number) },
    });
    expect(await purge('twice', [...keys].reverse())).toEqual(first);
    expect(await opsOf()).toEqual(after);
  });

  it('lets equal calls at the same time share one purge', async () => {
    const before = await opsOf();
    const answers = await Promise.all([1, 2, 3].map(() => purge('together', [urlKeyIn(1, 5)])));
    expect(answers.map(({ type }) => type)).toEqual(['done', 'done', 'done']);
    expect((await opsOf())[1]).toBe((before[1] ?? 0) + 1);
  });

  it('refuses an id that was used for something else', async () => {
    await purge('used', [urlKeyIn(0, 5)]);
    expect((await purge('used', [urlKeyIn(0, 6)])).type).toBe('mismatch');
    expect((await purge('used', [], true)).type).toBe('mismatch');
  });

  it('goes on after its own restart with what it had written down', async () => {
    // All of them: with one of them left out the others would find a new primary.
    cutOff(3, 0, 1, 2);
    const open = purge('restarted', [], true).catch((error: unknown) => String(error));
    const ackedIn = (stub: DurableObjectStub) =>
      runInDurableObject(stub, (_, { storage }) => {
        const [row] = storage.sql
          .exec<{ targets: string }>("SELECT targets FROM purges WHERE purgeId = 'restarted'")
          .toArray();
        const targets: { bookmark: unknown }[] = JSON.parse(row?.targets ?? '[]');
        return targets.filter(({ bookmark }) => bookmark !== null).length;
      });
    await waitUntil(async () => (await ackedIn(purges())) === 3);
    await abortAllDurableObjects();
    await open;
    clearFaults();
    const before = await opsOf();
    expect(await runDurableObjectAlarm(purges())).toBe(true);
    const report = await purge('restarted', [], true);
    expect(report).toMatchObject({ type: 'done', shards: { acked: 4, total: 4 }, missing: [] });
    const more = (await opsOf()).map((op, shard) => op - (before[shard] ?? 0));
    expect(more.slice(0, 3)).toEqual([0, 0, 0]);
    expect(more[3]).toBeGreaterThanOrEqual(1);
  });

  it('keeps its intent while the directory cannot be reached', async () => {
    setFault(idOf(env.DIRECTORY, 'directory'), { type: 'unreachable' });
    const key = urlKeyIn(0, 7);
    expect(await purge('no-map', [key])).toMatchObject({ type: 'pending', shards: { acked: 0, total: 0 } });
    clearFault(idOf(env.DIRECTORY, 'directory'));
    await runDurableObjectAlarm(purges());
    expect(await purge('no-map', [key])).toMatchObject({ type: 'done', shards: { acked: 1, total: 1 } });
  });

  it('tells of every purge that is complete', async () => {
    const telemetry = stubOf(env.TELEMETRY, 'telemetry') as unknown as TelemetryRpc;
    await purge('told', [urlKeyIn(0, 8)]);
    const event = await waitUntil(async () => {
      const { events } = await telemetry.events(null, 100);
      return events.find(({ type, subject }) => type === 'purged' && subject === 'told');
    });
    expect(event.detail).toMatchObject({ by: 'test', all: false, urls: 1, tags: 0, soft: false, shards: 1 });
  });
});

describe('a member whose storage is lost', () => {
  const wipe = async (shard: number, index: number) => {
    await statusOf(shard, index);
    await runInDurableObject(memberStub(shard, index), (_, { storage }) => storage.deleteAll());
    await abortAllDurableObjects();
  };
  /** Asked about itself, an object that has booted says so; whatever reaches it wakes it. */
  const isAsGoodAs = (shard: number, index: number, commit: number) =>
    waitUntil(async () => {
      const status = await statusOf(shard, index);
      return status.state === 'normal' && status.commit >= commit;
    });

  it('is readmitted with all that the others have; then another one may go', async () => {
    const keys = Array.from({ length: 20 }, (_, i) => keyIn(0, 70 + i));
    await Promise.all(keys.map((key) => write(key, put(key, `before ${key}`))));
    const { commit, groupId } = await statusOf(0, await primaryOf(0));
    await wipe(0, 2);
    expect(await statusOf(0, 2)).toMatchObject({ state: 'lost', groupId, commit: 0 });
    await isAsGoodAs(0, 2, commit);
    expect((await statusOf(0, 2)).commit).toBeGreaterThan(commit);
    cutOff(0, await primaryOf(0));
    for (const key of keys) expect(await read(key)).toBe(`before ${key}`);
    expect(await write(keys[0] ?? '', put(keys[0] ?? '', 'after'))).toMatchObject({ created: false });
    expect(await read(keys[0] ?? '')).toBe('after');
  });

  it('is the primary no more when it was; and is told of', async () => {
    const key = keyIn(0, 71);
    const gone = await primaryOf(0);
    await write(key, put(key, 'held by others'));
    const { commit } = await statusOf(0, gone);
    await wipe(0, gone);
    expect(await read(key)).toBe('held by others');
    expect(await primaryOf(0)).not.toBe(gone);
    await isAsGoodAs(0, gone, commit);
    const telemetry = stubOf(env.TELEMETRY, 'telemetry') as unknown as TelemetryRpc;
    const events = await waitUntil(async () => {
      const { events } = await telemetry.events(null, 100);
      const ofIt = events.filter(({ detail }) => detail.shard === 0 && detail.member === gone);
      return ofIt.some(({ type }) => type === 'member-readmitted') ? ofIt : undefined;
    });
    expect(events.map(({ type }) => type)).toContain('member-lost');
  });

  it('takes in a snapshot where its group has no log of that any more', async () => {
    const { members } = groupOf(1);
    const key = keyIn(1, 72);
    await write(key, put(key, 'old'));
    const { commit } = await statusOf(1, await primaryOf(1));
    const inAll = <T>(look: (sql: SqlStorage) => T) =>
      Promise.all(
        members.map((_, index) =>
          runInDurableObject(memberStub(1, index), (_object, { storage }) => look(storage.sql)),
        ),
      );
    const LAST = 'FROM log JOIN head ON op = applied WHERE op = (SELECT max(op) FROM log)';
    await waitUntil(async () =>
      (await inAll((sql) => sql.exec(`SELECT op ${LAST}`).toArray())).every(({ length }) => length === 1),
    );
    await inAll((sql) => {
      const { op, view } = sql.exec<{ op: number; view: number }>(`SELECT op, log.view ${LAST}`).one();
      sql.exec('DELETE FROM log');
      sql.exec('UPDATE head SET beforeView = ?, beforeOp = ?, beforeTotal = 0', view, op);
    });
    await abortAllDurableObjects();
    await wipe(1, 2);
    await isAsGoodAs(1, 2, commit);
    cutOff(1, await primaryOf(1));
    expect(await read(key)).toBe('old');
  });
});

describe('a member whose storage was set back', () => {
  const tell = async (shard: number, index: number, incarnation: number) => {
    const from = (index + 1) % groupOf(shard).members.length;
    const seen = { incarnation, view: 1_000, op: 1_000 };
    const { groupId } = groupOf(shard);
    await member(shard, index).deliver(address(shard, index), {
      protocol: PROTOCOL_VERSION,
      groupId,
      epoch: map.epoch,
      from,
      to: index,
      // Whatever the sender's is by now.
      incarnation: 99,
      view: 0,
      body: { type: 'helloOk', seen },
    });
  };
  const headOf = (shard: number, index: number) =>
    runInDurableObject(memberStub(shard, index), (_, { storage: { sql } }) => ({
      incarnation: sql.exec<{ incarnation: number }>('SELECT incarnation FROM head').one().incarnation,
      nonce: sql.exec<{ nonce: string }>('SELECT nonce FROM birth').one().nonce,
    }));
  /** Its object ends at some instant, and with it whatever it is asked. */
  const isReadmitted = (shard: number, index: number, incarnation: number) =>
    waitUntil(async () => {
      const head = await headOf(shard, index).catch(() => null);
      const status = await statusOf(shard, index).catch(() => null);
      return head?.incarnation === incarnation && status?.state === 'normal' ? head : undefined;
    });

  it('gives it up for good when it is told, and is readmitted with another incarnation', async () => {
    const key = keyIn(0, 95);
    await write(key, put(key, 'held by all'));
    const backup = ((await primaryOf(0)) + 1) % 3;
    const { incarnation, nonce } = await headOf(0, backup);
    await tell(0, backup, incarnation).catch(() => {});
    expect((await isReadmitted(0, backup, incarnation + 1)).nonce).not.toBe(nonce);
  });

  it('knows so when it begins anew before it had another one', async () => {
    const key = keyIn(0, 96);
    await write(key, put(key, 'held by all'));
    const backup = ((await primaryOf(0)) + 1) % 3;
    const { incarnation } = await headOf(0, backup);
    await runInDurableObject(memberStub(0, backup), (_, { storage: { sql } }) =>
      new SqliteStore(sql).write([{ type: 'forsaken', incarnation }]),
    );
    await abortAllDurableObjects();
    await isReadmitted(0, backup, incarnation + 1);
  });
});

describe('shards without a majority', () => {
  it('acknowledge no write and keep a purge pending; healed, they complete both', async () => {
    // One has both backups cut off, the other one of them, while the storage of the second is lost.
    const [cut, crippled] = [keyIn(3), keyIn(0, 71)];
    const urls = [urlKeyIn(1), urlKeyIn(3)];
    await write(cut, put(cut, 'before'));
    await write(crippled, put(crippled, 'before'));
    cutOff(3, ...(await backupsOf(3)));
    const [backup = 1, wiped = 2] = await backupsOf(0);
    await runInDurableObject(memberStub(0, wiped), (_, { storage }) => storage.deleteAll());
    await abortAllDurableObjects();
    cutOff(0, backup);
    const change = (key: string) => put(key, 'after', { condition: { type: 'exists' } });
    const [first, second, pending] = await Promise.all([
      client.write(map, cut, 'open-1', change(cut)),
      client.write(map, crippled, 'open-2', change(crippled)),
      purge('pending', urls),
    ]);
    expect([first.type, second.type]).toEqual(['outcome-unknown', 'outcome-unknown']);
    expect(pending).toMatchObject({ type: 'pending', shards: { acked: 1, total: 2 }, missing: [3] });
    expect(Object.keys(pending.bookmarks)).toEqual([groupOf(1).groupId]);
    // Nor does a member without a majority behind it say what is so now.
    for (const key of [cut, crippled]) {
      expect(await client.kvRead(map, key, LINEARIZABLE, true)).toMatchObject({ type: 'unavailable' });
    }

    clearFaults();
    // Sent again with its id a write is done once, whenever that was.
    for (const [key, reqId] of [
      [cut, 'open-1'],
      [crippled, 'open-2'],
    ] as const) {
      expect(await write(key, change(key), reqId)).toMatchObject({ type: 'stored', created: false });
      expect(await read(key)).toBe('after');
    }
    await waitUntil(async () => {
      await runDurableObjectAlarm(purges());
      return (await purge('pending', [...urls].reverse())).type === 'done';
    });
  });
});
