// The Directory and the HealthMonitors as real Durable Objects: versions, races, restarts, the shard map, verdicts on
// their way from a probe to a snapshot. Origins are scripted in place of the global fetch; nothing leaves the process.
import {
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject as runInObject,
} from 'cloudflare:test';
import { env as untypedEnv } from 'cloudflare:workers';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseConfig } from '../../core/config/parse-config.ts';
import type { Config, ConfigDocument, Pool } from '../../core/config/schema.ts';
import { seededRandom } from '../../core/random.ts';
import { MetaStore } from '../../durable-objects/directory/meta-store.ts';
import { eventOfVerdict } from '../../durable-objects/directory/verdict-event.ts';
import { VerdictStore } from '../../durable-objects/directory/verdict-store.ts';
import { VERSIONS_MAX, VersionStore } from '../../durable-objects/directory/version-store.ts';
import { probe } from '../../durable-objects/health-monitor/probe.ts';
import type { MonitorState } from '../../durable-objects/health-monitor/probed-backends.ts';
import type { SocketProbe } from '../../durable-objects/health-monitor/socket-probe.ts';
import { socketAnswer } from '../../durable-objects/health-monitor/socket-probe.ts';
import type {
  ChangeAnswer,
  DirectoryRpc,
  HealthVerdict,
} from '../../durable-objects/interfaces/directory.ts';
import type { HealthMonitorRpc } from '../../durable-objects/interfaces/health-monitor.ts';
import type { StoredEvent, TelemetryRpc } from '../../durable-objects/interfaces/telemetry.ts';

const env = untypedEnv as unknown as Record<
  'DIRECTORY' | 'HEALTH_MONITOR' | 'TELEMETRY',
  DurableObjectNamespace
>;

const stubOf = (namespace: DurableObjectNamespace, name: string) => namespace.get(namespace.idFromName(name));
const directoryStub = (name: string) => stubOf(env.DIRECTORY, name);
const directoryOf = (name: string) => directoryStub(name) as unknown as DirectoryRpc;
const monitorStub = (pool: string, vantage = 'default') => stubOf(env.HEALTH_MONITOR, `${pool}/${vantage}`);
const monitorOf = (pool: string, vantage?: string) =>
  monitorStub(pool, vantage) as unknown as HealthMonitorRpc;
const telemetry = () => stubOf(env.TELEMETRY, 'telemetry') as unknown as TelemetryRpc;

/** A directory that no other test knows. */
let directories = 0;
const freshDirectory = () => {
  const name = `directory-${++directories}`;
  return { name, directory: directoryOf(name) };
};

/** Any question that finds everything different. */
const KNOWS_NOTHING = { version: 0, healthEpoch: 0, mapEpoch: 0 };

const web = (more: object = {}): ConfigDocument => ({
  pools: { web: { backends: [{ id: 'a', url: 'http://a.example' }], ...more } },
  routes: [{ id: 'all', pool: 'web' }],
});

const replace = (directory: DirectoryRpc, document: unknown, ifMatch: number[] | null = null) =>
  directory.change({ edit: { type: 'replace', document }, by: 'admin', ifMatch, dryRun: false });

async function versionAfter(answer: Promise<ChangeAnswer>): Promise<number> {
  const given = await answer;
  if (given.type !== 'changed') throw new Error(`Expected a new version, got ${JSON.stringify(given)}`);
  return given.version.version;
}

const invalidPaths = (answer: ChangeAnswer) =>
  answer.type === 'invalid' ? answer.errors.map(({ path }) => path) : answer;

/** Makes one method fail in every object of a class, until restored. */
async function breakMethod(stub: DurableObjectStub, method: string) {
  const failing = vi.fn(async () => {
    throw new Error(`Planted: ${method} is unreachable`);
  });
  const prototype = await runInObject(stub, (instance) => Object.getPrototypeOf(instance));
  const original = prototype[method];
  prototype[method] = failing;
  const restore = () => {
    prototype[method] = original;
  };
  return { failing, restore };
}

async function eventsOf(type: string): Promise<StoredEvent[]> {
  return (await telemetry().events(null, 1_000)).events.filter((event) => event.type === type);
}

describe('configuration versions', () => {
  it('begin with an empty one by the system', async () => {
    const { directory } = freshDirectory();
    expect(await directory.current()).toMatchObject({
      version: 1,
      createdBy: 'system',
      config: { pools: {}, routes: [] },
    });
  });

  it('are kept as their author wrote them, also across a restart', async () => {
    const { name, directory } = freshDirectory();
    expect(await versionAfter(replace(directory, web()))).toBe(2);
    await evictDurableObject(directoryStub(name));
    expect(await directory.current()).toMatchObject({ version: 2, createdBy: 'admin', config: web() });
    expect((await directory.current()).config).toEqual(web());
    expect(await directory.version(1)).toMatchObject({ version: 1, config: { pools: {}, routes: [] } });
    expect(await directory.version(3)).toBeNull();
    expect((await directory.versions()).map(({ version }) => version)).toEqual([2, 1]);
  });

  it('are not made for an unchanged document, whatever the order of its members', async () => {
    const { directory } = freshDirectory();
    await replace(directory, web());
    const { pools, routes } = web();
    expect(await replace(directory, { routes, pools })).toMatchObject({
      type: 'unchanged',
      version: { version: 2 },
    });
    expect((await directory.current()).version).toBe(2);
  });

  it('let exactly one of two administrators win who saw the same version', async () => {
    const { directory } = freshDirectory();
    const answers = await Promise.all([
      replace(directory, web({ retry: { attemptsMax: 1 } }), [1]),
      replace(directory, web({ retry: { attemptsMax: 3 } }), [1]),
    ]);
    expect(answers.map(({ type }) => type).sort()).toEqual(['changed', 'version-conflict']);
    expect(answers.find(({ type }) => type === 'version-conflict')).toMatchObject({ current: 2 });
    expect((await directory.versions()).length).toBe(2);
  });

  it('add up when changes to different places come together', async () => {
    const { directory } = freshDirectory();
    await replace(directory, { pools: {} });
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        directory.change({
          edit: { type: 'putPool', pool: `pool-${index}`, value: {} },
          by: 'admin',
          ifMatch: null,
          dryRun: false,
        }),
      ),
    );
    const { version, config } = await directory.current();
    expect([version, Object.keys(config.pools ?? {}).length]).toEqual([22, 20]);
  });

  it('are not made by a document that is wrong or too large, and every bad field is named', async () => {
    const { directory } = freshDirectory();
    const bad = web({ backends: [{ id: 'a', url: 'http://u:p@a.example', weight: -1 }] });
    expect(invalidPaths(await replace(directory, bad))).toEqual([
      'pools.web.backends[0].url',
      'pools.web.backends[0].weight',
    ]);
    const backends = Array.from({ length: 4_000 }, (_, index) => ({
      id: `b${index}`,
      url: `http://b.example/${'x'.repeat(300)}`,
    }));
    expect(await replace(directory, web({ backends }))).toMatchObject({
      type: 'invalid',
      errors: [{ path: '', message: expect.stringContaining('1048576 bytes') }],
    });
    expect((await directory.current()).version).toBe(1);
  });

  it('are not made by a dry run, which tells the differences and how keys would move', async () => {
    const { directory } = freshDirectory();
    await replace(directory, web({ strategy: { type: 'consistent-hash' } }));
    const answer = await directory.change({
      edit: {
        type: 'putBackend',
        pool: 'web',
        backend: 'b',
        value: { url: 'http://b.example' },
      },
      by: 'admin',
      ifMatch: [2],
      dryRun: true,
    });
    if (answer.type !== 'dry-run') throw new Error(JSON.stringify(answer));
    expect(answer.diff).toEqual([
      { path: 'pools.web.backends[b]', after: { id: 'b', url: 'http://b.example' } },
    ]);
    // The second of two equal backends takes half of the keys, within the ring's largest share of 1.10.
    const ratio = answer.preview.pools.web?.keysMovedRatio ?? 0;
    expect(Math.abs(ratio - 0.5)).toBeLessThan(0.055);
    expect(answer.preview.pools.web?.maxShareBefore).toBeCloseTo(1);
    expect((await directory.current()).version).toBe(2);
  });

  it('go back by a new version with the old content', async () => {
    const { directory } = freshDirectory();
    await replace(directory, web());
    await replace(directory, { pools: {} });
    const rollback = (version: number) =>
      directory.change({ edit: { type: 'rollback', version }, by: 'admin', ifMatch: null, dryRun: false });
    expect(await versionAfter(rollback(2))).toBe(4);
    expect((await directory.current()).config).toEqual(web());
    expect(await rollback(99)).toEqual({ type: 'not-found', what: 'configuration version 99' });
  });

  it('can be replaced when a stored one is of another release and cannot be used', async () => {
    const { name, directory } = freshDirectory();
    await runInObject(directoryStub(name), (_, state) => {
      const future = JSON.stringify({ pools: {}, hologram: true });
      state.storage.sql.exec("INSERT INTO config_versions VALUES (2, 0, 'admin', ?)", future);
    });
    await evictDurableObject(directoryStub(name));
    const why = await runInObject(directoryStub(name), (instance) =>
      (instance as unknown as DirectoryRpc).snapshot(KNOWS_NOTHING).then(JSON.stringify, String),
    );
    expect(why).toContain('Cannot use configuration version 2: hologram unknown field');
    const edit = { type: 'rollback', version: 1 } as const;
    expect(await versionAfter(directory.change({ edit, by: 'admin', ifMatch: [2], dryRun: false }))).toBe(3);
    expect(await directory.snapshot(KNOWS_NOTHING)).toMatchObject({ version: 3, config: { pools: {} } });
  });

  it('say what is not there before they compare versions', async () => {
    const { directory } = freshDirectory();
    const edit = { type: 'deletePool', pool: 'none' } as const;
    expect(await directory.change({ edit, by: 'admin', ifMatch: [99], dryRun: false })).toEqual({
      type: 'not-found',
      what: 'pool "none"',
    });
    expect(await replace(directory, { nonsense: true }, [99])).toEqual({
      type: 'version-conflict',
      current: 1,
    });
  });

  it(`are forgotten beyond the newest ${VERSIONS_MAX}`, async () => {
    const { name } = freshDirectory();
    const kept = await runInObject(directoryStub(name), (_, state) => {
      const store = new VersionStore(state.storage.sql, 0);
      state.storage.transactionSync(() => {
        for (let i = 0; i < VERSIONS_MAX + 4; i++) store.append({ pools: { [`p${i}`]: {} } }, 'admin', i);
      });
      return store.list().map(({ version }) => version);
    });
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([VERSIONS_MAX, VERSIONS_MAX + 5, 6]);
  });

  it('come from a file only when the file is another than the last one', async () => {
    const { name, directory } = freshDirectory();
    expect(await versionAfter(directory.adoptFile(web(), 'digest-1'))).toBe(2);
    expect((await directory.current()).createdBy).toBe('file');
    await replace(directory, { pools: {} });
    await evictDurableObject(directoryStub(name));
    expect(await directory.adoptFile(web(), 'digest-1')).toMatchObject({
      type: 'unchanged',
      version: { version: 3 },
    });
    expect((await directory.current()).config).toEqual({ pools: {} });
    expect(invalidPaths(await directory.adoptFile({ pools: 1 }, 'digest-2'))).toEqual(['pools']);
    expect(await versionAfter(directory.adoptFile(web(), 'digest-2'))).toBe(4);
  });

  it('are announced as events, and do not depend on whether that succeeds', async () => {
    const { directory } = freshDirectory();
    await replace(directory, web());
    await vi.waitFor(async () => {
      const [event] = await eventsOf('config-changed');
      expect(event).toMatchObject({ subject: 'v2', detail: { version: 2, by: 'admin', edit: 'replace' } });
    });
    const { failing, restore } = await breakMethod(stubOf(env.TELEMETRY, 'telemetry'), 'record');
    expect(await versionAfter(replace(directory, { pools: {} }))).toBe(3);
    await vi.waitFor(() => expect(failing).toHaveBeenCalled());
    restore();
  });
});

describe('a snapshot', () => {
  it('holds the configuration with its defaults, the verdicts and the map, or only what is new', async () => {
    const { directory } = freshDirectory();
    await replace(directory, web());
    const all = await directory.snapshot(KNOWS_NOTHING);
    expect(all).toMatchObject({ version: 2, healthEpoch: 1, health: {}, shardMap: { epoch: 1 } });
    expect(all.config?.pools.web?.backends[0]).toMatchObject({ id: 'a', weight: 1, state: 'active' });
    const known = { version: 2, healthEpoch: all.healthEpoch, mapEpoch: all.shardMap?.epoch ?? 0 };
    expect(await directory.snapshot(known)).toEqual({
      version: 2,
      healthEpoch: 1,
      boundSince: 0,
      config: null,
      health: null,
      shardMap: null,
    });
    expect(await directory.snapshot({ ...known, version: 1 })).toMatchObject({
      health: null,
      shardMap: null,
    });
  });

  it('says since which version the staleness bound is what it is', async () => {
    const { directory } = freshDirectory();
    const since = async (document: object) => {
      await replace(directory, document);
      return (await directory.snapshot(KNOWS_NOTHING)).boundSince;
    };
    expect(await since({ staleness: { boundMs: 5_000 } })).toBe(0);
    expect(await since({ staleness: { boundMs: 1_000 } })).toBe(3);
    expect(await since({ ...web(), staleness: { boundMs: 1_000 } })).toBe(3);
    expect(await since({})).toBe(5);
  });

  it('gives each of the 1,024 slots to a shard whose members have names of their own', async () => {
    const { name, directory } = freshDirectory();
    const map = await directory.shardMap();
    expect(map.slots).toHaveLength(1_024);
    expect(new Set(map.slots)).toEqual(new Set([0, 1, 2, 3]));
    expect(map.groups).toHaveLength(4);
    const names = map.groups.flatMap(({ members }) => members.map((member) => member.name));
    expect(new Set(names).size).toBe(12);
    const [group] = map.groups;
    expect(group?.members[1]).toEqual({ name: `shard-0/member-1/wnam/${group?.groupId}`, region: 'wnam' });
    await evictDurableObject(directoryStub(name));
    expect(await directory.shardMap()).toEqual(map);
  });
});

describe('the shards of a state', () => {
  const two = { count: 2, replicas: 1, regions: ['weur'] };

  it('can be chosen while nobody knows the map, and never after', async () => {
    const { directory } = freshDirectory();
    await versionAfter(replace(directory, { shards: two }));
    expect((await directory.shardMap()).groups.map(({ members }) => members.length)).toEqual([1, 1]);
    const refused = await replace(directory, { shards: { count: 8 } });
    expect(invalidPaths(refused)).toEqual(['shards']);
    expect(refused).toMatchObject({ errors: [{ message: expect.stringContaining('fixed when the state') }] });
    expect((await directory.current()).version).toBe(2);
  });

  it('stay what they are when a document does not mention them', async () => {
    const { directory } = freshDirectory();
    await replace(directory, { shards: two });
    const { shardMap } = await directory.snapshot(KNOWS_NOTHING);
    await versionAfter(replace(directory, { pools: {} }));
    const after = await directory.snapshot({ ...KNOWS_NOTHING, mapEpoch: shardMap?.epoch ?? 0 });
    expect(after).toMatchObject({ config: { shards: two }, shardMap: null });
  });

  it('can be chosen by a configuration file until the first member is born', async () => {
    const { directory } = freshDirectory();
    const before = await directory.shardMap();
    await versionAfter(directory.adoptFile({ shards: two }, 'digest-1'));
    const after = await directory.shardMap();
    expect([after.epoch, after.groups.length]).toEqual([before.epoch + 1, 2]);
    expect(after.groups[0]?.groupId).not.toBe(before.groups[0]?.groupId);

    // A member of the abandoned map is nobody now.
    const abandoned = before.groups[0]?.members[0]?.name ?? '';
    expect(await directory.registerBirth(0, 0, 'nonce', abandoned)).toEqual({ type: 'unknown-member' });
    const name = after.groups[0]?.members[0]?.name ?? '';
    expect(await directory.registerBirth(0, 0, 'nonce', name)).toMatchObject({ type: 'born' });
    expect(invalidPaths(await directory.adoptFile({ shards: { count: 3 } }, 'digest-2'))).toEqual(['shards']);
  });

  it('remember the nonce of each member, so that lost storage shows', async () => {
    const { name, directory } = freshDirectory();
    const { groups } = await directory.shardMap();
    const register = (nonce: string) => directory.registerBirth(1, 2, nonce, undefined, true);
    const born = await register('first');
    expect(born).toEqual({
      type: 'born',
      groupId: groups[1]?.groupId,
      incarnation: 1,
      epoch: 1,
      members: groups[1]?.members,
    });
    await evictDurableObject(directoryStub(name));
    expect(await register('first')).toEqual(born);
    // The code of version 0.1 has its staleness bound from here.
    expect(await directory.registerBirth(1, 2, 'first')).toEqual({ ...born, boundMs: 5_000 });
    // Another nonce is another storage: one whose code would vote with it must stay away, others have a number of their own.
    expect(await directory.registerBirth(1, 2, 'second')).toEqual({ type: 'lost' });
    const reborn = { ...born, incarnation: 2 };
    expect(await register('second')).toEqual(reborn);
    expect(await register('second')).toEqual(reborn);
    expect(await register('first')).toEqual({ type: 'superseded' });
    expect(await register('third')).toEqual({ ...born, incarnation: 3 });
    expect(await directory.registerBirth(1, 1, 'other')).toMatchObject({ type: 'born', incarnation: 1 });
    expect(await directory.registerBirth(4, 0, 'x')).toEqual({ type: 'unknown-member' });
    expect(await directory.registerBirth(0, 3, 'x')).toEqual({ type: 'unknown-member' });
  });
});

describe('verdicts at the Directory', () => {
  const verdict = (state: HealthVerdict['state'], epoch: number): HealthVerdict => ({
    state,
    since: epoch * 1_000,
    epoch,
    reason: `of epoch ${epoch}`,
  });
  const probed = (backends: string[]) =>
    web({
      backends: backends.map((id) => ({ id, url: `http://${id}.invalid` })),
      health: { path: '/', intervalMs: 3_600_000 },
    });
  const healthOf = async (directory: DirectoryRpc) => {
    const { health, healthEpoch } = await directory.snapshot(KNOWS_NOTHING);
    return {
      epoch: healthEpoch,
      states: Object.entries(health?.web ?? {}).map(([id, v]) => `${id}=${v.state}`),
    };
  };

  it('raise the epoch when they change something, and a late one never overrides', async () => {
    const { name, directory } = freshDirectory();
    await replace(directory, probed(['a', 'b']));
    await directory.reportVerdicts('web', 'default', { a: verdict('unhealthy', 5) });
    expect(await healthOf(directory)).toEqual({ epoch: 2, states: ['a=unhealthy'] });
    await directory.reportVerdicts('web', 'default', { a: verdict('healthy', 4) });
    await directory.reportVerdicts('web', 'default', { a: verdict('unhealthy', 5) });
    expect(await healthOf(directory)).toEqual({ epoch: 2, states: ['a=unhealthy'] });
    await directory.reportVerdicts('web', 'default', { a: verdict('healthy', 6), b: verdict('healthy', 7) });
    await evictDurableObject(directoryStub(name));
    expect(await healthOf(directory)).toEqual({ epoch: 3, states: ['a=healthy', 'b=healthy'] });
  });

  it('are ignored for what the configuration does not probe', async () => {
    const { directory } = freshDirectory();
    await replace(directory, web());
    await directory.reportVerdicts('web', 'default', { a: verdict('unhealthy', 1) });
    await directory.reportVerdicts('constructor', 'default', { a: verdict('unhealthy', 1) });
    await replace(directory, probed(['a']));
    await directory.reportVerdicts('web', 'default', { z: verdict('unhealthy', 1) });
    expect(await healthOf(directory)).toEqual({ epoch: 1, states: [] });
  });

  it('stay with a backend across versions, and go with it for good', async () => {
    const { directory } = freshDirectory();
    await replace(directory, probed(['a', 'b']));
    await directory.reportVerdicts('web', 'default', {
      a: verdict('unhealthy', 3),
      b: verdict('unhealthy', 4),
    });
    await replace(directory, probed(['a', 'c']));
    expect((await healthOf(directory)).states).toEqual(['a=unhealthy']);
    // Another backend takes the id "b"; a message about the first one is still on its way.
    await replace(directory, probed(['a', 'b']));
    await directory.reportVerdicts('web', 'default', { b: verdict('unhealthy', 4) });
    expect((await healthOf(directory)).states).toEqual(['a=unhealthy']);
    await directory.reportVerdicts('web', 'default', { b: verdict('healthy', 5) });
    expect((await healthOf(directory)).states).toEqual(['a=unhealthy', 'b=healthy']);
    await replace(directory, web({ backends: [{ id: 'a', url: 'http://a.invalid' }] }));
    expect((await healthOf(directory)).states).toEqual([]);
  });
});

describe('verdicts of several vantages', () => {
  const INTERVAL_MS = 10_000;
  const joint = (ids: string[], vantages: string[]): Config => {
    const backends = ids.map((id) => ({ id, url: `http://${id}.invalid` }));
    const parsed = parseConfig({
      pools: { web: { backends, health: { path: '/', intervalMs: INTERVAL_MS, vantages } } },
    });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    return parsed.config;
  };

  /** A store of verdicts by itself: what is said of "a", at which time, decides. */
  const withStore = <T>(body: (store: ReturnType<typeof sayingTo>) => T): Promise<T> =>
    runInObject(directoryStub(freshDirectory().name), (_, { storage: { sql } }) =>
      body(sayingTo(new VerdictStore(sql, new MetaStore(sql)))),
    );

  const sayingTo = (store: VerdictStore) => {
    let config = joint(['a'], []);
    return {
      configure(next: Config, nowMs = 0) {
        config = next;
        store.keepOnly(next, nowMs);
      },
      /** What the report came to be told as. */
      say(vantage: string, state: HealthVerdict['state'] | null, epoch = 0, nowMs = 0) {
        const { web } = config.pools;
        if (!web) throw new Error('There is no pool');
        const reason = `as ${vantage} says`;
        const verdicts = state === null ? {} : { a: { state, since: nowMs, epoch, reason } };
        return store
          .take('web', web, vantage, verdicts, nowMs)
          .flatMap((change) => eventOfVerdict('web', change, nowMs)?.type ?? []);
      },
      shown() {
        const { state, reason } = store.all().web?.a ?? {};
        return state === undefined ? null : `${state}: ${reason}`;
      },
      store,
    };
  };

  it('are those of the majority, and one region alone is told of and moves nothing', async () => {
    await withStore(({ configure, say, shown, store }) => {
      configure(joint(['a'], ['weur', 'enam', 'oc']));
      expect(say('weur', 'healthy', 1)).toEqual(['backend-healthy']);
      expect(say('enam', 'healthy', 1)).toEqual([]);
      expect(say('oc', 'healthy', 1)).toEqual([]);
      expect(shown()).toBe('healthy: up from all 3 vantages');
      const before = store.epoch();
      expect(say('weur', 'unhealthy', 2)).toEqual(['backend-down-from-some']);
      expect(shown()).toBe('healthy: down from weur only (1 of 3 vantages): as weur says');
      expect(store.epoch()).toBe(before + 1);
      expect(say('oc', 'unhealthy', 2)).toEqual(['backend-unhealthy']);
      expect(shown()).toBe('unhealthy: down from weur, oc (2 of 3 vantages): as weur says');
      expect(say('oc', 'healthy', 3)).toEqual(['backend-healthy']);
      expect(say('weur', 'healthy', 3)).toEqual(['backend-up-from-all']);
    });
  });

  it('are never changed by a late message of any vantage', async () => {
    await withStore(({ configure, say, shown, store }) => {
      configure(joint(['a'], ['weur', 'enam', 'oc']));
      for (const vantage of ['weur', 'enam', 'oc']) say(vantage, 'unhealthy', 7);
      const epoch = store.epoch();
      for (const vantage of ['weur', 'enam', 'oc']) expect(say(vantage, 'healthy', 6)).toEqual([]);
      expect([shown(), store.epoch()]).toEqual(['unhealthy: down from all 3 vantages: as weur says', epoch]);
      // Numbers of one vantage say nothing about those of another.
      say('weur', 'healthy', 8);
      expect(say('oc', 'healthy', 100)).toEqual(['backend-healthy']);
    });
  });

  it('come out the same in whatever order the messages come, and however often', async () => {
    const random = seededRandom(5);
    const messages = ['weur', 'enam', 'oc'].flatMap((vantage, place) =>
      [1, 2, 3].map((epoch) => ({ vantage, epoch, up: (place + epoch) % 2 === 0 })),
    );
    for (let run = 0; run < 20; run++) {
      const order = [...messages, ...messages]
        .map((message) => ({ message, at: random.next() }))
        .sort((a, b) => a.at - b.at);
      await withStore(({ configure, say, shown }) => {
        configure(joint(['a'], ['weur', 'enam', 'oc']));
        for (const { message } of order) {
          say(message.vantage, message.up ? 'healthy' : 'unhealthy', message.epoch);
        }
        expect(shown()).toBe('unhealthy: down from weur, oc (2 of 3 vantages): as weur says');
      });
    }
  });

  it('do not rest on a vantage that has fallen silent, until it speaks again', async () => {
    await withStore(({ configure, say, shown }) => {
      configure(joint(['a'], ['weur', 'enam', 'oc']));
      for (const vantage of ['weur', 'enam']) say(vantage, 'unhealthy', 1, 0);
      say('oc', 'healthy', 1, 0);
      expect(shown()).toMatch(/^unhealthy/);
      // Enam probes no more. The others say that they do.
      for (const nowMs of [30_000, 60_000, 89_999]) {
        expect([say('weur', null, 0, nowMs), say('oc', null, 0, nowMs)]).toEqual([[], []]);
      }
      // A tie now: what was goes on.
      expect(say('oc', null, 0, 90_000)).toEqual([]);
      expect(shown()).toBe('unhealthy: down from weur (1 of 3 vantages): as weur says');
      expect(say('weur', 'healthy', 2, 91_000)).toEqual(['backend-healthy']);
      expect(shown()).toBe('healthy: up from 2 of 3 vantages');
      expect(say('enam', null, 0, 92_000)).toEqual(['backend-down-from-some']);
      expect(shown()).toBe('healthy: down from enam only (1 of 3 vantages): as enam says');
    });
  });

  it('stay what they are while all vantages are silent, or new ones know nothing yet', async () => {
    await withStore(({ configure, say, shown }) => {
      configure(joint(['a'], []));
      say('default', 'unhealthy', 1);
      configure(joint(['a'], ['weur', 'enam']), 1_000);
      expect(shown()).toBe('unhealthy: as default says');
      expect(say('default', 'healthy', 2, 2_000)).toEqual([]);
      say('weur', 'healthy', 1, 500_000);
      expect(shown()).toBe('healthy: up from 1 of 2 vantages');
    });
  });

  it('lose the vote of a vantage that goes, and keep those of the others', async () => {
    await withStore(({ configure, say, shown, store }) => {
      configure(joint(['a'], ['weur', 'enam', 'oc']));
      for (const vantage of ['weur', 'enam']) say(vantage, 'unhealthy', 4);
      say('oc', 'healthy', 4);
      const epoch = store.epoch();
      configure(joint(['a'], ['weur', 'oc', 'me']));
      expect(shown()).toBe('unhealthy: down from weur (1 of 3 vantages): as weur says');
      expect(store.epoch()).toBe(epoch + 1);
      configure(joint(['a'], ['oc']));
      expect(shown()).toBe('healthy: as oc says');
      // Back again, it knows nothing until it says something newer than before.
      configure(joint(['a'], ['oc', 'enam', 'me']));
      expect(say('enam', 'unhealthy', 4)).toEqual([]);
      expect(say('enam', 'unhealthy', 5)).toEqual(['backend-down-from-some']);
      configure(joint(['b'], ['oc', 'enam', 'me']));
      expect(shown()).toBeNull();
    });
  });
});

/** Origins by host, in place of the network: each answers or throws as its script says at the moment. */
function scriptOrigins(script: Record<string, (request: Request) => Response | Promise<Response>>) {
  const requests: Request[] = [];
  vi.stubGlobal('fetch', async (input: RequestInfo, init?: RequestInit) => {
    const request = new Request(input, init);
    requests.push(request);
    const answer = script[new URL(request.url).host];
    if (answer === undefined) throw new Error('Network connection lost.');
    return answer(request);
  });
  return requests;
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

afterEach(() => vi.unstubAllGlobals());

const up = () => new Response('up');
const down = () => new Response('down', { status: 503 });

/** An hour between probes, so that only the quicker ones of a pending verdict happen by themselves. */
const HEALTH = { path: '/up', intervalMs: 3_600_000, rise: 1, fall: 1 };

function poolOf(backends: object[], health: object = HEALTH): Pool {
  const parsed = parseConfig({ pools: { p: { backends, health } } });
  const pool = parsed.ok ? parsed.config.pools.p : undefined;
  if (pool === undefined) throw new Error(JSON.stringify(parsed));
  return pool;
}

describe('a probe', () => {
  const check = (more: object = {}) => {
    const health = poolOf([], { path: '/up?full=1', ...more }).health;
    if (health === undefined) throw new Error('The pool has a health check');
    return health;
  };

  it('asks below the base path, by our name, and follows no redirection', async () => {
    const requests = scriptOrigins({
      'a.example:81': () => new Response(null, { status: 302, headers: { location: '/else' } }),
    });
    const backend = { url: 'http://a.example:81/base/' };
    const asked = check({ method: 'HEAD', headers: { 'X-Probe': '1' }, expect: { status: ['302'] } });
    expect(await probe(backend, asked)).toMatchObject({ ok: true, status: 302, error: null });
    const [request] = requests;
    expect([request?.method, request?.url, request?.redirect]).toEqual([
      'HEAD',
      'http://a.example:81/base/up?full=1',
      'manual',
    ]);
    expect(request?.headers.get('user-agent')).toBe('roundel-health/1');
    expect(request?.headers.get('x-probe')).toBe('1');
  });

  it('says what it saw when that is not what was expected', async () => {
    scriptOrigins({ 'a.example': down });
    expect(await probe({ url: 'http://a.example' }, check())).toMatchObject({
      ok: false,
      status: 503,
      error: 'status 503 instead of 2xx',
    });
    expect(await probe({ url: 'http://b.example' }, check())).toMatchObject({
      ok: false,
      status: null,
      error: 'connection failed: Network connection lost.',
    });
  });

  it('waits no longer than its time-out, for headers as for the body', async () => {
    vi.stubGlobal('fetch', (_: string, init: { signal: AbortSignal }) => untilAborted(init.signal));
    const noAnswer = { ok: false, status: null, error: 'no answer within 20 ms' };
    expect(await probe({ url: 'http://a.example' }, check({ timeoutMs: 20 }))).toMatchObject(noAnswer);
    vi.stubGlobal('fetch', async (_: string, init: { signal: AbortSignal }) => {
      const body = new ReadableStream({ pull: () => untilAborted(init.signal) });
      return new Response(body);
    });
    expect(await probe({ url: 'http://a.example' }, check({ timeoutMs: 20 }))).toMatchObject(noAnswer);
  });

  const viaSocket = async (answer: string[], more: Partial<SocketProbe> = {}) => {
    const sent = new TransformStream<Uint8Array, Uint8Array>();
    const request = sent.readable.getReader();
    let closed = false;
    let address: unknown;
    const text = new TextEncoder();
    const outcome = await socketAnswer(
      {
        origin: { scheme: 'https', host: 'a.example', port: null, basePath: '' },
        method: 'GET',
        target: '/up',
        host: 'app.example',
        headers: new Map([['user-agent', 'roundel-health/1']]),
        wantsBody: true,
        signal: new AbortController().signal,
        ...more,
      },
      (to, options) => {
        address = [to, options?.secureTransport];
        return {
          writable: sent.writable,
          readable: new ReadableStream({
            start: (controller) => {
              for (const piece of answer) controller.enqueue(text.encode(piece));
              controller.close();
            },
          }),
          closed: Promise.resolve(),
          close: async () => {
            closed = true;
          },
        };
      },
    ).catch((error: Error) => error.message);
    return { outcome, closed, address, head: new TextDecoder().decode((await request.read()).value) };
  };

  it('names another Host over a socket, which it closes', async () => {
    const { outcome, closed, address, head } = await viaSocket([
      'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 20',
      '4 No Content\r\nx: y\r\n',
      '\r\n',
    ]);
    expect(outcome).toEqual({ status: 204, fields: new Map([['x', 'y']]), body: '' });
    expect(closed).toBe(true);
    expect(address).toEqual([{ hostname: 'a.example', port: 443 }, 'on']);
    expect(head).toBe(
      'GET /up HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\nuser-agent: roundel-health/1\r\n\r\n',
    );
  });

  it.each([
    ['of the backend', { hostHeader: 'app.example' }, {}],
    ['of the check', {}, { headers: { Host: 'app.example' } }],
  ])('leaves fetch aside for a Host %s, since fetch would send another', async (_, ofBackend, ofCheck) => {
    const requests = scriptOrigins({ '127.0.0.1:1': up });
    // Nothing listens on port 1: what goes there over a socket fails, what goes by the scripted fetch would succeed.
    const backend = { url: 'http://127.0.0.1:1', ...ofBackend };
    expect(await probe(backend, check(ofCheck))).toMatchObject({ ok: false, status: null });
    expect(requests).toEqual([]);
  });

  it.each([
    [['SSH-2.0-OpenSSH\r\n\r\n'], 'The answer is not HTTP/1.1'],
    [['HTTP/1.1 2000 OK\r\n\r\n'], 'The answer is not HTTP/1.1'],
    [['HTTP/1.1 200 OK\r\nx: y\r\n'], 'The connection ended before the answer did'],
    [[], 'The connection ended before the answer did'],
    [['HTTP/1.1 200 OK\r\n', 'x'.repeat(70_000)], 'The head of the answer is over 65536 bytes'],
    [['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort'], 'The connection ended before the answer did'],
    [['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n'], 'A chunk of the body has no size'],
  ])('over a socket fails by what is no answer (%#)', async (answer, message) => {
    expect(await viaSocket(answer)).toMatchObject({ outcome: message, closed: true });
  });

  it.each([
    ['of a length', ['HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nrea', 'dy!and more']],
    ['to the end of the connection', ['HTTP/1.1 200 OK\r\n\r\n', 'rea', 'dy!']],
    [
      'in chunks',
      ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nrea\r', '\n3;x=y\r\ndy!\r\n0\r\n\r\n'],
    ],
  ])('reads over a socket a body %s', async (_, answer) => {
    expect((await viaSocket(answer)).outcome).toMatchObject({ status: 200, body: 'ready!' });
    expect((await viaSocket(answer, { wantsBody: false })).outcome).toMatchObject({ body: '' });
  });

  it.each([
    ['Content-Length: 1073741824\r\n\r\n', ''],
    ['Transfer-Encoding: chunked\r\n\r\n', '40000000\r\n'],
    ['X: y\r\n\r\n', ''],
  ])('cuts a body of 1 GiB over a socket at 64 KiB (%#)', async (head, before) => {
    const mebibyte = 'x'.repeat(1_048_576);
    const answer = [`HTTP/1.1 200 OK\r\n${head}${before}`, mebibyte, mebibyte];
    expect((await viaSocket(answer)).outcome).toMatchObject({ body: 'x'.repeat(65_536) });
  });

  it('wants the headers and the text that its check names', async () => {
    const body = `${'x'.repeat(65_533)}end, and more`;
    scriptOrigins({ 'a.example': () => new Response(body, { headers: { 'X-Ready': 'yes' } }) });
    const errorOf = async (expected: object) =>
      (await probe({ url: 'http://a.example' }, check({ expect: expected }))).error;
    expect(await errorOf({ header: { 'x-ready': 'yes' }, body: 'xxend' })).toBeNull();
    expect(await errorOf({ header: { 'X-Ready': 'no' } })).toBe('header X-Ready is "yes" instead of "no"');
    expect(await errorOf({ header: { 'X-Role': 'api' } })).toBe('no header X-Role');
    expect(await errorOf({ body: 'up' })).toBe('the body does not hold "up"');
    // The text stands there, but beyond the first 64 KiB.
    expect(await errorOf({ body: 'end,' })).toBe('the body does not hold "end,"');
  });

  it('asks every monitor, and says which one failed', async () => {
    const requests = scriptOrigins({
      'a.example': (request) => (new URL(request.url).pathname === '/db' ? down() : up()),
    });
    const monitors = [{ path: '/cache' }, { path: '/db', method: 'HEAD' }, { path: '/never' }];
    expect(await probe({ url: 'http://a.example' }, check({ path: '/up', monitors }))).toMatchObject({
      ok: false,
      status: 503,
      error: 'monitor 2 (/db): status 503 instead of 2xx',
    });
    expect(requests.map(({ method, url }) => `${method} ${new URL(url).pathname}`)).toEqual([
      'GET /up',
      'GET /cache',
      'HEAD /db',
    ]);
  });

  it("follows redirects within the backend's own origin only, where it is told to", async () => {
    const locations: Record<string, string> = {
      '/up': '/moved?x=1',
      '/moved': 'http://A.example:80/last',
      '/out': 'http://b.example/last',
      '/scheme': 'https://a.example/last',
      '/odd': '//b.example/last',
      '/loop': '/loop',
      '/bad': '/a b',
    };
    const requests = scriptOrigins({
      'a.example': (request) => {
        const location = locations[new URL(request.url).pathname];
        return location ? new Response(null, { status: 302, headers: { location } }) : up();
      },
      'b.example': up,
    });
    const outcome = (path: string, followRedirects = true) =>
      probe({ url: 'http://a.example' }, check({ path, followRedirects }));
    expect(await outcome('/up')).toMatchObject({ ok: true, status: 200 });
    expect(requests.map(({ url }) => url)).toEqual([
      'http://a.example/up',
      'http://a.example/moved?x=1',
      'http://a.example/last',
    ]);
    expect((await outcome('/up', false)).error).toBe('status 302 instead of 2xx');
    for (const path of ['/out', '/scheme', '/odd']) {
      expect((await outcome(path)).error).toBe(`redirected to another origin: ${locations[path]}`);
    }
    expect((await outcome('/loop')).error).toBe('more than 5 redirects');
    expect((await outcome('/bad')).error).toBe('redirected to what is no proper path');
    expect(requests.every(({ url }) => new URL(url).host === 'a.example')).toBe(true);
  });

  it.each(['//b.example/up', '/@b.example/up', '/:81/up', '/.b.example/up', '/../../up'])(
    'of the path %s stays at the backend',
    async (path) => {
      const requests = scriptOrigins({ 'a.example': up, 'b.example': up });
      const asked = check({ path: '/ok', monitors: [{ path }] });
      expect(await probe({ url: 'http://a.example/base' }, asked)).toMatchObject({ ok: true });
      expect(requests.map(({ url }) => new URL(url).host)).toEqual(['a.example', 'a.example']);
    },
  );

  it('reads no more than 64 KiB of an endless body', async () => {
    let chunks = 0;
    let cancelled = false;
    scriptOrigins({
      'a.example': () =>
        new Response(
          new ReadableStream({
            pull: (controller) => {
              chunks++;
              controller.enqueue(new Uint8Array(16_384));
            },
            cancel: () => {
              cancelled = true;
            },
          }),
        ),
    });
    expect(await probe({ url: 'http://a.example' }, check())).toMatchObject({ ok: true });
    expect(cancelled).toBe(true);
    expect(chunks).toBeLessThan(10);
  });
});

describe('a health monitor', () => {
  const readState = (pool: string) =>
    runInObject(monitorStub(pool), (_, state) => {
      const text = state.storage.sql
        .exec<{ value: string }>("SELECT value FROM monitor WHERE name = 'state'")
        .one().value;
      return JSON.parse(text) as MonitorState;
    });

  it('probes at once when it is told of a pool, and remembers across restarts', async () => {
    scriptOrigins({ 'a.example': up, 'b.example': down });
    const monitor = monitorOf('first');
    await monitor.configure(
      'first',
      'default',
      2,
      poolOf([
        { id: 'a', url: 'http://a.example' },
        { id: 'b', url: 'http://b.example' },
        { id: 'c', url: 'http://c.example', state: 'disabled' },
      ]),
    );
    await vi.waitFor(async () => {
      const { a, b, c } = await monitor.status();
      expect([a?.state, b?.state, c?.state]).toEqual(['healthy', 'unhealthy', 'unknown']);
      expect([a?.lastError, b?.lastError, c?.lastProbeAt]).toEqual([null, 'status 503 instead of 2xx', null]);
    });
    const before = await monitor.status();
    await vi.waitFor(async () => expect((await readState('first')).backends.b?.unreported).toBe(false));
    await evictDurableObject(monitorStub('first'));
    expect(await monitor.status()).toEqual(before);
    expect(await runDurableObjectAlarm(monitorStub('first'))).toBe(true);
  });

  it('probes on demand what it is given, and remembers nothing of it', async () => {
    const requests = scriptOrigins({ 'a.example': up, 'b.example': down });
    const definition = poolOf([
      { id: 'a', url: 'http://a.example' },
      { id: 'b', url: 'http://b.example', state: 'disabled' },
    ]);
    const round = await monitorOf('on-demand').probeOnce(definition, 'default');
    expect(round).toMatchObject({
      results: { a: { ok: true, status: 200 }, b: { ok: false, error: 'status 503 instead of 2xx' } },
      unprobed: [],
    });
    expect(requests).toHaveLength(2);
    expect(await monitorOf('on-demand').status()).toEqual({});
    expect(await runDurableObjectAlarm(monitorStub('on-demand'))).toBe(false);
  });

  it('goes on with what an earlier release stored', async () => {
    scriptOrigins({ 'a.example': up });
    const definition = poolOf([{ id: 'a', url: 'http://a.example' }]);
    const { monitors: _monitors, jitterRatio: _jitter, ...health } = definition.health ?? {};
    await runInObject(monitorStub('upgraded'), (_, state) => {
      const assignment = { pool: 'upgraded', version: 2, definition: { ...definition, health } };
      const stored = JSON.stringify(assignment);
      state.storage.sql.exec("INSERT INTO monitor VALUES ('assignment', ?)", stored);
      const due = {
        a: {
          url: 'http://a.example',
          health: { state: 'unknown', since: 0, successes: 0, failures: 0 },
          epoch: 0,
          reason: '',
          lastProbeAt: null,
          lastError: null,
          nextProbeAt: 1,
          unreported: false,
        },
      };
      state.storage.sql.exec(
        "INSERT INTO monitor VALUES ('state', ?)",
        JSON.stringify({ epoch: 0, backends: due }),
      );
    });
    await evictDurableObject(monitorStub('upgraded'));
    await vi.waitFor(async () => expect((await monitorOf('upgraded').status()).a?.state).toBe('healthy'));
  });

  it('ignores an older version, and stops when there is nothing to probe', async () => {
    scriptOrigins({ 'a.example': up });
    const monitor = monitorOf('versions');
    await monitor.configure('versions', 'default', 5, poolOf([{ id: 'a', url: 'http://a.example' }]));
    await monitor.configure('versions', 'default', 4, poolOf([{ id: 'old', url: 'http://old.example' }]));
    expect(Object.keys(await monitor.status())).toEqual(['a']);
    await monitor.configure('versions', 'default', 6, null);
    expect(await monitor.status()).toEqual({});
    await vi.waitFor(async () => expect(await runDurableObjectAlarm(monitorStub('versions'))).toBe(false));
  });

  it('probes sooner while a verdict is pending', async () => {
    const requests = scriptOrigins({ 'a.example': down });
    const monitor = monitorOf('pending');
    const health = { ...HEALTH, fall: 3 };
    await monitor.configure('pending', 'default', 2, poolOf([{ id: 'a', url: 'http://a.example' }], health));
    await vi.waitFor(async () => expect((await monitor.status()).a?.lastProbeAt).not.toBeNull());
    for (let probes = requests.length; probes < 3; probes = requests.length) {
      const { backends } = await readState('pending');
      const { nextProbeAt, lastProbeAt } = backends.a ?? {};
      expect((nextProbeAt ?? Infinity) - (lastProbeAt ?? 0)).toBeLessThanOrEqual(1_000);
      await vi.waitFor(() => expect(requests.length).toBeGreaterThan(probes), { timeout: 2_000 });
      await vi.waitFor(async () =>
        expect((await readState('pending')).backends.a?.lastProbeAt).not.toBe(lastProbeAt),
      );
    }
    await vi.waitFor(async () => expect((await monitor.status()).a?.state).toBe('unhealthy'));
    const { nextProbeAt, lastProbeAt } = (await readState('pending')).backends.a ?? {};
    expect((nextProbeAt ?? 0) - (lastProbeAt ?? 0)).toBeGreaterThan(3_000_000);
  });

  it('does not let one backend that hangs hold up the verdict about another', async () => {
    scriptOrigins({ 'a.example': ({ signal }) => untilAborted(signal), 'b.example': down });
    const snapshot = () => directoryOf('directory').snapshot(KNOWS_NOTHING);
    await replace(directoryOf('directory'), {
      pools: {
        hanging: {
          backends: [
            { id: 'a', url: 'http://a.example' },
            { id: 'b', url: 'http://b.example' },
          ],
          health: { ...HEALTH, timeoutMs: 500 },
        },
      },
    });
    await vi.waitFor(async () => {
      expect((await snapshot()).health?.hanging).toMatchObject({ b: { state: 'unhealthy' } });
    });
    expect((await monitorOf('hanging').status()).a?.lastProbeAt).toBeNull();
    await vi.waitFor(async () => {
      expect((await snapshot()).health?.hanging?.a?.reason).toBe(
        'a probe failed, the last: no answer within 500 ms',
      );
    });
  });
});

describe('from a configuration to a verdict at the edges', () => {
  const pool = (health: object | null = HEALTH) => ({
    backends: [{ id: 'a', url: 'http://a.example' }],
    ...(health === null ? {} : { health }),
  });
  const snapshot = () => directoryOf('directory').snapshot(KNOWS_NOTHING);

  it('a change reaches the monitor, its probe the Directory, and both the events', async () => {
    const script = { 'a.example': down };
    scriptOrigins(script);
    await replace(directoryOf('directory'), { pools: { journey: pool() } });
    await vi.waitFor(async () => {
      expect((await snapshot()).health?.journey?.a).toMatchObject({
        state: 'unhealthy',
        reason: 'a probe failed, the last: status 503 instead of 2xx',
      });
    });
    const { healthEpoch } = await snapshot();
    script['a.example'] = up;
    // Any change of the pool is a reason to look again at once.
    await replace(directoryOf('directory'), { pools: { journey: pool({ ...HEALTH, path: '/ready' }) } });
    await vi.waitFor(async () => {
      const now = await snapshot();
      expect(now.health?.journey?.a?.state).toBe('healthy');
      expect(now.healthEpoch).toBeGreaterThan(healthEpoch);
    });
    await vi.waitFor(async () => {
      const of = (events: StoredEvent[]) => events.filter(({ subject }) => subject === 'journey/a').length;
      expect([of(await eventsOf('backend-unhealthy')), of(await eventsOf('backend-healthy'))]).toEqual([
        1, 1,
      ]);
    });
  });

  it('a pool that goes, or loses its check, is no longer probed', async () => {
    scriptOrigins({ 'a.example': up });
    await replace(directoryOf('directory'), { pools: { leaving: pool(), unchecked: pool() } });
    await vi.waitFor(async () => {
      expect(Object.keys((await snapshot()).health ?? {}).sort()).toEqual(['leaving', 'unchecked']);
    });
    await replace(directoryOf('directory'), { pools: { unchecked: pool(null) } });
    expect((await snapshot()).health).toEqual({});
    await vi.waitFor(async () => {
      expect([await monitorOf('leaving').status(), await monitorOf('unchecked').status()]).toEqual([{}, {}]);
    });
  });

  it('a monitor that could not be told is told when the Directory starts again', async () => {
    scriptOrigins({ 'a.example': up });
    const { failing, restore } = await breakMethod(monitorStub('outbox'), 'configure');
    await replace(directoryOf('directory'), { pools: { outbox: pool() } });
    await vi.waitFor(() => expect(failing).toHaveBeenCalled());
    restore();
    // It forgets what it holds in memory, and its alarm is lost: what it has to tell is in the storage.
    await runInObject(directoryStub('directory'), (_, state) => state.storage.deleteAlarm());
    await evictDurableObject(directoryStub('directory'));
    await directoryOf('directory').current();
    await vi.waitFor(async () => expect((await snapshot()).health?.outbox?.a?.state).toBe('healthy'));
    await vi.waitFor(async () => {
      expect(await runDurableObjectAlarm(directoryStub('directory'))).toBe(false);
    });
  });

  it('a monitor that could not be told is told again by the alarm', async () => {
    scriptOrigins({ 'a.example': up });
    const { failing, restore } = await breakMethod(monitorStub('again'), 'configure');
    await replace(directoryOf('directory'), { pools: { again: pool() } });
    await vi.waitFor(() => expect(failing).toHaveBeenCalled());
    restore();
    expect(await runDurableObjectAlarm(directoryStub('directory'))).toBe(true);
    await vi.waitFor(async () => expect((await snapshot()).health?.again?.a?.state).toBe('healthy'), {
      timeout: 10_000,
    });
    await vi.waitFor(async () => {
      expect(await runDurableObjectAlarm(directoryStub('directory'))).toBe(false);
    });
  });

  it('a verdict that could not be reported is reported later', async () => {
    const script = { 'a.example': up };
    scriptOrigins(script);
    await replace(directoryOf('directory'), { pools: { retried: pool() } });
    await vi.waitFor(async () => expect((await snapshot()).health?.retried?.a?.state).toBe('healthy'));
    const { failing, restore } = await breakMethod(directoryStub('directory'), 'reportVerdicts');
    script['a.example'] = down;
    await replace(directoryOf('directory'), { pools: { retried: pool({ ...HEALTH, path: '/again' }) } });
    await vi.waitFor(() => expect(failing).toHaveBeenCalled());
    expect((await snapshot()).health?.retried?.a?.state).toBe('healthy');
    restore();
    await evictDurableObject(monitorStub('retried'));
    await vi.waitFor(async () => expect((await snapshot()).health?.retried?.a?.state).toBe('unhealthy'), {
      timeout: 5_000,
    });
  });

  it('an edge that met a failure makes one failed probe a verdict at once, and a good one makes none', async () => {
    const script = { 'a.example': up };
    const requests = scriptOrigins(script);
    const health = { ...HEALTH, fall: 3 };
    await replace(directoryOf('directory'), { pools: { suspected: pool(health) } });
    await vi.waitFor(async () => expect((await snapshot()).health?.suspected?.a?.state).toBe('healthy'));
    const monitor = monitorOf('suspected');
    expect(await monitor.suspect('suspected', 'a', 'status 503')).toBe('refuted');
    expect(await monitor.suspect('suspected', 'a', 'status 503')).toBe('pending');
    expect((await snapshot()).health?.suspected?.a?.state).toBe('healthy');

    script['a.example'] = down;
    const { healthEpoch } = await snapshot();
    const answers = await vi.waitFor(async () => {
      const asked = Array.from({ length: 20 }, () => monitor.suspect('suspected', 'a', 'status 503'));
      const given = new Set(await Promise.all(asked));
      expect(given).toEqual(new Set(['confirmed']));
      return given;
    });
    expect(answers.size).toBe(1);
    const after = await snapshot();
    expect(after.healthEpoch).toBeGreaterThan(healthEpoch);
    expect(after.health?.suspected?.a).toMatchObject({
      state: 'unhealthy',
      reason: 'an edge met status 503, and a probe confirmed it: status 503 instead of 2xx',
    });
    const probes = requests.length;
    expect(await monitor.suspect('suspected', 'a', 'status 503')).toBe('confirmed');
    expect(requests.length).toBe(probes);
  });

  it('a suspicion is put before all vantages at once, and the majority decides', async () => {
    const broken = new Set<string>();
    const requests = scriptOrigins({
      'a.example': ({ headers }) => (broken.has(headers.get('roundel-vantage') ?? '') ? down() : up()),
    });
    const vantages = ['weur', 'enam', 'oc'];
    const health = { ...HEALTH, fall: 3, vantages };
    await replace(directoryOf('directory'), { pools: { seen: pool(health) } });
    const verdict = async () => (await snapshot()).health?.seen?.a;
    await vi.waitFor(async () => expect((await verdict())?.reason).toBe('up from all 3 vantages'));
    const suspect = (from: string) => monitorOf('seen', from).suspect('seen', 'a', 'status 503');
    broken.add('enam');
    const probes = requests.length;
    expect(await suspect('weur')).toBe('refuted');
    await vi.waitFor(async () => {
      expect(await verdict()).toMatchObject({
        state: 'healthy',
        reason:
          'down from enam only (1 of 3 vantages): an edge met status 503, and a probe confirmed it: status 503 instead of 2xx',
      });
    });
    expect(requests.length).toBe(probes + 3);
    await vi.waitFor(async () => {
      const [event] = await eventsOf('backend-down-from-some');
      expect(event).toMatchObject({ subject: 'seen/a', detail: { vantages: ['enam'], of: 3 } });
    });
    broken.add('weur');
    // Any monitor of the pool can have the others asked.
    await vi.waitFor(async () => expect(await suspect('enam')).toBe('confirmed'));
    expect(await verdict()).toMatchObject({ state: 'unhealthy' });
  });

  it('a vantage that goes is told to stop, and the others go on with what they know', async () => {
    scriptOrigins({ 'a.example': up });
    const over = (vantages: string[]) => ({ pools: { roving: pool({ ...HEALTH, vantages }) } });
    await replace(directoryOf('directory'), over(['weur', 'enam']));
    await vi.waitFor(async () => {
      expect((await snapshot()).health?.roving?.a?.reason).toBe('up from all 2 vantages');
    });
    const before = (await monitorOf('roving', 'enam').status()).a?.epoch;
    await replace(directoryOf('directory'), over(['enam']));
    await vi.waitFor(async () => expect(await monitorOf('roving', 'weur').status()).toEqual({}));
    expect(await runDurableObjectAlarm(monitorStub('roving', 'weur'))).toBe(false);
    expect((await monitorOf('roving', 'enam').status()).a?.epoch).toBe(before);
    expect((await snapshot()).health?.roving?.a?.state).toBe('healthy');
  });

  it('traffic stands in for a due probe of a healthy backend, and for no other', async () => {
    const script = { 'a.example': up, 'b.example': up };
    const requests = scriptOrigins(script);
    const backends = ['a', 'b'].map((id) => ({ id, url: `http://${id}.example` }));
    const health = { ...HEALTH, fall: 3, skipWhenTrafficProves: true };
    const version = await versionAfter(
      replace(directoryOf('directory'), { pools: { spared: { backends, health } } }),
    );
    const monitor = monitorOf('spared');
    const prove = (by = version) =>
      directoryOf('directory').snapshot({
        ...KNOWS_NOTHING,
        version: by,
        proofs: [
          ['spared', 'a', 10],
          ['spared', 'gone', 10],
        ],
      });
    /** Who was probed when both were due. */
    const probedWhenDue = async () => {
      await runInObject(monitorStub('spared'), (_, { storage: { sql } }) => {
        const { value } = sql.exec<{ value: string }>("SELECT value FROM monitor WHERE name = 'state'").one();
        const state = JSON.parse(value) as MonitorState;
        const due = Object.entries(state.backends).map(([id, known]) => [id, { ...known, nextProbeAt: 1 }]);
        const text = JSON.stringify({ ...state, backends: Object.fromEntries(due) });
        sql.exec("UPDATE monitor SET value = ? WHERE name = 'state'", text);
      });
      await evictDurableObject(monitorStub('spared'));
      const before = requests.length;
      expect(await runDurableObjectAlarm(monitorStub('spared'))).toBe(true);
      return requests
        .slice(before)
        .map(({ url }) => new URL(url).host[0])
        .sort()
        .join('');
    };
    await prove();
    // The first probe by a definition is always made.
    await vi.waitFor(async () => {
      const { a, b } = await monitor.status();
      expect([a?.state, b?.state]).toEqual(['healthy', 'healthy']);
    });
    const { a: first } = await monitor.status();
    await prove();
    expect(await probedWhenDue()).toBe('b');
    const { a: spared, b } = await monitor.status();
    expect(spared).toMatchObject({ lastProbeAt: first?.lastProbeAt, epoch: first?.epoch });
    expect(spared?.lastProofAt).toBeGreaterThan(first?.lastProbeAt ?? Infinity);
    expect(b?.lastProofAt).toBeNull();

    // Without the Directory's word, probes are made.
    const { failing, restore } = await breakMethod(directoryStub('directory'), 'proofsOf');
    expect(await probedWhenDue()).toBe('ab');
    expect(failing).toHaveBeenCalledOnce();
    restore();

    // A suspicion is verified whatever traffic elsewhere proves; and no proof brings back who is down.
    await prove();
    script['a.example'] = down;
    expect(await monitor.suspect('spared', 'a', 'status 503')).toBe('confirmed');
    const { a: fallen } = await monitor.status();
    await prove();
    expect(await probedWhenDue()).toBe('ab');
    expect((await monitor.status()).a).toMatchObject({ state: 'unhealthy', epoch: fallen?.epoch });
    expect((await snapshot()).health?.spared?.a?.state).toBe('unhealthy');
    script['a.example'] = up;
    expect(await probedWhenDue()).toBe('ab');
    await vi.waitFor(async () => expect((await snapshot()).health?.spared?.a?.state).toBe('healthy'));

    // What went by an earlier version proves nothing of the present one.
    const next = { pools: { spared: { backends, health }, other: {} } };
    await versionAfter(replace(directoryOf('directory'), next));
    await prove(version);
    await vi.waitFor(async () => expect(await probedWhenDue()).toBe('ab'));
  });

  it('a suspicion about what is not probed asks nobody', async () => {
    const requests = scriptOrigins({ 'a.example': up });
    const monitor = monitorOf('unsuspected');
    const backends = [{ id: 'a', url: 'http://a.example', state: 'disabled' }];
    await monitor.configure('unsuspected', 'default', 2, poolOf(backends));
    const asked = ['a', 'gone', 'constructor'].map((id) => monitor.suspect('unsuspected', id, 'status 503'));
    expect(await Promise.all(asked)).toEqual(['not-probed', 'not-probed', 'not-probed']);
    expect(requests).toEqual([]);
  });
});
