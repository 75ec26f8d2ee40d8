// What chooses a pool and what sticks to a backend, on the wire: the origins' ledgers tell who was asked.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { RunningOrigin } from '../../origin-mock/start-origin.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Ask, askEdge, unusedPort } from './ask-edge.ts';

let product: Product;

let closedPort: number;

beforeAll(async () => {
  closedPort = await unusedPort();
  product = await startProduct({
    mocks: 4,
    edges: 2,
    config: configFor,
    env: { ROUNDEL_AFFINITY_SECRET: 'of-the-test' },
  });
});
afterAll(() => product?.stop());
beforeEach(() => {
  for (const origin of product.origins) origin.reset();
});

const NAMES = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof NAMES)[number];

function configFor(origins: readonly RunningOrigin[]): ConfigDocument {
  const backend = (name: Name) => ({ id: name, url: origins[NAMES.indexOf(name)]?.url ?? '' });
  const keyed = { strategy: { key: ['header:X-User'] } };
  const health = {
    path: '/health',
    intervalMs: 1_000,
    timeoutMs: 1_000,
    rise: 1,
    fall: 1,
    fastIntervalMs: 50,
  };
  const pinning = (onUnavailable: 'temporary' | 'sticky' | 'none') => ({
    backends: [backend('a'), backend('b')],
    affinity: { type: 'cookie' as const, name: 'sid', onUnavailable },
    retry: { attemptsMax: 1 },
  });
  return {
    pools: {
      stable: { backends: [backend('a')], ...keyed },
      canary: { backends: [backend('b')], ...keyed },
      frail: { backends: [backend('a')], health, fallbackPool: 'middle' },
      middle: { backends: [{ ...backend('b'), state: 'disabled' }], fallbackPool: 'spare' },
      spare: { backends: [backend('c')] },
      echo: { backends: [backend('d')], timeouts: { attemptMs: 1_000 } },
      sticky: pinning('sticky'),
      temporary: pinning('temporary'),
      lone: pinning('none'),
      gone: { backends: [{ id: 'nobody', url: `http://127.0.0.1:${closedPort}` }] },
    },
    routes: [
      {
        id: 'split',
        match: { hosts: ['split.test'] },
        pool: 'stable',
        split: [{ pool: 'canary', weight: 20 }],
      },
      { id: 'frail', match: { hosts: ['frail.test'] }, pool: 'frail' },
      { id: 'mirrored', match: { hosts: ['mirrored.test'] }, pool: 'spare', mirror: { pool: 'echo' } },
      {
        id: 'all-mirrored',
        match: { hosts: ['all-mirrored.test'] },
        pool: 'spare',
        mirror: { pool: 'echo', unsafeMethods: true },
        cache: { enabled: true },
      },
      {
        id: 'half-mirrored',
        match: { hosts: ['half-mirrored.test'] },
        pool: 'spare',
        mirror: { pool: 'echo', ratio: 0.5 },
      },
      ...(['sticky', 'temporary', 'lone'] as const).map((name) => ({
        id: name,
        match: { hosts: [`${name}.test`] },
        pool: name,
        cache: { enabled: name === 'temporary' },
        response: { exposeBackend: true },
      })),
      { id: 'lost', match: { hosts: ['lost.test'] }, pool: 'spare', mirror: { pool: 'gone' } },
    ],
    shards: { count: 1, replicas: 1 },
  };
}

const ask = (host: string, what?: Ask, edge = 0) => askEdge(product.urls[edge] ?? '', host, what);

function origin(name: Name): RunningOrigin {
  const found = product.origins[NAMES.indexOf(name)];
  if (!found) throw new Error(`There is no origin ${name}`);
  return found;
}

/** How many requests each origin got, probes apart. */
const asked = () =>
  NAMES.map(
    (name) =>
      origin(name)
        .ledger.entries()
        .filter(({ target }) => target !== '/health').length,
  );

interface Explained {
  readonly pool: string;
  readonly poolPath: readonly { readonly pool: string; readonly reason: string }[];
  readonly chosen: string;
}

async function explain(host: string, headers: Record<string, string> = {}): Promise<Explained> {
  const json = { url: `http://${host}/`, headers, clientIp: '192.0.2.1' };
  return (await product.admin('/v1/explain', { method: 'POST', json })).json() as Promise<Explained>;
}

interface Told {
  readonly type: string;
  readonly subject: string;
  readonly detail: Record<string, unknown>;
}

/** The newest that has this in its detail, once there is one. */
const eventOf = (type: string, subject: string, detail: Record<string, unknown> = {}): Promise<Told> =>
  waitUntil(
    async () => {
      const { events } = (await (await product.admin('/v1/events')).json()) as { events: Told[] };
      const isMeant = (told: Told) =>
        told.type === type &&
        told.subject === subject &&
        Object.entries(detail).every(([name, value]) => told.detail[name] === value);
      return events.find(isMeant);
    },
    { what: `an event "${type}" about ${subject}` },
  );

describe('a split', () => {
  it('gives a pool its share of the keys, the same keys at every edge, and explains it', async () => {
    const users = Array.from({ length: 150 }, (_, i) => `user-${i}`);
    const poolsOf = async (edge: number) => {
      const [, before = 0] = asked();
      const canary: string[] = [];
      for (const user of users) {
        const [, already] = asked();
        await ask('split.test', { headers: { 'X-User': user } }, edge);
        if (asked()[1] !== already) canary.push(user);
      }
      expect(canary).toHaveLength((asked()[1] ?? 0) - before);
      return canary;
    };
    const canary = await poolsOf(0);
    // 20 % of 150: five deviations of √(150 · 0.2 · 0.8) = 4.9.
    expect(Math.abs(canary.length - 30)).toBeLessThan(25);
    expect(await poolsOf(1)).toEqual(canary);
    for (const user of users.slice(0, 10)) {
      const { pool, poolPath } = await explain('split.test', { 'X-User': user });
      expect(pool).toBe(canary.includes(user) ? 'canary' : 'stable');
      expect(poolPath).toEqual([{ pool, reason: 'split' }]);
    }
  });

  it('keeps its pools from being removed', async () => {
    const removed = await product.admin('/v1/pools/canary', { method: 'DELETE' });
    expect(removed.status).toBe(422);
    expect(((await removed.json()) as { errors: { path: string }[] }).errors.map(({ path }) => path)).toEqual(
      ['routes[0].split[0].pool'],
    );
  });
});

describe('a fallback pool', () => {
  it('takes over from pools without a healthy backend, tells so, and hands back', async () => {
    await ask('frail.test');
    expect(asked()).toEqual([1, 0, 0, 0]);
    origin('a').script({ on: '/health', answer: '503' });
    await waitUntil(async () => (await explain('frail.test')).pool === 'spare');
    for (const one of product.origins) one.ledger.clear();
    for (let i = 0; i < 5; i++) expect((await ask('frail.test')).status).toBe(200);
    expect(asked()).toEqual([0, 0, 5, 0]);
    expect((await explain('frail.test')).poolPath).toEqual([
      { pool: 'frail', reason: 'route' },
      { pool: 'middle', reason: 'fallback' },
      { pool: 'spare', reason: 'fallback' },
    ]);
    const { detail } = await eventOf('pool-fell-back', 'frail', { to: 'spare', route: 'frail' });
    expect(detail.path).toEqual(['frail', 'middle', 'spare']);

    origin('a').reset();
    await waitUntil(async () => (await explain('frail.test')).pool === 'frail');
    await ask('frail.test');
    expect(asked()).toEqual([1, 0, 5, 0]);
  });
});

describe('a mirror', () => {
  const arrived = (count: number) =>
    waitUntil(() => origin('d').ledger.entries().length >= count, { what: `${count} copies` });
  const mark = ['Roundel-Mirror', 'X-Mark'];

  it('gets a marked copy of the request, and the client the answer of its own pool', async () => {
    origin('d').script({ answer: '500\n\nnot for you' });
    const headers = { 'X-Mark': 'm', 'Roundel-Mirror': 'claimed' };
    const { status, body } = await ask('mirrored.test', { path: '/x?y=1', headers });
    expect([status, body.toString()]).not.toEqual([500, 'not for you']);
    await arrived(1);
    expect(origin('d').ledger.wire({ fields: mark })).toEqual(['GET /x?y=1\nX-Mark: m\nroundel-mirror: 1']);
    expect(origin('c').ledger.wire({ fields: mark })).toEqual(['GET /x?y=1\nX-Mark: m']);
  });

  it('neither delays nor fails anybody when it is slow or dead', async () => {
    origin('d').script({ latency: { type: 'fixed', ms: 5_000 } });
    const startedAt = performance.now();
    for (const host of ['mirrored.test', 'lost.test']) {
      for (let i = 0; i < 10; i++) expect((await ask(host)).status).toBe(200);
    }
    // Each of them would wait for its copy for a second.
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(asked()[2]).toBe(20);
    expect(
      origin('d')
        .ledger.entries()
        .every(({ outcome }) => outcome !== 'answered'),
    ).toBe(true);
  });

  it('gets nothing that may change something, unless that is asked for', async () => {
    const body = 'x'.repeat(1_000);
    expect((await ask('mirrored.test', { method: 'POST', body })).status).toBe(200);
    expect((await ask('all-mirrored.test', { method: 'POST', path: '/all', body })).status).toBe(200);
    await arrived(1);
    const bodies = (name: Name) =>
      origin(name)
        .ledger.entries()
        .map(({ method, target, bodyBytes, fields }) => ({
          what: `${method} ${target}`,
          bodyBytes,
          length: fields.find(([field]) => field.toLowerCase() === 'content-length')?.[1],
        }));
    await waitUntil(() => bodies('d').every(({ bodyBytes }) => bodyBytes === 1_000));
    expect(bodies('d')).toEqual([{ what: 'POST /all', bodyBytes: 1_000, length: '1000' }]);
    expect(bodies('c')).toEqual([
      { what: 'POST /', bodyBytes: 1_000, length: '1000' },
      { what: 'POST /all', bodyBytes: 1_000, length: '1000' },
    ]);
  });

  it('gets no long bodies, and says so', async () => {
    const body = 'x'.repeat(65_537);
    expect((await ask('all-mirrored.test', { method: 'POST', path: '/long', body })).status).toBe(200);
    expect(
      (await ask('all-mirrored.test', { method: 'POST', path: '/chunked', body: ['a', 'b'] })).status,
    ).toBe(200);
    expect(
      origin('c')
        .ledger.entries()
        .map(({ bodyBytes }) => bodyBytes),
    ).toEqual([65_537, 2]);
    await eventOf('mirror-skipped', 'echo', { reason: 'too-large', route: 'all-mirrored' });
    expect(asked()[3]).toBe(0);
  });

  it('gets its ratio of the requests', async () => {
    for (let i = 0; i < 60; i++) await ask('half-mirrored.test');
    await ask('mirrored.test', { path: '/last' });
    await waitUntil(() => origin('d').ledger.entries({ on: '/last' }).length === 1);
    const copies = origin('d').ledger.entries({ on: '/' }).length;
    // Half of 60: five deviations of √(60 / 4) = 3.9.
    expect(Math.abs(copies - 30)).toBeLessThan(20);
  });

  it('gets nothing of what the cache answers', async () => {
    origin('c').script({ on: '/kept', answer: '200\nCache-Control: max-age=60\n\nkept' });
    await ask('all-mirrored.test', { path: '/kept' });
    await waitUntil(async () =>
      (await ask('all-mirrored.test', { path: '/kept' })).headers['cache-status']?.includes('hit'),
    );
    const sent = origin('c').ledger.entries({ on: '/kept' }).length;
    await arrived(sent);
    expect(origin('d').ledger.entries({ on: '/kept' })).toHaveLength(sent);
  });

  it('that hangs is not sent more and more', async () => {
    origin('d').script({ latency: { type: 'fixed', ms: 5_000 } });
    const answers = await Promise.all(Array.from({ length: 130 }, () => ask('mirrored.test')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    await eventOf('mirror-skipped', 'echo', { reason: 'too-many' });
    expect(asked()[3]).toBeLessThanOrEqual(100);
    // Given up after a second, it gets copies again.
    origin('d').reset();
    await waitUntil(async () => {
      await ask('mirrored.test');
      return (asked()[3] ?? 0) > 0;
    });
  });
});

describe('affinity', () => {
  type Pinning = 'sticky' | 'temporary' | 'lone';

  async function visit(pool: Pinning, cookie = '', { path = '/', edge = 0 } = {}) {
    const headers = cookie === '' ? {} : { Cookie: cookie };
    const answer = await ask(`${pool}.test`, { path, headers }, edge);
    const given = answer.headers['set-cookie']?.find((line) => line.startsWith('sid='));
    return {
      ...answer,
      backend: String(answer.headers['roundel-backend'] ?? '').split('/')[1] ?? '',
      /** As a client sends it back; '' when none was given. */
      cookie: given?.split(';')[0] ?? '',
    };
  }

  async function setState(pool: Pinning, backend: string, call: 'drain' | 'disable' | 'enable') {
    const path = `/v1/pools/${pool}/backends/${backend}/${call}`;
    const { version } = (await (await product.admin(path, { method: 'POST' })).json()) as { version: number };
    for (const edge of [0, 1]) {
      await waitUntil(async () => {
        const json = { url: `http://${pool}.test/` };
        const explained = await product.admin('/v1/explain', { method: 'POST', json, edge });
        return ((await explained.json()) as { configVersion: number }).configVersion >= version;
      });
    }
  }

  it('keeps a client with its backend, at every edge, and tells the origin nothing of it', async () => {
    const first = await visit('sticky');
    expect(first.headers['set-cookie']?.[0]).toMatch(
      /^sid=[\w.-]{60,}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/,
    );
    expect(first.headers['cache-control']).toMatch(/\bprivate\b/);
    for (let i = 0; i < 6; i++) {
      const next = await visit('sticky', `x=1; ${first.cookie}; y=2`, { path: '/again', edge: i % 2 });
      expect([next.backend, next.cookie]).toEqual([first.backend, '']);
    }
    const seen = product.origins.flatMap((one) => one.ledger.wire({ on: '/again', fields: ['Cookie'] }));
    expect(seen).toEqual(Array.from({ length: 6 }, () => 'GET /again\nCookie: x=1; y=2'));
    const { candidates } = (await explain('sticky.test', { Cookie: first.cookie })) as unknown as {
      candidates: { backend: string; reason: string }[];
    };
    expect(candidates.find(({ backend }) => backend === first.backend)?.reason).toBe('pinned');
  });

  it('ignores and replaces a cookie that was tampered with, or is of another pool', async () => {
    const { cookie } = await visit('sticky');
    const changed = cookie.slice(0, -1) + (cookie.endsWith('A') ? 'B' : 'A');
    expect((await visit('sticky', changed)).cookie).toMatch(/^sid=/);
    expect((await visit('temporary', cookie)).cookie).toMatch(/^sid=/);
    expect((await visit('sticky', cookie)).cookie).toBe('');
  });

  it('outlasts draining; once disabled, a backend loses its clients, or `none` refuses them', async () => {
    const pools = ['temporary', 'sticky', 'lone'] as const;
    await Promise.all(
      pools.map(async (pool) => {
        const { backend, cookie } = await visit(pool);
        await setState(pool, backend, 'drain');
        for (let i = 0; i < 4; i++) {
          expect((await visit(pool, cookie)).backend).toBe(backend);
          expect((await visit(pool)).backend).not.toBe(backend);
        }
        await setState(pool, backend, 'disable');
        const moved = await visit(pool, cookie);
        if (pool === 'lone') {
          expect(moved.status).toBe(503);
          expect(JSON.parse(moved.body.toString()).type).toBe('urn:roundel:problem:no-backend');
        } else {
          expect([moved.backend === backend, moved.cookie]).toEqual([false, expect.stringMatching(/^sid=/)]);
          expect((await visit(pool, moved.cookie)).backend).toBe(moved.backend);
        }
        await setState(pool, backend, 'enable');
      }),
    );
  });

  it.each([
    ['temporary', 'will come back', false],
    ['sticky', 'stays where it went', true],
  ] as const)('%s: a client of an ejected backend %s', async (pool, _what, isRepinned) => {
    const { backend, cookie } = await visit(pool);
    const origin = product.origins[NAMES.indexOf(backend as Name)];
    origin?.script({ on: '/broken', answer: '503' });
    // Five gateway errors in a row take a backend out.
    for (let i = 0; i < 5; i++) expect((await visit(pool, cookie, { path: '/broken' })).status).toBe(503);
    const away = await visit(pool, cookie, { path: '/away' });
    expect([away.status, away.backend === backend, away.cookie !== '']).toEqual([200, false, isRepinned]);
  });

  it('stays out of what the cache keeps', async () => {
    for (const one of product.origins) {
      one.script({ on: '/cached', answer: '200\nCache-Control: max-age=60\n\nshared' });
    }
    const first = await visit('temporary', '', { path: '/cached' });
    expect(first.cookie).not.toBe('');
    const hit = await waitUntil(async () => {
      const next = await visit('temporary', '', { path: '/cached' });
      return next.headers['cache-status']?.includes('; hit') ? next : null;
    });
    expect(hit.headers['set-cookie']).toBeUndefined();
    expect(hit.headers['cache-control']).toBe('max-age=60');
  });

  it('is revoked by another epoch', async () => {
    const { cookie } = await visit('sticky');
    const json = { affinity: { epoch: 1 } };
    const patched = await product.admin('/v1/pools/sticky', { method: 'PATCH', json });
    expect(patched.status).toBe(200);
    await waitUntil(async () => (await visit('sticky', cookie)).cookie !== '');
  });

  it('is off, and says so, at an edge whose secret is gone; none is configured without it', async () => {
    await product.kill9();
    const bare = await startProduct({ stateDir: product.stateDir });
    try {
      const { status, headers } = await askEdge(bare.url, 'sticky.test');
      expect([status, headers['set-cookie']]).toEqual([200, undefined]);
      await waitUntil(async () => {
        const { events } = (await (await bare.admin('/v1/events')).json()) as { events: Told[] };
        return events.some(({ type, subject }) => type === 'affinity-off' && subject === 'sticky');
      });
      const pools = { web: { affinity: { type: 'cookie' } }, api: {} };
      for (const path of ['/v1/config', '/v1/config?dryRun=1']) {
        const refused = await bare.admin(path, { method: 'PUT', json: { pools } });
        const { errors } = (await refused.json()) as { errors: { path: string; message: string }[] };
        expect(errors).toEqual([
          {
            path: 'pools.web.affinity.type',
            message: 'needs the secret ROUNDEL_AFFINITY_SECRET, which is not set',
          },
        ]);
      }
    } finally {
      await bare.stop();
    }
  });
});
