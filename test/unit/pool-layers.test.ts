// What stands around the strategies as the edge uses it: from a configuration, verdicts and ejections to the backend,
// kept by backend id across versions.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../core/config/parse-config.ts';
import type { ConfigDocument } from '../../core/config/schema.ts';
import { parseTarget } from '../../core/http/target.ts';
import { seededRandom } from '../../core/random.ts';
import type { HealthVerdict } from '../../durable-objects/interfaces/directory.ts';
import type { EdgeSnapshot } from '../../worker/config-snapshot.ts';
import { chooseBackend } from '../../worker/data-plane/choose-backend.ts';
import { createPoolRegistry } from '../../worker/data-plane/pool-registry.ts';

type PoolDocument = NonNullable<ConfigDocument['pools']>[string];

const backend = (id: string, more: object = {}) => ({ id, url: `http://${id}.example`, ...more });
const health = { path: '/up' };

/** An edge that serves one pool, by versions, verdicts and a clock of the test. */
function edgeOf(pool: PoolDocument, { region = null as string | null, at = 1_000_000 } = {}) {
  const clock = { at };
  const registry = createPoolRegistry({ random: seededRandom(1), now: () => clock.at, region });
  const target = parseTarget('http://h.example/');
  if (target.type !== 'target') throw new Error('That is no target');
  let snapshot: EdgeSnapshot;
  let version = 0;
  const serve = (document: PoolDocument): void => {
    const parsed = parseConfig({ pools: { web: document } });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    const shardMap = { epoch: 1, slots: [], groups: [] };
    version++;
    snapshot = {
      version,
      healthEpoch: 1,
      boundSince: 0,
      config: parsed.config,
      health: snapshot?.health ?? {},
      shardMap,
    };
  };
  const poolNow = () => {
    const found = registry.get(snapshot, 'web');
    if (!found) throw new Error('There is no pool "web"');
    return found;
  };
  const choose = (clientIp = '', cf?: object) => {
    const asking = { snapshot, target, received: [], clientIp, ...(cf && { request: { cf } }) };
    const choice = chooseBackend(asking, poolNow(), [], clock.at);
    return choice.type === 'backend' ? choice.backend.id : choice.detail;
  };
  const judge = (id: string, state: HealthVerdict['state'], since = clock.at): void => {
    const verdict = { state, since, epoch: snapshot.healthEpoch + 1, reason: 'a test' };
    const web = { ...snapshot.health.web, [id]: verdict };
    snapshot = { ...snapshot, healthEpoch: verdict.epoch, health: { web } };
  };
  /** Part of so many choices that went to the backend. */
  const shareOf = (id: string, picks = 2_000): number => {
    let own = 0;
    for (let i = 0; i < picks; i++) if (choose(`192.0.2.${i}`) === id) own++;
    return own / picks;
  };
  serve(pool);
  return { clock, serve, choose, judge, shareOf, poolNow };
}

describe('slow start at an edge', () => {
  const backends = ['a', 'b', 'c', 'd'].map((id) => backend(id));
  const slow = { backends, health, slowStart: { windowMs: 10_000 } };
  /** Five binomial deviations of 2,000 choices, at most 5.6 %. */
  const near = (share: number, expected: number): void => {
    const deviation = Math.sqrt((expected * (1 - expected)) / 2_000);
    expect(Math.abs(share - expected)).toBeLessThan(5 * deviation);
  };

  it.each(['round-robin', 'weighted-random', 'least-requests', 'consistent-hash'] as const)(
    'begins with the verdict and ends with the window: %s',
    (type) => {
      const edge = edgeOf({ ...slow, strategy: { type } });
      edge.choose();
      edge.judge('d', 'unhealthy');
      expect(edge.shareOf('d')).toBe(0);
      edge.clock.at += 60_000;
      edge.choose();
      edge.judge('d', 'healthy');
      const own =
        type === 'consistent-hash' ? (ratio: number) => ratio / 4 : (ratio: number) => ratio / (3 + ratio);
      // The ring's own arcs are 7 % off at most.
      const arcs = type === 'consistent-hash' ? 0.02 : 0;
      for (const [passedMs, ratio] of [
        [0, 0.1],
        [5_000, 0.55],
        [5_000, 1],
      ] as const) {
        edge.clock.at += passedMs;
        const share = edge.shareOf('d');
        if (arcs === 0) near(share, own(ratio));
        else expect(Math.abs(share - own(ratio))).toBeLessThan(0.056 + arcs);
      }
    },
  );

  it('goes on by backend id when a version comes meanwhile, whatever its place and address', () => {
    const edge = edgeOf(slow);
    edge.judge('d', 'unhealthy');
    edge.choose();
    edge.clock.at += 60_000;
    edge.judge('d', 'healthy');
    edge.choose();
    edge.clock.at += 5_000;
    const moved = [{ ...backend('d'), url: 'http://elsewhere.example' }, ...backends.slice(0, 3)];
    edge.serve({ ...slow, backends: moved });
    near(edge.shareOf('d'), 0.55 / 3.55);
    edge.clock.at += 5_000;
    near(edge.shareOf('d'), 0.25);
  });

  it('starts a backend that a version adds, or enables, without any verdict', () => {
    const edge = edgeOf({ backends: backends.slice(0, 3), slowStart: slow.slowStart });
    edge.choose();
    edge.clock.at += 60_000;
    edge.serve({ backends, slowStart: slow.slowStart });
    near(edge.shareOf('d'), 0.1 / 3.1);
    edge.clock.at += 10_000;
    near(edge.shareOf('d'), 0.25);
    const drained = backends.map((one) => (one.id === 'a' ? { ...one, state: 'draining' as const } : one));
    edge.serve({ backends: drained, slowStart: slow.slowStart });
    expect(edge.shareOf('a')).toBe(0);
    edge.serve({ backends, slowStart: slow.slowStart });
    near(edge.shareOf('a'), 0.1 / 3.1);
  });

  it('starts a backend whose ejection ends, by time or by a verdict', () => {
    const edge = edgeOf(slow);
    const eject = () => {
      const { outliers } = edge.poolNow().state;
      for (let i = 0; i < 5; i++) outliers.record('d', 'gateway-error', edge.clock.at, () => true);
      const until = outliers.ejectedUntil('d', edge.clock.at);
      if (until === null) throw new Error('d was not ejected');
      return until;
    };
    const until = eject();
    expect(edge.shareOf('d')).toBe(0);
    edge.clock.at = until;
    near(edge.shareOf('d'), 0.1 / 3.1);
    edge.clock.at += 10_000;
    near(edge.shareOf('d'), 0.25);
    eject();
    edge.clock.at += 100;
    edge.judge('d', 'healthy');
    near(edge.shareOf('d'), 0.1 / 3.1);
  });

  it('has no effect while all came back at once, and causes no refusal', () => {
    const edge = edgeOf(slow);
    for (const { id } of backends) edge.judge(id, 'unhealthy');
    edge.choose();
    edge.clock.at += 60_000;
    for (const { id } of backends) edge.judge(id, 'healthy');
    for (const { id } of backends) near(edge.shareOf(id), 0.25);
  });

  it('can be turned on while a backend warms up', () => {
    const { slowStart, ...off } = slow;
    const edge = edgeOf(off);
    edge.judge('d', 'unhealthy');
    edge.choose();
    edge.judge('d', 'healthy');
    edge.clock.at += 5_000;
    near(edge.shareOf('d'), 0.25);
    edge.serve({ ...off, slowStart });
    near(edge.shareOf('d'), 0.55 / 3.55);
  });
});

describe('tiers at an edge', () => {
  it('spill over by verdicts and ejections, and come back', () => {
    const backends = [backend('a'), backend('b'), backend('spare', { priority: 1 })];
    const edge = edgeOf({ backends, health });
    expect(edge.shareOf('spare')).toBe(0);
    edge.judge('a', 'unhealthy');
    // Half of it is healthy: 70 % stay; five deviations of 1 %.
    expect(Math.abs(edge.shareOf('spare') - 0.3)).toBeLessThan(0.052);
    edge.judge('b', 'unhealthy');
    expect(edge.shareOf('spare')).toBe(1);
    edge.judge('a', 'healthy');
    edge.judge('b', 'healthy');
    expect(edge.shareOf('spare')).toBe(0);
    const { outliers } = edge.poolNow().state;
    for (let i = 0; i < 5; i++) outliers.record('a', 'local-error', edge.clock.at, () => true);
    expect(Math.abs(edge.shareOf('spare') - 0.3)).toBeLessThan(0.052);
  });

  it('take what overprovisioning says', () => {
    const backends = [backend('a'), backend('b'), backend('spare', { priority: 1 })];
    const edge = edgeOf({ backends, health, overprovisioning: 2 });
    edge.judge('a', 'unhealthy');
    expect(edge.shareOf('spare')).toBe(0);
  });
});

describe('a preferred region', () => {
  const backends = [
    backend('paris', { region: 'weur' }),
    backend('oregon', { region: 'wnam' }),
    backend('rack', { region: 'rack-7' }),
  ];
  const pool = { backends, preferRegion: true };
  const paris = { continent: 'EU', latitude: '48.85', longitude: '2.35' };
  const tokyo = { continent: 'AS', latitude: '35.7', longitude: '139.7' };

  it('is that of the client, as the platform tells it', () => {
    const edge = edgeOf(pool);
    expect(edge.choose('', paris)).toBe('paris');
    expect(edge.choose('', { continent: 'EU' })).toBe('paris');
    expect(edge.choose('', tokyo)).toBe('oregon');
  });

  it('is the edge’s own where the platform tells nothing', () => {
    expect(edgeOf(pool, { region: 'enam' }).choose()).toBe('oregon');
    expect(edgeOf(pool, { region: 'rack-7' }).choose()).toBe('rack');
    expect(edgeOf(pool, { region: 'rack-7' }).choose('', paris)).toBe('paris');
  });

  it('is nobody’s where nothing is known, or nobody asks for it', () => {
    for (const edge of [edgeOf(pool), edgeOf({ backends }, { region: 'weur' })]) {
      const chosen = new Set(Array.from({ length: 6 }, () => edge.choose('', {})));
      expect(chosen.size).toBe(3);
    }
    expect(edgeOf({ backends }, { region: 'weur' }).poolNow().layers).toBeNull();
  });

  it('gives way to the next when it is ill', () => {
    const edge = edgeOf({ ...pool, health });
    edge.judge('paris', 'unhealthy');
    expect(edge.choose('', paris)).toBe('oregon');
  });
});

describe('a bound of the load at an edge', () => {
  it('counts what is in flight by backend id, across versions', () => {
    const backends = ['a', 'b', 'c', 'd'].map((id) => backend(id));
    const strategy = { type: 'maglev' as const, boundedLoad: 1.25 };
    const edge = edgeOf({ backends, strategy });
    const hot = edge.choose('192.0.2.1');
    const hold = (id: string, count: number) => {
      const found = edge.poolNow().backends.find((one) => one.id === id);
      if (found) found.state.inFlight += count;
    };
    hold(hot, 10);
    const next = edge.choose('192.0.2.1');
    expect(next).not.toBe(hot);
    edge.serve({ backends: [...backends].reverse(), strategy });
    expect(edge.choose('192.0.2.1')).toBe(next);
    hold(hot, -10);
    expect(edge.choose('192.0.2.1')).toBe(hot);
  });

  it('composes with caps, draining and disabling', () => {
    const backends = [
      backend('a', { maxInFlight: 1 }),
      backend('b', { state: 'draining' as const }),
      backend('c', { state: 'disabled' as const }),
      backend('d'),
    ];
    const edge = edgeOf({ backends, strategy: { type: 'rendezvous', boundedLoad: 1.05 } });
    for (let i = 0; i < 20; i++) {
      const id = edge.choose(`192.0.2.${i}`);
      expect(['a', 'd']).toContain(id);
      const chosen = edge.poolNow().backends.find((one) => one.id === id);
      if (chosen) chosen.state.inFlight++;
    }
    // a has the one that it may have; all others went to d, bound or not.
    expect(edge.poolNow().backends.map(({ state }) => state.inFlight)).toEqual([1, 0, 0, 19]);
  });
});

describe('a pool that asks for nothing', () => {
  it('has no layers', () => {
    const backends = [backend('a', { priority: 3, region: 'weur' }), backend('b', { priority: 3 })];
    expect(edgeOf({ backends, health }).poolNow().layers).toBeNull();
  });
});

describe('hot keys at an edge', () => {
  const pool = (maxShare: number): PoolDocument => ({
    backends: ['a', 'b', 'c', 'd'].map((id) => backend(id)),
    strategy: { type: 'consistent-hash', hotKeys: { maxShare } },
  });
  const sharesOf = (edge: ReturnType<typeof edgeOf>) => {
    const counts = new Map<string, number>();
    for (let i = 0; i < 1_000; i++) {
      const id = edge.choose('192.0.2.1');
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    return [...counts.values()];
  };

  it('are spread over their alternatives where the pool asks for it, and only there', () => {
    expect(sharesOf(edgeOf(pool(0)))).toEqual([1_000]);
    expect(Math.max(...sharesOf(edgeOf(pool(1.25))))).toBeLessThanOrEqual(0.3125 * 1_000 + 8);
  });
});
