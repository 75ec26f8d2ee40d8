// The configuration document: what is accepted, with which defaults, and that every bad field is named.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../core/config/parse-config.ts';
import { configJsonSchema } from '../../core/config/schema.ts';

const backend = (id: string, more: object = {}) => ({ id, url: `http://${id}.example`, ...more });
const pool = (more: object = {}) => ({ backends: [backend('a'), backend('b')], ...more });
const document = (poolMore: object = {}, routeMore: object = {}, more: object = {}) => ({
  pools: { web: pool(poolMore) },
  routes: [{ id: 'all', pool: 'web', ...routeMore }],
  ...more,
});

function errorsOf(candidate: unknown): Record<string, string> {
  const parsed = parseConfig(candidate);
  return parsed.ok ? {} : Object.fromEntries(parsed.errors.map(({ path, message }) => [path, message]));
}

function configOf(candidate: unknown) {
  const parsed = parseConfig(candidate);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.config;
}

describe('a configuration document', () => {
  it('may be empty, and gets every default of the reference table', () => {
    expect(configOf({})).toEqual({
      pools: {},
      routes: [],
      shards: { count: 4, replicas: 3, regions: ['enam', 'wnam', 'weur'] },
      staleness: { boundMs: 5_000 },
      l1: { bytesMax: 33_554_432 },
    });
    expect(configOf(document({ health: { path: '/up' } }))).toMatchObject({
      pools: {
        web: {
          backends: [
            { id: 'a', url: 'http://a.example', weight: 1, state: 'active', priority: 0, maxInFlight: 0 },
            {},
          ],
          strategy: {
            type: 'round-robin',
            key: ['client-ip'],
            maxShare: 1.1,
            boundedLoad: 0,
            hotKeys: { maxShare: 0 },
            hashSeed: 0,
          },
          overprovisioning: 1.4,
          preferRegion: false,
          slowStart: { windowMs: 0, fromRatio: 0.1 },
          timeouts: { totalMs: 60_000, attemptMs: 30_000 },
          retry: { attemptsMax: 2 },
          affinity: {
            type: 'none',
            name: 'roundel-affinity',
            ttlSeconds: 3_600,
            onUnavailable: 'temporary',
            epoch: 0,
          },
          health: {
            path: '/up',
            method: 'GET',
            headers: {},
            intervalMs: 10_000,
            timeoutMs: 2_000,
            rise: 2,
            fall: 3,
            expect: { status: ['2xx'] },
            initial: 'healthy',
          },
        },
      },
      routes: [
        {
          id: 'all',
          match: { hosts: [], paths: [], methods: [] },
          pool: 'web',
          request: {
            trustedProxies: [],
            setHeaders: {},
            removeHeaders: [],
            stripPathPrefix: '',
            addPathPrefix: '',
          },
          response: { setHeaders: {}, removeHeaders: [], exposeBackend: false },
          cache: { enabled: false, maxObjectBytes: 2_097_152 },
        },
      ],
    });
  });

  it('comes back as its author wrote it, beside the filled-in form', () => {
    const given = document();
    expect(parseConfig(given)).toMatchObject({ ok: true, document: given });
  });

  it('gets as many regions as it has replicas when it names none', () => {
    expect(configOf({ shards: { replicas: 1 } }).shards.regions).toEqual(['enam']);
    expect(configOf({ shards: { replicas: 5 } }).shards.regions).toHaveLength(5);
  });

  it('names every bad field at once, also those that depend on others', () => {
    const errors = errorsOf({
      pools: {
        web: {
          backends: [
            backend('a', { weight: -1 }),
            backend('a', { weight: Number.NaN }),
            { id: 'c d', url: 'ftp://x', colour: 'red' },
          ],
          strategy: { type: 'fastest' },
          health: { path: 'up' },
        },
        'No Name': { backends: [{}] },
      },
      routes: [{ id: 'r', pool: 'api' }, { id: 'r' }],
      shards: { replicas: 3, regions: ['enam'] },
      extra: true,
    });
    expect(Object.keys(errors).sort()).toEqual(
      [
        'extra',
        'pools.web.backends[0].weight',
        'pools.web.backends[1].id',
        'pools.web.backends[1].weight',
        'pools.web.backends[2].colour',
        'pools.web.backends[2].id',
        'pools.web.backends[2].url',
        'pools.web.health.path',
        'pools.web.strategy.type',
        'pools["No Name"]',
        'pools["No Name"].backends[0].id',
        'pools["No Name"].backends[0].url',
        'routes[0].pool',
        'routes[1].id',
        'routes[1].pool',
        'shards.regions',
      ].sort(),
    );
    expect(errors.extra).toBe('unknown field');
    expect(errors['routes[1].pool']).toBe('required');
    expect(errors['pools.web.backends[1].id']).toBe('must be unique: pools.web.backends[0] has the same');
    expect(errors['pools.web.backends[1].weight']).toBe('must be a number, not NaN');
    expect(errors['pools.web.backends[0].weight']).toBe('must be at least 0');
    expect(errors['routes[0].pool']).toBe('no pool "api" exists');
  });

  it.each([
    [999, 'must be at least 1000'],
    [60_001, 'must be at most 60000'],
    [1_000.5, 'must be a whole number'],
    ['5s', 'must be a number'],
  ])('refuses a staleness bound of %s', (boundMs, message) => {
    const errors = errorsOf(document({}, {}, { staleness: { boundMs } }));
    expect(errors).toEqual({ 'staleness.boundMs': expect.stringContaining(message) });
  });

  it('names what is wrong with how a route caches', () => {
    const withCache = (cache: object) => document({}, { cache });
    const path = 'routes[0].cache';
    expect(errorsOf(withCache({ statusTtlSeconds: { '404': 10, '99': 1 } }))).toEqual({
      [`${path}.statusTtlSeconds.99`]: 'must be a final status, 200–599',
    });
    expect(errorsOf(withCache({ staleIfErrorSeconds: -1, defaultTtlSeconds: 0.5 }))).toMatchObject({
      [`${path}.staleIfErrorSeconds`]: 'must be at least 0',
      [`${path}.defaultTtlSeconds`]: expect.any(String),
    });
    expect(errorsOf(withCache({ targetedFields: ['A-CC', 'a-cc'] }))).toEqual({
      [`${path}.targetedFields[1]`]: 'must be named once: case does not matter',
    });
    expect(errorsOf(withCache({ key: { headers: ['X', 'x'], cookies: ['a b'] } }))).toMatchObject({
      [`${path}.key.headers[1]`]: 'must be named once: case does not matter',
      [`${path}.key.cookies[0]`]: expect.stringContaining('cookie name'),
    });
    for (const query of ['some', { include: [] }, { include: ['a'], exclude: ['b'] }, {}]) {
      expect(Object.keys(errorsOf(withCache({ key: { query } })))[0], JSON.stringify(query)).toContain(
        `${path}.key.query`,
      );
    }
  });

  it('takes every kind of key source, and names those that are none', () => {
    const withKeys = (...key: string[]) => document({ strategy: { type: 'maglev', key } });
    expect(errorsOf(withKeys('client-ip', 'path', 'url', 'query:user id', 'header:X-A', 'cookie:s'))).toEqual(
      {},
    );
    const bad = [
      'nonsense',
      'path:x',
      'query:',
      'query:a\nb',
      'header:a b',
      'header:',
      'cookie:a=b',
      'Cookie:a',
    ];
    // Eight at most.
    expect(Object.keys(errorsOf(withKeys(...bad)))).toEqual(
      bad.map((_, i) => `pools.web.strategy.key[${i}]`),
    );
    expect(errorsOf(withKeys(`query:${'x'.repeat(129)}`))).toEqual({
      'pools.web.strategy.key[0]': 'must name a query of 1–128 characters',
    });
  });

  describe('a split', () => {
    const withSplit = (split: unknown, more: object = {}) => ({
      pools: { web: pool(), api: pool() },
      routes: [{ id: 'r', split, ...more }],
    });
    const part = (name: string, weight: number) => ({ pool: name, weight });

    it('stands in for the pool, or leaves it the rest', () => {
      expect(errorsOf(withSplit([part('web', 1), part('api', 0)]))).toEqual({});
      expect(errorsOf(withSplit([part('api', 5)], { pool: 'web' }))).toEqual({});
      expect(errorsOf(withSplit([part('web', 33.3), part('api', 66.7)], { pool: 'web' }))).toEqual({});
    });

    it.each<[string, unknown]>([
      ['routes[0].split', withSplit([part('web', 60), part('api', 41)])],
      ['routes[0].split', withSplit([part('web', 60), part('api', 41)], { pool: 'web' })],
      ['routes[0].split', withSplit([part('web', 0), part('api', 0)])],
      ['routes[0].split', withSplit([], { pool: 'web' })],
      ['routes[0].split', withSplit({ web: 1 })],
      ['routes[0].split[1].pool', withSplit([part('web', 1), part('web', 1)])],
      ['routes[0].split[1].pool', withSplit([part('web', 1), part('none', 1)])],
      ['routes[0].split[0].weight', withSplit([part('web', -1), part('api', 1)])],
      ['routes[0].split[0].weight', withSplit([{ pool: 'web' }])],
      ['routes[0].split[0].share', withSplit([{ ...part('web', 1), share: 1 }])],
      ['routes[0].pool', withSplit(undefined)],
    ])('is refused for a bad %s and nothing else (%#)', (path, candidate) => {
      expect(Object.keys(errorsOf(candidate))).toEqual([path]);
    });
  });

  it('refuses fallback pools that are not there, or lead back', () => {
    const falling = (next: Record<string, string>) => ({
      pools: Object.fromEntries(
        ['a', 'b', 'c', 'd'].map((name) => [name, name in next ? { fallbackPool: next[name] } : {}]),
      ),
    });
    expect(errorsOf(falling({ a: 'b', b: 'c', d: 'c' }))).toEqual({});
    expect(errorsOf(falling({ a: 'a', b: 'none', c: 'constructor' }))).toEqual({
      'pools.a.fallbackPool': 'must be another pool',
      'pools.b.fallbackPool': 'no pool "none" exists',
      'pools.c.fallbackPool': 'no pool "constructor" exists',
    });
    // "a" leads into the circle and is no part of it.
    expect(errorsOf(falling({ a: 'b', b: 'c', c: 'd', d: 'b' }))).toEqual({
      'pools.b.fallbackPool': 'must not lead back: b → c → d → b',
      'pools.c.fallbackPool': 'must not lead back: b → c → d → b',
      'pools.d.fallbackPool': 'must not lead back: b → c → d → b',
    });
  });

  it.each<[string, unknown]>([
    ['pools.web.backends[0].url', document({ backends: [backend('a', { url: 'http://u:p@h/' })] })],
    ['pools.web.backends[0].url', document({ backends: [backend('a', { url: 'http://h/?x' })] })],
    ['pools.web.backends[0].weight', document({ backends: [backend('a', { weight: 1001 })] })],
    ['pools.web.backends[0].weight', document({ backends: [backend('a', { weight: '1' })] })],
    ['pools.web.backends[0].weight', document({ backends: [backend('a', { weight: Infinity })] })],
    ['pools.web.backends[0].state', document({ backends: [backend('a', { state: 'on' })] })],
    ['pools.web.backends[0].maxInFlight', document({ backends: [backend('a', { maxInFlight: -1 })] })],
    ['pools.web.backends[0].maxInFlight', document({ backends: [backend('a', { maxInFlight: 1.5 })] })],
    ['pools.web.backends[0].hostHeader', document({ backends: [backend('a', { hostHeader: 'a b' })] })],
    ['pools.web.strategy.maxShare', document({ strategy: { maxShare: 1 } })],
    ['pools.web.retry.attemptsMax', document({ retry: { attemptsMax: 0 } })],
    ['pools.web.health.expect.status[0]', document({ health: { path: '/', expect: { status: ['6xx'] } } })],
    ['pools.web.panic.threshold', document({ panic: { threshold: 1.1 } })],
    ['pools.web.panic.threshold', document({ panic: { threshold: -0.1 } })],
    ['pools.web.outlier.failureRatio', document({ outlier: { failureRatio: 1.1 } })],
    ['pools.web.outlier.minRequests', document({ outlier: { minRequests: 0 } })],
    ['pools.web.outlier.maxEjectedRatio', document({ outlier: { maxEjectedRatio: -0.1 } })],
    ['pools.web.outlier.baseEjectionMs', document({ outlier: { baseEjectionMs: 300_001 } })],
    ['pools.web.outlier.ejection', document({ outlier: { ejection: true } })],
    ['pools.web.health.rise', document({ health: { path: '/', rise: 0 } })],
    ['pools.web.health.vantages[0]', document({ health: { path: '/', vantages: ['moon'] } })],
    ['pools.web.health.vantages[2]', document({ health: { path: '/', vantages: ['oc', 'me', 'oc'] } })],
    ['pools.web.health.vantages', document({ health: { path: '/', vantages: 'weur' } })],
    [
      'pools.web.health.skipWhenTrafficProves',
      document({ health: { path: '/', skipWhenTrafficProves: true, vantages: ['weur', 'enam'] } }),
    ],
    [
      'pools.web.health.skipWhenTrafficProves',
      document({ health: { path: '/', skipWhenTrafficProves: 'yes' } }),
    ],
    ['pools.web.health.fall', document({ health: { path: '/', fall: 0 } })],
    ['pools.web.health.timeoutMs', document({ health: { path: '/', timeoutMs: 10_001 } })],
    ['pools.web.health.timeoutMs', document({ health: { path: '/', intervalMs: 100, timeoutMs: 101 } })],
    ['pools.web.health.fastIntervalMs', document({ health: { path: '/', fastIntervalMs: 10_001 } })],
    ['pools.web.health.jitterRatio', document({ health: { path: '/', jitterRatio: 0.6 } })],
    ['pools.web.health.expect.body', document({ health: { path: '/', expect: { body: '' } } })],
    [
      'pools.web.health.expect.body',
      document({ health: { path: '/', method: 'HEAD', expect: { body: 'ok' } } }),
    ],
    [
      'pools.web.health.expect.header.x-b',
      document({ health: { path: '/', expect: { header: { 'X-B': '1', 'x-b': '2' } } } }),
    ],
    [
      'pools.web.health.expect.header["x b"]',
      document({ health: { path: '/', expect: { header: { 'x b': '1' } } } }),
    ],
    ['pools.web.health.headers.host', document({ health: { path: '/', headers: { Host: 'a', host: 'b' } } })],
    ['pools.web.health.monitors[0]', document({ health: { path: '/', monitors: [{}] } })],
    ['pools.web.health.monitors[0].path', document({ health: { path: '/', monitors: [{ path: '//x y' }] } })],
    [
      'pools.web.health.monitors[0].path',
      document({ health: { path: '/', monitors: [{ path: 'http://other.example/' }] } }),
    ],
    [
      'pools.web.health.monitors[1].timeoutMs',
      document({
        health: { path: '/', intervalMs: 500, monitors: [{ path: '/a' }, { path: '/b', timeoutMs: 501 }] },
      }),
    ],
    [
      'pools.web.health.monitors[0].method',
      document({ health: { path: '/', expect: { body: 'ok' }, monitors: [{ method: 'HEAD' }] } }),
    ],
    ['pools.web.health.monitors[0].rise', document({ health: { path: '/', monitors: [{ rise: 1 }] } })],
    ['pools.web.health.headers.te', document({ health: { path: '/', headers: { te: 'x' } } })],
    ['routes[0].match.paths[0]', document({}, { match: { paths: ['api'] } })],
    ['routes[0].match.methods[0]', document({}, { match: { methods: ['a b'] } })],
    ['routes[0].match.hosts[0]', document({}, { match: { hosts: ['http://x'] } })],
    ['routes[0].request.trustedProxies[0]', document({}, { request: { trustedProxies: ['10.0.0.0/33'] } })],
    ['routes[0].request.setHeaders.Host', document({}, { request: { setHeaders: { Host: 'x' } } })],
    [
      'routes[0].request.setHeaders.Content-Length',
      document({}, { request: { setHeaders: { 'Content-Length': '1' } } }),
    ],
    [
      'routes[0].request.setHeaders.Upgrade',
      document({}, { request: { setHeaders: { Upgrade: 'websocket' } } }),
    ],
    ['routes[0].request.setHeaders.x-a', document({}, { request: { setHeaders: { 'x-a': 'a\r\nb: c' } } })],
    [
      'routes[0].request.setHeaders.x-a',
      document({}, { request: { setHeaders: { 'X-A': '1', 'x-a': '2' } } }),
    ],
    [
      'routes[0].request.setHeaders["bad name"]',
      document({}, { request: { setHeaders: { 'bad name': '' } } }),
    ],
    ['routes[0].request.removeHeaders[0]', document({}, { request: { removeHeaders: ['CDN-Loop'] } })],
    ['routes[0].request.stripPathPrefix', document({}, { request: { stripPathPrefix: 'api' } })],
    ['routes[0].request.stripPathPrefix', document({}, { request: { stripPathPrefix: '/a/%2E./b' } })],
    ['routes[0].request.addPathPrefix', document({}, { request: { addPathPrefix: '/../x' } })],
    ['routes[0].cache.maxObjectBytes', document({}, { cache: { maxObjectBytes: 26_214_401 } })],
    ['routes[0].id', document({}, { id: '' })],
    ['pools.web.affinity.type', document({ affinity: { type: 'header' } })],
    ['pools.web.affinity.name', document({ affinity: { name: 'a b' } })],
    ['pools.web.affinity.ttlSeconds', document({ affinity: { ttlSeconds: 0 } })],
    ['pools.web.affinity.ttlSeconds', document({ affinity: { ttlSeconds: 31_536_001 } })],
    ['pools.web.affinity.onUnavailable', document({ affinity: { onUnavailable: 'fail' } })],
    ['pools.web.affinity.epoch', document({ affinity: { epoch: 0.5 } })],
    ['pools.web.backends[0].priority', document({ backends: [backend('a', { priority: -1 })] })],
    ['pools.web.backends[0].priority', document({ backends: [backend('a', { priority: 0.5 })] })],
    ['pools.web.backends[0].region', document({ backends: [backend('a', { region: 'west europe' })] })],
    ['pools.web.strategy.boundedLoad', document({ strategy: { type: 'maglev', boundedLoad: 1.04 } })],
    ['pools.web.strategy.boundedLoad', document({ strategy: { type: 'maglev', boundedLoad: 4.1 } })],
    ['pools.web.strategy.boundedLoad', document({ strategy: { type: 'maglev', boundedLoad: '2' } })],
    [
      'pools.web.strategy.hotKeys.maxShare',
      document({ strategy: { type: 'maglev', hotKeys: { maxShare: 1 } } }),
    ],
    ['pools.web.strategy.hotKeys.maxShare', document({ strategy: { hotKeys: { maxShare: 1.25 } } })],
    ['pools.web.overprovisioning', document({ overprovisioning: 0.9 })],
    ['pools.web.preferRegion', document({ preferRegion: 'weur' })],
    ['pools.web.slowStart.windowMs', document({ slowStart: { windowMs: -1 } })],
    ['pools.web.slowStart.fromRatio', document({ slowStart: { fromRatio: 0 } })],
    ['pools.web.slowStart.fromRatio', document({ slowStart: { fromRatio: 1.5 } })],
    ['routes[0].mirror.pool', document({}, { mirror: { pool: 'none' } })],
    ['routes[0].mirror.pool', document({}, { mirror: {} })],
    ['routes[0].mirror.ratio', document({}, { mirror: { pool: 'web', ratio: 1.1 } })],
    ['routes[0].mirror.unsafeMethods', document({}, { mirror: { pool: 'web', unsafeMethods: 'POST' } })],
    ['shards.count', { shards: { count: 0 } }],
    ['shards.regions[0]', { shards: { replicas: 1, regions: ['mars'] } }],
    ['pools', { pools: [] }],
    ['', null],
    ['', [1]],
  ])('refuses a bad %s and nothing else', (path, candidate) => {
    expect(Object.keys(errorsOf(candidate))).toEqual([path]);
  });

  it.each([
    document({
      health: { path: '/up?deep=1', headers: { Host: 'h' }, expect: { status: ['204', '300-399'] } },
    }),
    document({}, { match: { hosts: ['*.example.com', '[::1]'], paths: ['/a/*', '*.png'], methods: ['P*'] } }),
    document({}, { request: { trustedProxies: ['10.0.0.0/8', '::1', '2001:db8::/32'] } }),
    document({
      health: {
        path: '/',
        expect: { status: ['2xx'], header: { 'X-Ready': 'yes' }, body: 'ok' },
        followRedirects: true,
        fastIntervalMs: 500,
        jitterRatio: 0,
        vantages: ['weur'],
        skipWhenTrafficProves: true,
        monitors: [{ path: '/db' }, { method: 'HEAD', expect: {} }],
      },
    }),
    document({}, { mirror: { pool: 'web', ratio: 0, unsafeMethods: true } }),
    document({ backends: [] }),
    document({ backends: [backend('a', { weight: 0 })] }),
    document({
      backends: [backend('a', { priority: 2, region: 'weur' }), backend('b', { region: 'EU' })],
      strategy: { type: 'rendezvous', boundedLoad: 1.05 },
      overprovisioning: 1,
      preferRegion: true,
      slowStart: { windowMs: 30_000, fromRatio: 1 },
    }),
    document({ strategy: { boundedLoad: 0 } }),
  ])('accepts what the reference allows (%#)', (candidate) => {
    expect(errorsOf(candidate)).toEqual({});
  });

  it.each([
    'round-robin',
    'random',
    'weighted-round-robin',
    'weighted-random',
    'first-available',
    'least-requests',
    'peak-ewma',
    undefined,
  ])('refuses a bound of the load where no key decides: %s', (type) => {
    expect(errorsOf(document({ strategy: { ...(type && { type }), boundedLoad: 1.25 } }))).toEqual({
      'pools.web.strategy.boundedLoad': `needs a strategy that hashes (consistent-hash, maglev, rendezvous), not ${type ?? 'round-robin'}`,
    });
  });

  it('says what a bound of the load may be', () => {
    const strategy = { type: 'consistent-hash', boundedLoad: 1 };
    expect(errorsOf(document({ strategy }))).toEqual({
      'pools.web.strategy.boundedLoad': 'must be 0 (off), or at least 1.05 and at most 4',
    });
  });

  it('fits a time-out that is not given into the interval', () => {
    const timeoutOf = (health: object) =>
      configOf(document({ health: { path: '/', ...health } })).pools.web?.health?.timeoutMs;
    expect([timeoutOf({}), timeoutOf({ intervalMs: 200 })]).toEqual([2_000, 200]);
    expect(timeoutOf({ intervalMs: 5_000, timeoutMs: 5_000 })).toBe(5_000);
  });

  it('fits a first ejection that is not given into the longest', () => {
    const outlier = (given: object) => configOf(document({ outlier: given })).pools.web?.outlier;
    expect(outlier({})).toMatchObject({ baseEjectionMs: 30_000, maxEjectionMs: 300_000 });
    expect(outlier({ maxEjectionMs: 500 })).toMatchObject({ baseEjectionMs: 500, maxEjectionMs: 500 });
  });

  it('refuses "__proto__" wherever it stands, and does not mistake it for a prototype', () => {
    const candidate = JSON.parse('{"__proto__":{"pools":{}},"pools":{"__proto__":{},"web":{"__proto__":1}}}');
    expect(Object.keys(errorsOf(candidate)).sort()).toEqual([
      '__proto__',
      'pools.__proto__',
      'pools.web.__proto__',
    ]);
  });

  it('does not take what every object inherits for a pool', () => {
    expect(errorsOf({ pools: {}, routes: [{ id: 'r', pool: 'constructor' }] })).toEqual({
      'routes[0].pool': 'no pool "constructor" exists',
    });
  });

  it('refuses nesting without bound instead of running out of stack', () => {
    const nested = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`);
    expect(errorsOf({ pools: nested })).toEqual({ '': 'must not nest deeper than 32' });
  });

  it('names at most a thousand of very many bad fields', () => {
    const backends = Array.from({ length: 5_000 }, (_, index) =>
      backend(`b${index}`, { weight: -1, colour: 1 }),
    );
    const pools = Object.fromEntries(Array.from({ length: 3 }, (_, index) => [`p${index}`, { backends }]));
    expect(Object.keys(errorsOf({ pools }))).toHaveLength(1_000);
  });

  it('never throws and never accepts without validating again to the same', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 6 }), (pools, routes) => {
        const parsed = parseConfig({ pools, routes });
        if (parsed.ok) expect(parseConfig(parsed.config)).toMatchObject({ ok: true, config: parsed.config });
        else expect(parsed.errors.length).toBeGreaterThan(0);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it('has a JSON Schema in which only what has no default is required', () => {
    const schema = configJsonSchema() as {
      required?: string[];
      properties: { routes: { items: { required: string[]; additionalProperties: boolean } } };
    };
    expect(schema.required).toBeUndefined();
    expect(schema.properties.routes.items.required).toEqual(['id']);
    expect(schema.properties.routes.items.additionalProperties).toBe(false);
  });
});
