// `explain` against reality: what it says a request would meet, what the data plane then does, what it writes down of
// that, and what the origins' ledgers hold, side by side; and who gets an explanation of a live request, and who none.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import { comeBackLater, failFast, silent, slow } from '../../origin-mock/recipes.ts';
import { adminCalls, badFields, expectProblem, type Problem } from '../support/admin-calls.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Ask, askEdge } from './ask-edge.ts';

interface Explained {
  readonly configVersion: number;
  readonly healthEpoch: number;
  readonly route: string | null;
  readonly cacheKey: string | null;
  readonly cache: { readonly decision: string; readonly reason: string };
  readonly pool: string | null;
  readonly poolPath: readonly { readonly pool: string }[];
  readonly tiers: readonly { readonly isHome: boolean }[];
  readonly candidates: readonly {
    readonly backend: string;
    readonly accepted: boolean;
    readonly reason: string;
  }[];
  readonly chosen: string | null;
  readonly plan: { readonly attemptsMax: number; readonly backends?: readonly string[] } | null;
}

interface Attempt {
  readonly backend: string;
  readonly kind: string;
  readonly outcome: string;
  readonly status: number | null;
  readonly next: { readonly type: string; readonly because: string; readonly waitMs?: number };
}

interface Explanation extends Explained {
  readonly id: string;
  readonly source: string;
  readonly request: { readonly method: string; readonly url: string };
  readonly laterChoices: readonly {
    readonly chosen: string | null;
    readonly candidates: Explained['candidates'];
  }[];
  readonly waited: { readonly ahead: number; readonly ms: number; readonly end: string } | null;
  readonly attempts: readonly Attempt[];
  readonly hedgeHeldBack: string | null;
  readonly status: number;
  readonly error: string | null;
  readonly cacheStatus: string | null;
}

const [readToken, kvToken] = ['test-read-token', 'test-kv-token'];
let product: Product;
beforeAll(async () => {
  product = await startProduct({
    mocks: 4,
    env: { ROUNDEL_READ_TOKEN: readToken, ROUNDEL_KV_TOKEN: kvToken },
    config: { shards: { count: 1, replicas: 1, regions: ['weur'] } },
  });
});
afterAll(() => product?.stop());

const { ask, read } = adminCalls(() => product);
const newToken = async (ttlSeconds?: number) => {
  const query = ttlSeconds === undefined ? '' : `?ttlSeconds=${ttlSeconds}`;
  return ask<{ token: string; expiresAt: number }>(`/v1/explain/token${query}`, { method: 'POST' });
};
const explanationOf = (id: unknown) =>
  waitUntil(async () => {
    const answer = await ask<Explanation>(`/v1/explain/${id}`);
    return answer.status === 200 ? answer.body : null;
  });
/** A request that carries a token: its answer, and the id of its explanation. */
async function traced(host: string, token: string, request: Ask = {}) {
  const headers = { 'Roundel-Explain': token, ...request.headers };
  const answer = await askEdge(product.url, host, { ...request, headers });
  return { ...answer, id: answer.headers['roundel-explain-id'] };
}
const originOf = (name: string) => {
  const origin = product.origins.find((one) => one.name === name);
  if (!origin) throw new Error(`There is no origin ${name}`);
  return origin;
};

describe('of many pools and requests', () => {
  const POOLS = 30;
  const REQUESTS = 120;
  const KEYED = ['consistent-hash', 'maglev', 'rendezvous'] as const;
  /** Those that choose alike for the same state: the others draw lots. */
  const STRATEGIES = ['round-robin', 'weighted-round-robin', 'first-available', ...KEYED] as const;
  const KEYS = ['client-ip', 'path', 'url', 'query:user', 'header:x-user', 'cookie:user'] as const;

  const oneOf = <T>(random: Random, from: readonly T[]): T => {
    const chosen = from[Math.floor(random.next() * from.length)];
    if (chosen === undefined) throw new Error('There is nothing to choose from');
    return chosen;
  };

  /** Each backend has a base path of its own at one of the origins, so that the ledgers tell them apart. */
  function document(random: Random): ConfigDocument {
    const names = Array.from({ length: POOLS }, (_, number) => `p${number}`);
    const pools = names.map((name, number) => {
      const type = oneOf(random, STRATEGIES);
      // Without a key, who spills over is drawn by lot.
      const isKeyed = (KEYED as readonly string[]).includes(type);
      const backends = Array.from({ length: 1 + Math.floor(random.next() * 5) }, (_, index) => {
        const id = `${name}-b${index}`;
        const isClosed = random.next() < 0.15;
        return {
          id,
          url: isClosed ? 'http://127.0.0.1:9' : `${oneOf(random, product.origins).url}/${id}`,
          weight: oneOf(random, [1, 1, 1, 2, 5, 0]),
          priority: isKeyed ? oneOf(random, [0, 0, 1]) : 0,
          state: oneOf(random, ['active', 'active', 'active', 'active', 'draining', 'disabled'] as const),
        };
      });
      const health = { path: '/up', intervalMs: 3_600_000, rise: 1, fall: 1 };
      const isProbed = random.next() < 0.7;
      const pool = {
        backends,
        strategy: { type, key: [oneOf(random, KEYS), 'path' as const] },
        panic: { threshold: oneOf(random, [0, 0.5, 1]) },
        retry: { attemptsMax: oneOf(random, [1, 2, 3]), backoffMs: 1 },
        ...(isProbed ? { health } : {}),
        // Only forward, so that no chain leads back.
        ...(number + 1 < POOLS && random.next() < 0.3 ? { fallbackPool: `p${number + 1}` } : {}),
      };
      return [name, pool] as const;
    });
    const routes = names.map((name, number) => ({
      id: `r${number}`,
      match: { paths: [`/${name}/*`] },
      response: { exposeBackend: true },
      ...(number % 5 === 4
        ? {
            split: [
              { pool: name, weight: 50 },
              { pool: `p${number - 1}`, weight: 50 },
            ],
          }
        : { pool: name }),
    }));
    return { pools: Object.fromEntries(pools), routes };
  }

  it('says what then happens, and what is written down is what happened', async () => {
    const random = seededRandom(20261127);
    const config = document(random);
    await product.configure(config);
    const probed = Object.entries(config.pools ?? {}).flatMap(([name, { backends = [], health }]) =>
      health ? backends.filter(({ state }) => state !== 'disabled').map(({ id }) => [name, id] as const) : [],
    );
    const epoch = await waitUntil(async () => {
      const shown = await read<{
        epoch: number;
        pools: Record<string, { backends: Record<string, { epoch: number }> }>;
      }>('/v1/health');
      const isKnown = probed.every(([name, id]) => (shown.pools[name]?.backends[id]?.epoch ?? 0) > 0);
      return isKnown ? shown.epoch : null;
    });
    await waitUntil(async () => {
      const json = { url: `${product.url}/p0/` };
      const { body } = await ask<Explained>('/v1/explain', { method: 'POST', json });
      return body.healthEpoch >= epoch;
    });
    for (const origin of product.origins) origin.reset();
    const { token } = (await newToken()).body;
    const host = new URL(product.url).host;

    const asked = [];
    for (let number = 0; number < REQUESTS; number++) {
      const name = `p${Math.floor(random.next() * POOLS)}`;
      const user = `u${Math.floor(random.next() * 50)}`;
      const path = `/${name}/${number}?user=${user}`;
      const headers = { 'X-User': user, Cookie: `user=${user}` };
      const { body: said } = await ask<Explained>('/v1/explain', {
        method: 'POST',
        json: { url: `http://${host}${path}`, headers, clientIp: '127.0.0.1' },
      });
      const answer = await traced(host, token, { path, headers });
      expect(answer.id, path).toBeDefined();
      asked.push({ number, said, answer });
    }

    const seen = { chosen: 0, nobody: 0, retried: 0, panicked: 0, fellBack: 0, spilledOver: 0 };
    for (const { number, said, answer } of asked) {
      const live = await explanationOf(answer.id);
      const what = `${live.request.url}: ${JSON.stringify({ said, live })}`;
      const { configVersion, healthEpoch, route, pool, poolPath, tiers, chosen, cache } = said;
      const same = { configVersion, healthEpoch, route, pool, poolPath, tiers, chosen, cache };
      expect(live, what).toMatchObject(same);
      // The walk ends at the one chosen; until there both say the same of each.
      const upTo = ({ candidates }: Explained) => {
        const end = candidates.findIndex(({ backend }) => backend === chosen);
        return end < 0 ? candidates : candidates.slice(0, end + 1);
      };
      const byName = ({ candidates }: Explained) =>
        candidates.map(({ backend, accepted }) => `${backend} ${accepted}`).sort();
      if (chosen !== null && upTo(live).at(-1)?.reason !== 'last-resort')
        expect(upTo(live), what).toEqual(upTo(said));
      expect(byName(live), what).toEqual(byName(said));

      // Against the ledgers: each attempt that was answered is one request at that backend's origin, and there are no others.
      const ledger = product.origins
        .flatMap((origin) => origin.ledger.entries())
        .filter(({ target }) => new RegExp(`/${number}\\?`).test(target))
        .map(({ target }) => target.split('/')[1]);
      const answered = live.attempts.filter(({ outcome }) => outcome === 'answered');
      expect(ledger.sort(), what).toEqual(answered.map(({ backend }) => backend).sort());
      expect(live.attempts[0]?.backend ?? null, what).toBe(chosen);
      const tried = live.attempts.map(({ backend }) => backend);
      expect(live.status, what).toBe(answer.status);
      expect(tried.length, what).toBeLessThanOrEqual(said.plan?.attemptsMax ?? 0);
      expect([chosen, ...live.laterChoices.map((choice) => choice.chosen)].filter(Boolean), what).toEqual(
        tried,
      );
      if (answer.status === 200) {
        expect(answer.headers['roundel-backend'], what).toBe(`${pool}/${tried.at(-1)}`);
      }
      if (chosen === null) {
        seen.nobody++;
        expect([live.status, live.error, live.attempts], what).toEqual([503, 'no-backend', []]);
        expect(said.plan?.backends, what).toEqual([]);
      } else {
        seen.chosen++;
        expect(said.plan?.backends?.[0], what).toBe(chosen);
      }
      if (tried.length > 1) seen.retried++;
      if (live.candidates.some(({ reason }) => reason === 'last-resort')) seen.panicked++;
      if (poolPath.length > 1) seen.fellBack++;
      if (live.tiers.findIndex(({ isHome }) => isHome) > 0) seen.spilledOver++;
    }
    // The seed leads everywhere.
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0);
  });
});

describe('an explanation of a live request', () => {
  const closed = 'http://127.0.0.1:9';
  beforeAll(async () => {
    const backends = ['a', 'b'].map((id) => ({ id, url: originOf(id).url }));
    const route = (id: string, more: object = {}) => ({
      id,
      match: { hosts: [`${id}.test`] },
      pool: 'web',
      ...more,
    });
    await product.configure({
      pools: {
        web: { backends, strategy: { type: 'first-available' } },
        half: {
          backends: [{ id: 'dead', url: closed }, ...backends],
          strategy: { type: 'first-available' },
          outlier: { maxEjectedRatio: 0 },
        },
        dead: { backends: [{ id: 'dead', url: closed }], retry: { attemptsMax: 1 } },
        crowd: {
          backends: Array.from({ length: 1_000 }, (_, index) => ({
            id: `b${index}`,
            url: originOf('a').url,
          })),
        },
      },
      routes: [
        route('plain'),
        route('half', { pool: 'half' }),
        route('dead', { pool: 'dead' }),
        route('crowd', { pool: 'crowd' }),
        route('cached', { cache: { enabled: true } }),
        route('sampled', { explain: { sampleRatio: 1 }, cache: { enabled: true } }),
        route('mirrored', { mirror: { pool: 'dead' } }),
      ],
    });
    for (const origin of product.origins) origin.reset();
  });

  it('is made for who carries a token, told by its id, and unseen by the origin', async () => {
    const { token } = (await newToken()).body;
    const { id, status } = await traced('plain.test', token, { path: '/x?secret=1' });
    expect([status, id]).toEqual([200, expect.stringMatching(/^\w+-\w+$/)]);
    const explanation = await explanationOf(id);
    expect(explanation).toMatchObject({
      id,
      source: 'token',
      request: { method: 'GET', url: 'http://plain.test/x?secret=1' },
      route: 'plain',
      cache: { decision: 'off' },
      pool: 'web',
      chosen: 'a',
      candidates: [
        { backend: 'a', order: 1, accepted: true, reason: 'healthy' },
        { backend: 'b', order: 2, accepted: true, reason: 'not-reached' },
      ],
      laterChoices: [],
      attempts: [
        { backend: 'a', kind: 'first', outcome: 'answered', status: 200, next: { because: 'good' } },
      ],
      status: 200,
      error: null,
    });
    const [entry] = originOf('a').ledger.entries({ on: '/x*' });
    expect(entry?.fields.map(([name]) => name.toLowerCase())).not.toContain('roundel-explain');
  });

  it('is refused silently without a good token, and its id is nobody’s', async () => {
    const { token } = (await newToken()).body;
    const changed = token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A');
    const expired = (await newToken(1)).body;
    await waitUntil(() => Date.now() > Math.ceil(expired.expiresAt / 1_000) * 1_000);
    for (const bad of ['', 'x', changed, expired.token, product.adminToken, `${token}, ${token}`]) {
      const { status, headers } = await traced('plain.test', bad, { path: '/bad' });
      expect([status, headers['roundel-explain-id']]).toEqual([200, undefined]);
    }
    const fields = originOf('a')
      .ledger.entries({ on: '/bad' })
      .flatMap((entry) => entry.fields);
    expect(fields.some(([name]) => name.toLowerCase() === 'roundel-explain')).toBe(false);
    const { id } = await traced('plain.test', token);
    await explanationOf(id);
    for (const [headers, status] of [
      [{ Authorization: '' }, 401],
      [{ Authorization: `Bearer ${token}` }, 401],
      [{ Authorization: `Bearer ${kvToken}` }, 403],
      [{ Authorization: `Bearer ${readToken}` }, 200],
    ] as const) {
      for (const path of [`/v1/explain/${id}`, '/v1/explain']) {
        expect((await ask(path, { headers })).status, path).toBe(status);
      }
      expect((await ask('/v1/explain/token', { method: 'POST', headers })).status).toBe(status);
    }
    const absent = await ask<Problem>('/v1/explain/none');
    expect([expectProblem(absent), absent.headers.get('retry-after')]).toEqual(['not-found', '1']);
    for (const [path, field] of [
      ['/v1/explain?limit=0', 'limit'],
      ['/v1/explain?limit=101', 'limit'],
      ['/v1/explain?rout=x', 'rout'],
    ] as const) {
      expect(badFields(await ask<Problem>(path))).toEqual([field]);
    }
    for (const ttlSeconds of [0, 3_601, Number.NaN]) {
      expect(
        badFields((await newToken(ttlSeconds)) as unknown as Awaited<ReturnType<typeof ask<Problem>>>),
      ).toEqual(['ttlSeconds']);
    }
  });

  it('tells every attempt, with the choice before each', async () => {
    const { token } = (await newToken()).body;
    const { id, status } = await traced('half.test', token, { path: '/retried' });
    expect(status).toBe(200);
    const explanation = await explanationOf(id);
    expect(explanation).toMatchObject({
      chosen: 'dead',
      plan: { attemptsMax: 2, notRepeatable: null, on: ['connect-failure'] },
      attempts: [
        {
          backend: 'dead',
          kind: 'first',
          outcome: 'origin-unreachable',
          status: null,
          next: { type: 'retry' },
        },
        { backend: 'a', kind: 'retry', outcome: 'answered', status: 200 },
      ],
      laterChoices: [{ chosen: 'a' }],
    });
    expect(explanation.laterChoices[0]?.candidates).toMatchObject([
      { backend: 'dead', accepted: false, reason: 'already-tried' },
      { backend: 'a', accepted: true, reason: 'healthy' },
      { backend: 'b', accepted: true, reason: 'not-reached' },
    ]);
    expect(originOf('a').ledger.wire({ on: '/retried' })).toEqual(['GET /retried']);
  });

  it('is there for hits, for the edge’s own failures, and for what no route takes', async () => {
    const { token } = (await newToken()).body;
    originOf('a').script({
      on: '/kept',
      answer: ['200', 'Cache-Control: max-age=60', 'Vary: Roundel-Explain', '', 'kept'],
    });
    const first = await traced('cached.test', token, { path: '/kept' });
    // A variant of its own for each token would be none: the cache never sees it.
    const hit = await waitUntil(async () => {
      const again = await traced('cached.test', (await newToken()).body.token, { path: '/kept' });
      return again.headers['cache-status']?.toString().includes('hit') ? again : null;
    });
    const stored = await askEdge(product.url, 'cached.test', { path: '/kept' });
    expect([stored.body.toString(), stored.headers['roundel-explain-id']]).toEqual(['kept', undefined]);
    expect(originOf('a').ledger.entries({ on: '/kept' })).toHaveLength(1);
    const failed = await traced('dead.test', token);
    expect(failed.status).toBe(502);
    expect((JSON.parse(failed.body.toString()) as Problem).requestId).toBe(failed.id);
    const lost = await traced('nowhere.test', token);
    const copied = await traced('mirrored.test', token);

    const explanations = await Promise.all(
      [first, hit, failed, lost, copied].map(({ id }) => explanationOf(id)),
    );
    expect(explanations).toMatchObject([
      {
        cache: { decision: 'uri-miss' },
        chosen: 'a',
        cacheKey: expect.stringContaining('cached.test/kept'),
        shard: 0,
      },
      {
        cache: { decision: 'hit', reason: expect.stringMatching(/^fresh for/) },
        pool: null,
        candidates: [],
        attempts: [],
        cacheStatus: expect.stringContaining('hit'),
      },
      {
        status: 502,
        error: 'origin-unreachable',
        attempts: [{ backend: 'dead', outcome: 'origin-unreachable', next: { because: 'attempts-max' } }],
      },
      { status: 404, error: 'no-route', route: null, cache: { decision: 'refused', reason: 'no-route' } },
      // What is chosen for a mirror is not this request's.
      { pool: 'web', chosen: 'a', laterChoices: [] },
    ]);
  });

  it('is of bounded size, whatever the pool and the request', async () => {
    const { token } = (await newToken()).body;
    const { id } = await traced('crowd.test', token, { path: `/${'x'.repeat(10_000)}` });
    const answer = await waitUntil(async () => {
      const got = await ask<Explanation & { candidatesOmitted: number }>(`/v1/explain/${id}`);
      return got.status === 200 ? got.body : null;
    });
    expect([answer.candidates.length, answer.candidatesOmitted]).toEqual([64, 936]);
    expect(answer.chosen).toBe(answer.candidates[0]?.backend);
    expect(JSON.stringify(answer).length).toBeLessThan(32_768);
  });

  it('is sampled where a route says so, without its query, and told to no client', async () => {
    const plainBefore = (await ask<{ explanations: Explanation[] }>('/v1/explain?route=plain&limit=100'))
      .body;
    for (let i = 0; i < 30; i++) {
      const { headers } = await askEdge(product.url, 'sampled.test', { path: `/s${i}?secret=${i}` });
      expect(headers['roundel-explain-id']).toBeUndefined();
      await askEdge(product.url, 'plain.test');
    }
    const { explanations } = await waitUntil(async () => {
      const { body } = await ask<{ explanations: Explanation[] }>('/v1/explain?route=sampled&limit=100');
      return body.explanations.length > 0 ? body : null;
    });
    expect(explanations[0]).toMatchObject({ source: 'sample', route: 'sampled', chosen: 'a' });
    expect(
      explanations.every(
        ({ source, request, cacheKey }) =>
          source === 'sample' && !`${request.url}${cacheKey}`.includes('secret'),
      ),
    ).toBe(true);
    expect(explanations[0]?.request.url).toMatch(/^http:\/\/sampled\.test\/s\d+\?…$/);
    // Ten a second at most: thirty requests take less than two.
    expect(explanations.length).toBeLessThanOrEqual(20);
    const plain = (await ask<{ explanations: Explanation[] }>('/v1/explain?route=plain&limit=100')).body;
    expect(plain.explanations.length).toBe(plainBefore.explanations.length);
    // Whoever asks for more gets it whole, on the same route.
    const { id } = await traced('sampled.test', (await newToken()).body.token, { path: '/whole?secret=1' });
    expect((await explanationOf(id)).request.url).toBe('http://sampled.test/whole?secret=1');
  });
});

// Beside each other, since each waits for what its edge hands on once a second: pools and paths are their own.
describe.concurrent('an explanation of a live request that met trouble', () => {
  let token = '';
  const explained = async (pool: string, request?: Ask) => {
    const { id, status } = await traced(`${pool}.test`, token, request);
    return { status, explanation: await explanationOf(id) };
  };

  beforeAll(async () => {
    token = (await newToken()).body.token;
    const backends = ['a', 'b', 'c'].map((id) => ({ id, url: originOf(id).url }));
    const base = {
      backends,
      strategy: { type: 'first-available' as const },
      outlier: { maxEjectedRatio: 0 },
    };
    const alone = backends.slice(0, 1);
    const full = { ...base, backends: alone.map((one) => ({ ...one, maxInFlight: 1 })) };
    const hedge = { enabled: true, afterMs: 50 };
    const on = ['gateway-error' as const];
    const pools: ConfigDocument['pools'] = {
      hedged: { ...base, hedge, retry: { on } },
      'hedged-alone': { ...base, backends: alone, hedge },
      'hedged-poor': { ...base, hedge, retryBudget: { ratio: 0, min: 0 } },
      queued: { ...full, queue: { max: 1, timeoutMs: 20_000 } },
      hasty: { ...full, queue: { max: 1, timeoutMs: 100 } },
      breaking: {
        ...base,
        backends: backends.slice(0, 2),
        retry: { attemptsMax: 1 },
        circuitBreaker: { enabled: true, minRequests: 4, openMs: 60_000 },
      },
      retried: {
        ...base,
        retry: { on, attemptsMax: 3, backoffMs: 20, backoffMaxMs: 20, retryAfterMaxMs: 1_000 },
      },
      'retried-poor': { ...base, retry: { on }, retryBudget: { ratio: 0, min: 0 } },
    };
    for (const origin of product.origins) origin.reset();
    const held = slow(2_000, '/held/*');
    originOf('a').script(silent('/late'), slow(400, '/better'), slow(200, '/slow'), held);
    originOf('a').script(failFast('/failing/*'), comeBackLater(60, '/later'));
    originOf('b').script(failFast('/better'), failFast('/failing/*'));
    originOf('c').script(failFast('/failing/*'));
    await product.configure({
      pools,
      routes: Object.keys(pools).map((name) => ({
        id: name,
        match: { hosts: [`${name}.test`] },
        pool: name,
      })),
    });
  });
  it('tells of a hedge who was late, who was quicker, and the choice of it', async () => {
    const { status, explanation } = await explained('hedged', { path: '/late' });
    expect(status).toBe(200);
    expect(explanation).toMatchObject({
      chosen: 'a',
      plan: { attemptsMax: 2, hedgeAfterMs: 50 },
      laterChoices: [
        {
          chosen: 'b',
          candidates: [
            { backend: 'a', accepted: false, reason: 'already-tried' },
            { backend: 'b', accepted: true, reason: 'healthy' },
            { backend: 'c', accepted: true, reason: 'not-reached' },
          ],
        },
      ],
      attempts: [
        {
          backend: 'a',
          kind: 'first',
          outcome: 'given-up',
          status: null,
          next: { because: 'other-quicker' },
        },
        { backend: 'b', kind: 'hedge', outcome: 'answered', status: 200, next: { because: 'good' } },
      ],
      hedgeHeldBack: null,
      waited: null,
    });
  });

  it('tells of a hedge that failed that another was better', async () => {
    const { explanation } = await explained('hedged', { path: '/better' });
    expect(explanation.attempts).toMatchObject([
      { backend: 'b', kind: 'hedge', status: 503, next: { because: 'other-better' } },
      { backend: 'a', kind: 'first', status: 200, next: { because: 'good' } },
    ]);
  });

  it.each([
    ['hedged-alone', 'no-backend'],
    ['hedged-poor', 'budget'],
  ])('tells why a hedge that was due was not sent (%s)', async (pool, why) => {
    const { status, explanation } = await explained(pool, { path: '/slow' });
    expect(status).toBe(200);
    expect(explanation).toMatchObject({
      chosen: 'a',
      laterChoices: [],
      attempts: [{ backend: 'a', kind: 'first', outcome: 'answered' }],
      hedgeHeldBack: why,
    });
  });

  it('tells of the line before a full pool how long it took, and who found it full', async () => {
    let rounds = 0;
    // Where the machine stands still for half a second, who waits is taken for gone, and both get in line.
    const [waited, refused] = await waitUntil(async () => {
      const path = `/held/${++rounds}`;
      const held = askEdge(product.url, 'queued.test', { path });
      await waitUntil(() => originOf('a').ledger.entries({ on: path }).length === 1);
      const both = await Promise.all([explained('queued'), explained('queued')]);
      expect((await held).status).toBe(200);
      return both.some(({ status }) => status === 503) ? both.toSorted((a, b) => a.status - b.status) : null;
    });
    expect(waited?.explanation).toMatchObject({
      status: 200,
      chosen: 'a',
      candidates: [{ backend: 'a', accepted: true, reason: 'healthy' }],
      laterChoices: [],
      waited: { ahead: 0, end: 'got-place' },
    });
    expect(waited?.explanation.waited?.ms).toBeGreaterThan(0);
    expect(refused?.explanation).toMatchObject({
      status: 503,
      error: 'overloaded',
      chosen: null,
      attempts: [],
      waited: { ahead: 1, end: 'queue-full' },
    });
  });

  it('tells of who waited in vain for whom', async () => {
    const path = '/held/hasty';
    const held = askEdge(product.url, 'hasty.test', { path });
    await waitUntil(() => originOf('a').ledger.entries({ on: path }).length === 1);
    const { explanation } = await explained('hasty');
    expect(explanation).toMatchObject({
      status: 503,
      error: 'overloaded',
      candidates: [{ backend: 'a', accepted: false, reason: 'at-capacity' }],
      chosen: null,
      waited: { ahead: 0, end: 'waited-in-vain' },
    });
    expect(explanation.waited?.ms).toBeGreaterThanOrEqual(100);
    await held;
  });

  it('tells of a circuit that is open whom it kept out', async () => {
    const request = { path: '/failing/breaking' };
    for (let i = 0; i < 4; i++)
      expect((await askEdge(product.url, 'breaking.test', request)).status).toBe(503);
    const passed = await explained('breaking', request);
    expect(passed.explanation).toMatchObject({
      chosen: 'b',
      candidates: [
        { backend: 'a', accepted: false, reason: 'circuit-open' },
        { backend: 'b', accepted: true, reason: 'healthy' },
      ],
      attempts: [{ backend: 'b', kind: 'first', status: 503, next: { because: 'not-configured' } }],
    });
    for (let i = 0; i < 3; i++) await askEdge(product.url, 'breaking.test', request);
    const refused = await explained('breaking', request);
    expect(refused.explanation).toMatchObject({
      status: 503,
      error: 'no-backend',
      chosen: null,
      candidates: ['a', 'b'].map((backend) => ({ backend, accepted: false, reason: 'circuit-open' })),
      attempts: [],
    });
  });

  it('tells of retries what asked for them, the pause, and why there were no more', async () => {
    const { explanation } = await explained('retried', { path: '/failing/thrice' });
    expect(explanation.attempts).toMatchObject([
      { backend: 'a', kind: 'first', status: 503, next: { type: 'retry', because: 'gateway-error' } },
      { backend: 'b', kind: 'retry', status: 503, next: { type: 'retry', because: 'gateway-error' } },
      { backend: 'c', kind: 'retry', status: 503, next: { type: 'last', because: 'attempts-max' } },
    ]);
    for (const { next } of explanation.attempts.slice(0, 2)) {
      expect(next.waitMs).toBeGreaterThanOrEqual(0);
      expect(next.waitMs).toBeLessThanOrEqual(20);
    }
    expect(explanation.laterChoices.map(({ chosen }) => chosen)).toEqual(['b', 'c']);
  });

  it.each<[pool: string, request: Ask, because: string]>([
    ['retried-poor', { path: '/failing/poor' }, 'budget'],
    ['retried', { path: '/failing/post', method: 'POST', body: 'x' }, 'not-idempotent'],
    ['retried', { path: '/later' }, 'retry-after-too-long'],
  ])('tells why there was no retry (%s %o)', async (pool, request, because) => {
    const { explanation } = await explained(pool, request);
    expect(explanation.attempts).toMatchObject([
      { backend: 'a', status: 503, next: { type: 'last', because } },
    ]);
    expect(explanation.laterChoices).toEqual([]);
  });
});
