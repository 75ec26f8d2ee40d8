// Health over real sockets on plain workerd: what probes send and how they judge, how failures that users meet take a
// backend out, and how soon; asserted on the origins' ledgers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { ProbeResult } from '../../durable-objects/interfaces/health-monitor.ts';
import { adminCalls, badFields, expectProblem, type Problem } from '../support/admin-calls.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitUntil } from '../support/wait-until.ts';

let product: Product;
beforeAll(async () => {
  product = await startProduct({
    mocks: 4,
    config: { shards: { count: 1, replicas: 1, regions: ['weur'] } },
  });
});
afterAll(() => product?.stop());

const { ask, currentVersion } = adminCalls(() => product);

type PoolDocument = NonNullable<ConfigDocument['pools']>[string];

/** The pool in use. Each test has one of its own, since ejections outlast versions by pool and backend. */
let pool = '';
let pools = 0;

/** Puts a new pool over all origins with `more` in it, in front of every request. */
async function serve(more: PoolDocument = {}): Promise<void> {
  for (const origin of product.origins) origin.reset();
  const backends = product.origins.map(({ name, url }) => ({ id: name, url }));
  pool = `pool-${++pools}`;
  await product.configure({
    pools: { [pool]: { backends, ...more } },
    routes: [{ id: 'all', pool, response: { exposeBackend: true } }],
  });
}

interface Health {
  readonly epoch: number;
  readonly pools: Record<
    string,
    {
      readonly backends: Record<
        string,
        {
          state: string;
          epoch: number;
          ejectedUntil: number | null;
          reason: string;
          vantages: Record<
            string,
            {
              state: string;
              lastProbeAt: number | null;
              lastError: string | null;
              lastProofAt: number | null;
            }
          >;
        }
      >;
    }
  >;
}

/** What health shows once so many backends have a verdict. */
const settled = (verdicts: number) =>
  waitUntil(async () => {
    const shown = (await ask<Health>('/v1/health')).body;
    const judged = Object.values(shown.pools[pool]?.backends ?? {}).filter(({ epoch }) => epoch > 0).length;
    return judged === verdicts
      ? {
          epoch: shown.epoch,
          states: Object.values(shown.pools[pool]?.backends ?? {}).map(({ state }) => state),
        }
      : null;
  });

describe('a probe on demand', () => {
  interface Probed {
    readonly pool: string;
    readonly version: number;
    readonly backends: Record<string, ProbeResult>;
    readonly unprobed: readonly string[];
  }
  const probe = () => ask<Probed>(`/v1/pools/${pool}/probe`, { method: 'POST' });
  const [path, intervalMs] = ['/up', 3_600_000];

  it('tells what it saw of every backend, and changes nothing', async () => {
    const [a, b, c, d] = product.origins;
    const one = { url: a?.url ?? '' };
    await serve({
      backends: [
        { id: 'ok', ...one },
        { id: 'named', hostHeader: 'app.example', ...one },
        { id: 'wordless', state: 'disabled', url: b?.url ?? '' },
        { id: 'huge', url: c?.url ?? '' },
        { id: 'away', url: d?.url ?? '' },
        { id: 'closed', url: 'http://127.0.0.1:9' },
      ],
      health: {
        path,
        intervalMs,
        rise: 1,
        fall: 1,
        headers: { 'X-Probe': '1' },
        followRedirects: true,
        expect: { body: 'Hello', header: { 'X-Kind': 'api' } },
        monitors: [{ path: '/second', expect: {} }],
      },
    });
    const answer = (status: number, text: string, ...lines: string[]) =>
      [`HTTP/1.1 ${status}`, 'X-Kind: api', ...lines, '', text].join('\n');
    a?.script({ on: '* /up', answer: answer(307, '', 'Location: /up2') });
    a?.script({ on: '* /up2', answer: answer(200, 'Hello') });
    b?.script({ on: '* /up', answer: answer(200, 'Bye') });
    c?.script({ on: '* /up', answer: answer(200, ''), bodyBytes: 2 ** 30 });
    d?.script({ on: '* /up', answer: answer(302, '', `Location: ${a?.url}/up2`) });
    const version = await currentVersion();
    const before = await settled(5);
    const startedAt = performance.now();
    const { status, body } = await probe();
    // A body of 1 GiB through this process takes longer than a second; its first 64 KiB do not.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect([status, body.pool, body.version, body.unprobed]).toEqual([200, pool, version, []]);
    expect(body.backends).toMatchObject({
      ok: { ok: true, status: 200, error: null },
      named: { ok: true, status: 200, error: null },
      wordless: { ok: false, status: 200, error: 'the body does not hold "Hello"' },
      huge: { ok: false, status: 200, error: 'the body does not hold "Hello"' },
      away: { ok: false, status: null, error: `redirected to another origin: ${a?.url}/up2` },
      closed: { ok: false, status: null, error: expect.stringContaining('connection failed') },
    });
    // It had far more to send.
    await waitUntil(() => c?.ledger.entries().at(-1)?.outcome === 'client-left');
    expect(await currentVersion()).toBe(version);
    expect(await settled(5)).toEqual(before);
    const hosts = a?.ledger
      .entries({ on: '* /second' })
      .map(({ fields }) => fields.find(([name]) => name.toLowerCase() === 'host')?.[1]);
    expect(new Set(hosts)).toEqual(new Set(['app.example', new URL(one.url).host]));
  });

  it('is refused for a pool that is not there, or is not probed', async () => {
    await serve();
    expect(expectProblem(await ask<Problem>('/v1/pools/none/probe', { method: 'POST' }))).toBe('not-found');
    const unprobed = await ask<Problem>(`/v1/pools/${pool}/probe`, { method: 'POST' });
    expect([unprobed.status, expectProblem(unprobed)]).toEqual([422, 'invalid']);
  });

  it('is never made by an impossible definition: the field is named', async () => {
    const document = { pools: { web: { health: { path, intervalMs: 1_000, timeoutMs: 1_001 } } } };
    const answer = await ask<Problem>('/v1/config', { method: 'PUT', json: document });
    expect([answer.status, badFields(answer)]).toEqual([422, ['pools.web.health.timeoutMs']]);
  });
});

const ejectedOf = async () =>
  Object.entries((await ask<Health>('/v1/health')).body.pools[pool]?.backends ?? {}).flatMap(
    ([id, { ejectedUntil }]) => (ejectedUntil === null ? [] : [[id, ejectedUntil] as const]),
  );
const get = async (path = '/') => {
  const response = await fetch(`${product.url}${path}`);
  await response.arrayBuffer();
  return response.status;
};
const times = async (count: number, path = '/') => {
  const statuses: number[] = [];
  for (let i = 0; i < count; i++) statuses.push(await get(path));
  return statuses;
};

describe('failures that users meet', () => {
  it.each(['round-robin', 'random', 'weighted-round-robin', 'weighted-random'] as const)(
    'eject a backend that fails fast, under %s, after five in a row',
    async (type) => {
      await serve({ strategy: { type } });
      const [bad] = product.origins;
      bad?.script({ answer: '503' });
      // A quarter of them reaches it: five of 80 do, but for 2.3 chances in 10⁶ with lots (binomial, 80 of 1/4).
      const statuses = await times(80);
      expect(statuses.filter((status) => status === 503)).toHaveLength(5);
      expect(bad?.ledger.entries()).toHaveLength(5);
      const [[id, until] = ['', 0]] = await ejectedOf();
      expect(id).toBe('a');
      expect(until).toBeGreaterThan(Date.now() + 20_000);
      const { body } = await ask<{ candidates: { backend: string; reason: string; accepted: boolean }[] }>(
        '/v1/explain',
        { method: 'POST', json: { url: `${product.url}/` } },
      );
      expect(body.candidates.find(({ backend }) => backend === 'a')).toMatchObject({
        accepted: false,
        reason: 'ejected',
      });
    },
  );

  it('keep it out across versions, and for its time only', async () => {
    await serve({ outlier: { baseEjectionMs: 1_500, consecutiveGatewayErrors: 2 } });
    const [bad] = product.origins;
    bad?.script({ answer: '503', times: 2 });
    await times(12);
    expect((await ejectedOf()).map(([id]) => id)).toEqual(['a']);
    const backends = product.origins.map(({ name, url }) => ({ id: name, url, weight: 2 }));
    await ask(`/v1/pools/${pool}`, { method: 'PATCH', json: { backends } });
    expect((await ejectedOf()).map(([id]) => id)).toEqual(['a']);
    const before = bad?.ledger.entries().length ?? 0;
    await waitUntil(async () => {
      await get();
      return (bad?.ledger.entries().length ?? 0) > before;
    });
    expect(await ejectedOf()).toEqual([]);
  });

  it('are told as an event with cause and end', async () => {
    await serve({ outlier: { consecutiveLocalErrors: 3 } });
    product.origins[1]?.script({ fault: 'reset' });
    expect(new Set(await times(40))).toEqual(new Set([200]));
    interface Event {
      readonly subject: string;
      readonly detail: { readonly cause: string; readonly until: number };
    }
    const event = await waitUntil(async () => {
      const { body } = await ask<{ events: (Event & { type: string })[] }>('/v1/events?limit=50');
      return body.events.find(({ type, subject }) => type === 'backend-ejected' && subject === `${pool}/b`);
    });
    expect(event.detail).toMatchObject({ cause: 'consecutive-local-errors', until: expect.any(Number) });
  });

  it.each([
    // Of the 20 that reach it half fail, neither in a row nor by what is counted in a row.
    ['a high ratio of failures', { failureRatio: 0.5, deviation: 0 }, 'failure-ratio'],
    ['a success rate far below the others’', { failureRatio: 0 }, 'success-rate'],
  ] as const)('eject by %s', async (_, rule, cause) => {
    const [a, b, c, d] = product.origins.map(({ url }) => url);
    const backends = [a, b, c, d, d].map((url, index) => ({ id: `b${index}`, url: `${url}/base${index}` }));
    const outlier = { ...rule, minRequests: 10, intervalMs: 1_000, consecutiveGatewayErrors: 0 };
    await serve({ backends, outlier });
    product.origins[3]?.script({ on: '* /base4*', errorRatio: 0.6, errorStatus: 500 });
    await waitUntil(async () => {
      await times(10);
      return (await ejectedOf()).length > 0;
    });
    expect((await ejectedOf()).map(([id]) => id)).toEqual(['b4']);
    const event = await waitUntil(async () => {
      const { body } = await ask<{ events: { type: string; subject: string; detail: object }[] }>(
        '/v1/events?limit=50',
      );
      return body.events.find(({ type, subject }) => type === 'backend-ejected' && subject === `${pool}/b4`);
    });
    expect(event.detail).toMatchObject({ cause });
    expect(new Set(await times(10))).toEqual(new Set([200]));
  });

  it('of the only backend eject nobody', async () => {
    const [only] = product.origins;
    await serve({ backends: [{ id: 'only', url: only?.url ?? '' }] });
    only?.script({ answer: '503' });
    expect(await times(12)).toEqual(Array.from({ length: 12 }, () => 503));
    expect(await ejectedOf()).toEqual([]);
  });
});

describe('traffic that proves a backend healthy', () => {
  it('spares its probes, says so, and delays nobody who notices that it is down', async () => {
    const [a, b] = product.origins;
    await serve({
      backends: [
        { id: 'busy', url: a?.url ?? '' },
        { id: 'idle', url: b?.url ?? '', weight: 0 },
      ],
      health: { path: '/up', intervalMs: 1_000, rise: 1, skipWhenTrafficProves: true, jitterRatio: 0 },
    });
    const probes = (origin: typeof a) => origin?.ledger.entries({ on: '* /up' }).length ?? 0;
    await settled(2);
    await waitUntil(async () => (await get()) !== 200 || probes(b) >= 5);
    // It is asked once by each definition; a machine that stands still for a second may cost one more.
    expect(probes(a)).toBeLessThanOrEqual(2);
    const shownOf = async (id: string) => (await ask<Health>('/v1/health')).body.pools[pool]?.backends[id];
    const { reason, vantages } = (await shownOf('busy')) ?? {};
    expect(reason).toBe('a probe succeeded; since the last probe proved by traffic');
    expect(vantages?.default?.lastProofAt).toBeGreaterThan(vantages?.default?.lastProbeAt ?? Infinity);
    expect((await shownOf('idle'))?.vantages.default?.lastProofAt).toBeNull();

    const before = probes(a);
    a?.script({ answer: '503' });
    await waitUntil(async () => {
      await get();
      return (await shownOf('busy'))?.state === 'unhealthy';
    });
    // Not by the interval.
    expect((await shownOf('busy'))?.reason).toMatch(/^an edge met .*, and a probe confirmed it/);
    expect(probes(a)).toBeGreaterThan(before);
  });
});

describe('a pool seen from three regions', () => {
  const health: PoolDocument['health'] = {
    path: '/up',
    intervalMs: 3_600_000,
    rise: 1,
    vantages: ['weur', 'enam', 'oc'],
  };
  const shownOf = async (id: string) => (await ask<Health>('/v1/health')).body.pools[pool]?.backends[id];
  const eventOf = (wanted: string) =>
    waitUntil(async () => {
      interface Event {
        readonly type: string;
        readonly subject: string;
        readonly detail: object;
      }
      const { body } = await ask<{ events: Event[] }>('/v1/events?limit=50');
      return body.events.find(({ type, subject }) => type === wanted && subject === `${pool}/a`);
    });

  it('loses nobody whom one region alone cannot reach, and at once whom no region can', async () => {
    const [a, b] = product.origins;
    await serve({
      backends: [
        { id: 'a', url: a?.url ?? '' },
        { id: 'b', url: b?.url ?? '' },
      ],
      health,
    });
    await waitUntil(async () => (await shownOf('a'))?.reason === 'up from all 3 vantages');
    a?.script({ on: '* /up', when: ['Roundel-Vantage: weur'], answer: '500' });
    const patch = { health: { ...health, fall: 1 } };
    await ask(`/v1/pools/${pool}`, { method: 'PATCH', json: patch });
    const one = await waitUntil(async () => {
      const shown = await shownOf('a');
      return shown?.vantages.weur?.state === 'unhealthy' && shown.reason.startsWith('down') ? shown : null;
    });
    expect(one).toMatchObject({
      state: 'healthy',
      reason: 'down from weur only (1 of 3 vantages): a probe failed, the last: status 500 instead of 2xx',
      vantages: { weur: { lastError: 'status 500 instead of 2xx' }, enam: { state: 'healthy' } },
    });
    expect((await eventOf('backend-down-from-some')).detail).toMatchObject({ vantages: ['weur'], of: 3 });
    const probed = await ask<{ backends: Record<string, object>; silent: object }>(
      `/v1/pools/${pool}/probe`,
      { method: 'POST' },
    );
    expect(probed.body.silent).toEqual({});
    expect(probed.body.backends.a).toMatchObject({
      ok: true,
      status: 200,
      vantages: { weur: { ok: false, status: 500 }, enam: { ok: true }, oc: { ok: true } },
    });

    expect(new Set(await times(10))).toEqual(new Set([200]));
    a?.reset();
    a?.script({ answer: '503' });
    // One suspicion, three probes beside one another: by the interval it would take an hour.
    await waitUntil(async () => {
      await get();
      return (await shownOf('a'))?.state === 'unhealthy';
    });
    expect((await shownOf('a'))?.reason).toMatch(
      /^down from (all 3 vantages|\w+, \w+ \(2 of 3 vantages\)): /,
    );
    await waitUntil(async () => {
      const before = a?.ledger.entries({ on: 'GET /' }).length;
      await times(4);
      return a?.ledger.entries({ on: 'GET /' }).length === before;
    });
    expect((await eventOf('backend-unhealthy')).detail).toMatchObject({ before: 'healthy' });
  });
});

describe('before the first verdict', () => {
  it('a pool whose backends begin as unhealthy sends them nothing until a probe has succeeded', async () => {
    const [a] = product.origins;
    await serve();
    a?.script({ on: '* /up', answer: '503' });
    await product.configure({
      pools: {
        [pool]: {
          backends: [{ id: 'a', url: a?.url ?? '' }],
          health: { path: '/up', initial: 'unhealthy', rise: 1, fall: 100, fastIntervalMs: 50 },
          panic: { threshold: 0 },
        },
      },
      routes: [{ id: 'all', pool }],
    });
    await waitUntil(() => (a?.ledger.entries({ on: '* /up' }).length ?? 0) >= 3);
    expect(await times(3)).toEqual([503, 503, 503]);
    expect(a?.ledger.entries({ on: 'GET /' })).toEqual([]);
    a?.reset();
    await waitUntil(async () => (await get()) === 200);
    expect(await settled(1)).toMatchObject({ states: ['healthy'] });
  });
});

describe('a backend that is drained, then disabled', () => {
  it('ends the response that runs, and takes no new request', async () => {
    const [a, b] = product.origins;
    await serve({
      backends: [
        { id: 'a', url: a?.url ?? '' },
        { id: 'b', url: b?.url ?? '' },
      ],
    });
    const bodyBytes = 40 * 4_096;
    a?.script({ on: '/long', bodyBytes, chunkBytes: 4_096, chunkIntervalMs: 50 });
    b?.script({ on: '/long', answer: '503' });
    const running = await waitUntil(async () => {
      const response = await fetch(`${product.url}/long`);
      if (response.status === 200) return response;
      await response.arrayBuffer();
      return null;
    });
    const whole = running.arrayBuffer();
    const reasonOf = async () => {
      const { body } = await ask<{ candidates: { backend: string; reason: string }[] }>('/v1/explain', {
        method: 'POST',
        json: { url: `${product.url}/` },
      });
      return body.candidates.find(({ backend }) => backend === 'a')?.reason;
    };
    for (const [call, reason] of [
      ['drain', 'draining'],
      ['disable', 'disabled'],
    ] as const) {
      await ask(`/v1/pools/${pool}/backends/a/${call}`, { method: 'POST' });
      await waitUntil(async () => (await reasonOf()) === reason);
      const before = a?.ledger.entries().length;
      expect(new Set(await times(6))).toEqual(new Set([200]));
      expect(a?.ledger.entries().length).toBe(before);
      expect(a?.ledger.entries({ on: '/long' }).map(({ outcome }) => outcome)).toEqual(['pending']);
    }
    expect((await whole).byteLength).toBe(bodyBytes);
    expect(a?.ledger.entries({ on: '/long' }).map(({ outcome }) => outcome)).toEqual(['answered']);
  });
});

describe('a pool in panic', () => {
  const closed = { url: 'http://127.0.0.1:9' };
  const health = { path: '/up', intervalMs: 3_600_000, rise: 1, fall: 1 };

  it('sends requests to unhealthy backends after the healthy ones, and says why', async () => {
    const [up, sick] = product.origins;
    sick?.script({ on: '* /up', answer: '500' });
    const alive = { id: 'alive', url: up?.url ?? '' };
    await serve({
      backends: [alive, { id: 'sick', url: sick?.url ?? '' }, { id: 'dead', ...closed }],
      health,
      strategy: { type: 'weighted-round-robin' },
    });
    sick?.script({ on: '* /up', answer: '500' });
    await ask(`/v1/pools/${pool}`, { method: 'PATCH', json: { health: { ...health, path: '/up?2' } } });
    await waitUntil(async () => {
      const shown = (await ask<Health>('/v1/health')).body.pools[pool]?.backends;
      return shown?.sick?.state === 'unhealthy' && shown.dead?.state === 'unhealthy';
    });
    await waitUntil(async () => (await reasons()).sick === 'unhealthy');
    // One of three is healthy, so there is panic, but nobody meets it while that one answers.
    expect(new Set(await times(6))).toEqual(new Set([200]));
    expect(sick?.ledger.entries({ on: 'GET /' })).toEqual([]);
    // The healthy one breaks the connection: what is left is tried.
    up?.script({ on: 'GET /', fault: 'reset' });
    const statuses = await times(4);
    expect(statuses).toContain(200);
    expect(sick?.ledger.entries({ on: 'GET /' }).length).toBeGreaterThan(0);
    const event = await waitUntil(async () => {
      const { body } = await ask<{ events: { type: string; subject: string; detail: object }[] }>(
        '/v1/events?limit=50',
      );
      return body.events.find(({ type, subject }) => type === 'panic' && subject === pool);
    });
    expect(event.detail).toMatchObject({
      despite: 'unhealthy',
      healthy: 1,
      eligible: 3,
      reason: '1 of 3 backends are healthy, less than 0.5 of them',
    });
  });

  it('does not exist with a threshold of 0: an all-unhealthy pool is 503', async () => {
    await serve({ backends: [{ id: 'dead', ...closed }], health, panic: { threshold: 0 } });
    const answer = await waitUntil(async () => {
      const response = await fetch(product.url);
      return response.status === 503 ? response : null;
    });
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await answer.json()).toMatchObject({
      type: 'urn:roundel:problem:no-backend',
      detail: `Cannot pick a backend in pool "${pool}": 0 of 1 may be tried (dead is unhealthy)`,
    });
  });

  const reasons = async () => {
    const { body } = await ask<{ candidates: { backend: string; reason: string }[] }>('/v1/explain', {
      method: 'POST',
      json: { url: `${product.url}/` },
    });
    return Object.fromEntries(body.candidates.map(({ backend, reason }) => [backend, reason]));
  };
});
