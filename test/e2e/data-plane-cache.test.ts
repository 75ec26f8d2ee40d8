// The cache in the path of requests, on plain workerd with three replicas a shard: what is stored, what is served and
// how often origins were asked, by their ledgers.
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import { seededRandom } from '../../core/random.ts';
import type { RunningOrigin } from '../../origin-mock/start-origin.ts';
import { type Product, startProduct, TEST_ADMIN_TOKEN } from '../support/product.ts';
import { openRaw, rawExchange } from '../support/raw-http.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Ask, askEdge, problemOf } from './ask-edge.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct({ mocks: 2, edges: 2, config: configFor });
});
afterAll(() => product?.stop());
beforeEach(() => {
  for (const origin of product.origins) origin.reset();
});

function configFor(origins: readonly RunningOrigin[]): ConfigDocument {
  const backends = origins.map(({ url }, i) => ({ id: 'ab'[i] ?? '', url }));
  const cached = { enabled: true, maxObjectBytes: 600_000 };
  return {
    pools: {
      web: { backends: backends.slice(0, 1), timeouts: { totalMs: 3_000, attemptMs: 1_500 } },
      both: { backends },
      patient: { backends: backends.slice(0, 1) },
      once: { backends: backends.slice(0, 1), retry: { attemptsMax: 1 } },
    },
    routes: [
      { id: 'plain', match: { hosts: ['plain.test'] }, pool: 'web' },
      {
        id: 'cached',
        match: { hosts: ['cached.test'] },
        pool: 'web',
        cache: cached,
        response: { exposeBackend: true },
      },
      {
        id: 'keyed',
        match: { hosts: ['keyed.test'] },
        pool: 'web',
        cache: {
          ...cached,
          maxObjectBytes: 4_000_000,
          exposeKey: true,
          key: { query: { exclude: ['utm'] }, headers: ['X-Currency'] },
        },
      },
      ...(['linearizable', 'session'] as const).map((consistency) => ({
        id: consistency,
        match: { hosts: [`${consistency}.test`] },
        pool: 'web',
        cache: { ...cached, consistency },
      })),
      { id: 'once', match: { hosts: ['once.test'] }, pool: 'once', cache: cached },
      { id: 'slow', match: { hosts: ['slow.test'] }, pool: 'patient', cache: cached },
      { id: 'changes', match: { hosts: ['split.test'], methods: ['POST'] }, pool: 'web' },
      { id: 'reads', match: { hosts: ['split.test'] }, pool: 'web', cache: cached },
    ],
    shards: { count: 2, replicas: 3 },
  };
}

const ask = (host: string, what?: Ask, edge = 0) => askEdge(product.urls[edge] ?? '', host, what);

function origin(): RunningOrigin {
  const [first] = product.origins;
  if (!first) throw new Error('There is no origin');
  return first;
}

const fetches = (on = '*') => origin().ledger.wire({ on }).length;

/** A path that no other test uses. */
let paths = 0;
const newPath = (name: string) => `/${name}/${++paths}`;

describe('a response that says how long it is fresh', () => {
  it('is fetched once and then answered from the shard, with its age', async () => {
    const path = newPath('fresh');
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\nX-Own: 1\n\nhello' });
    const first = await ask('cached.test', { path });
    expect(first.headers['cache-status']).toBe('Roundel; fwd=uri-miss; fwd-status=200; stored');
    expect(first.headers.age).toBeUndefined();
    expect(first.headers['roundel-backend']).toBe('web/a');
    // Asked right behind the first: the fill may still be under way, and is waited for.
    const second = await ask('cached.test', { path });
    expect(second.headers['cache-status']).toMatch(/^Roundel; hit; ttl=\d+(?:; collapsed)?$/);
    expect(second.headers.age).toMatch(/^\d+$/);
    expect(second.headers['x-own']).toBe('1');
    expect([second.status, second.body.toString()]).toEqual([200, 'hello']);
    expect(second.headers.via).toMatch(/^1\.1 /);
    expect(fetches()).toBe(1);
  });

  it('is found by every edge', async () => {
    const path = newPath('fresh');
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\n\nhello' });
    await ask('cached.test', { path }, 0);
    expect((await ask('cached.test', { path }, 1)).headers['cache-status']).toMatch(/; hit/);
    expect(fetches()).toBe(1);
  });

  it('answers HEAD, and conditions of clients', async () => {
    const path = newPath('fresh');
    origin().script({
      on: path,
      conditional: false,
      answer: '200\nCache-Control: max-age=600\nETag: "v1"\n\nhello',
    });
    await ask('cached.test', { path });
    const head = await ask('cached.test', { path, method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '5', 0]);
    const same = await ask('cached.test', { path, headers: { 'if-none-match': 'W/"v0", "v1"' } });
    expect([same.status, same.headers.etag, same.body.length]).toEqual([304, '"v1"', 0]);
    const other = await ask('cached.test', { path, headers: { 'if-none-match': '"v0"' } });
    expect([other.status, other.body.toString()]).toEqual([200, 'hello']);
    expect(fetches()).toBe(1);
  });

  it('is renewed by a HEAD that agrees, and made stale by one that does not', async () => {
    const path = newPath('head');
    const answer = (tag: string, more = '') =>
      `200\nCache-Control: max-age=600${more}\nETag: "${tag}"\n\nhello`;
    origin().script(
      { on: `GET ${path}`, times: 1, answer: answer('v1').replace('600', '0') },
      { on: `HEAD ${path}`, times: 1, conditional: false, answer: answer('v1', '\nX-Own: renewed') },
      { on: `HEAD ${path}`, conditional: false, answer: answer('v2') },
      { on: `GET ${path}`, answer: answer('v2') },
    );
    const no = { 'cache-control': 'no-cache' };
    await ask('cached.test', { path });
    const head = () => ask('cached.test', { path, method: 'HEAD', headers: no });
    await waitUntil(
      async () =>
        (await ask('cached.test', { path, headers: { 'cache-control': 'only-if-cached, max-stale' } }))
          .status === 200,
    );
    await head();
    await waitUntil(async () => {
      const again = await ask('cached.test', { path, headers: { 'cache-control': 'only-if-cached' } });
      return (
        again.status === 200 && again.headers['x-own'] === 'renewed' && again.body.toString() === 'hello'
      );
    });
    expect(fetches(`GET ${path}`)).toBe(1);
    await head();
    await waitUntil(async () => {
      const again = await ask('cached.test', { path, headers: { 'cache-control': 'only-if-cached' } });
      return again.status === 504;
    });
    expect((await ask('cached.test', { path })).headers.etag).toBe('"v2"');
  });

  it('is fetched once for many who ask at the same time', async () => {
    const path = newPath('fresh');
    origin().script({
      on: path,
      latency: { type: 'fixed', ms: 50 },
      answer: '200\nCache-Control: max-age=600\n\nhello',
    });
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => ask('cached.test', { path }, i % 2)),
    );
    expect(answers.every(({ status, body }) => status === 200 && body.toString() === 'hello')).toBe(true);
    expect(fetches()).toBe(1);
  });

  it.each([0, 65_536, 300_000, 600_000])('of %i bytes comes back whole', async (bytes) => {
    const path = newPath('fresh');
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600', bodyBytes: bytes });
    const first = await ask('cached.test', { path });
    const second = await ask('cached.test', { path });
    expect(second.headers['cache-status']).toMatch(/; hit/);
    expect(second.headers['content-length']).toBe(String(bytes));
    expect(second.body.length).toBe(bytes);
    expect(second.body.equals(first.body)).toBe(true);
    expect(fetches()).toBe(1);
  });

  it('of unknown length is stored too', async () => {
    const path = newPath('fresh');
    origin().script({
      on: path,
      answer: '200\nCache-Control: max-age=600',
      bodyBytes: 100_000,
      framing: 'chunked',
    });
    await ask('cached.test', { path });
    const second = await ask('cached.test', { path });
    expect(second.headers['cache-status']).toMatch(/; hit/);
    expect(second.body.length).toBe(100_000);
  });

  it.each(['length', 'chunked'] as const)(
    'over the limit (%s) passes through and is not stored',
    async (framing) => {
      const path = newPath('big');
      origin().script({ on: path, answer: '200\nCache-Control: max-age=600', bodyBytes: 600_001, framing });
      for (let i = 0; i < 2; i++) {
        const { body, headers } = await ask('cached.test', { path });
        expect(body.length).toBe(600_001);
        expect(headers['cache-status']).not.toMatch(/; hit/);
      }
      expect(fetches()).toBe(2);
    },
  );

  it('differs by the fields that Vary names', async () => {
    const path = newPath('vary');
    origin().script(
      { on: path, when: ['X-Kind: a'], answer: '200\nCache-Control: max-age=600\nVary: X-Kind\n\nkind a' },
      { on: path, answer: '200\nCache-Control: max-age=600\nVary: X-Kind\n\nother' },
    );
    const get = async (kind: string) =>
      (await ask('cached.test', { path, headers: { 'x-kind': kind } })).body.toString();
    expect([await get('a'), await get('b'), await get('a'), await get('b')]).toEqual([
      'kind a',
      'other',
      'kind a',
      'other',
    ]);
    expect(fetches()).toBe(2);
  });

  it('is chosen by the origin among all variants, by its tag, where none answers by itself', async () => {
    const path = newPath('vary');
    const variant = (name: string) => ({
      on: path,
      when: [`X-Kind: ${name}`],
      answer: `200\nCache-Control: max-age=600\nVary: X-Kind\nETag: "${name}"\n\n${name}`,
    });
    origin().script(variant('one'));
    origin().script(variant('two'));
    const kind = (name: string, edge = 0) => ask('cached.test', { path, headers: { 'x-kind': name } }, edge);
    for (const name of ['one', 'two']) await kind(name);
    await waitUntil(async () => String((await kind('two')).headers['cache-status']).includes('; hit'));
    origin().reset();
    origin().script({ on: path, answer: '304\nETag: "one"\nCache-Control: max-age=600\nVary: X-Kind' });
    const third = await kind('three', 1);
    expect([third.status, third.body.toString()]).toEqual([200, 'one']);
    expect(third.headers['cache-status']).toBe('Roundel; fwd=vary-miss; fwd-status=304; stored');
    const [asked] = origin().ledger.wire({ on: path, fields: ['if-none-match'] });
    expect(asked).toMatch(/if-none-match: "(?:one|two)", "(?:one|two)"/i);
    await waitUntil(async () => String((await kind('three')).headers['cache-status']).includes('; hit'));
  });

  it('keeps the query as part of its key, byte for byte', async () => {
    const path = newPath('query');
    origin().script({ on: `${path}*`, answer: '200\nCache-Control: max-age=600\n\nx' });
    for (const query of ['', '?', '?a', '?a=', '?%61', '?a'])
      await ask('cached.test', { path: `${path}${query}` });
    expect(origin().ledger.wire().length).toBe(5);
  });
});

describe('a response that may not be stored', () => {
  it.each([
    ['nothing about freshness', '200\n\nx'],
    ['private', '200\nCache-Control: private, max-age=600\n\nx'],
    ['no-store', '200\nCache-Control: No-Store, max-age=600\n\nx'],
    ['Vary: *', '200\nCache-Control: max-age=600\nVary: *\n\nx'],
    ['206', '206\nCache-Control: max-age=600\nContent-Range: bytes 0-0/9\n\nx'],
  ])('(%s) is fetched each time, and says why', async (_name, answer) => {
    const path = newPath('unstored');
    origin().script({ on: path, answer });
    for (let i = 0; i < 2; i++) {
      const { headers } = await ask('cached.test', { path });
      expect(headers['cache-status']).toMatch(/^Roundel; fwd=\S+; .*detail=/);
      expect(headers['cache-status']).not.toContain('stored;');
    }
    expect(fetches()).toBe(2);
  });

  it('because it answered a request with credentials is not given to others', async () => {
    const path = newPath('secret');
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\n\nmine' });
    await ask('cached.test', { path, headers: { authorization: 'Basic x' } });
    await ask('cached.test', { path });
    expect(fetches()).toBe(2);
  });

  it.each(['short-body', 'reset-mid-body', 'stall-mid-body'] as const)(
    'because it came in half (%s) is never served',
    async (fault) => {
      const path = newPath('half');
      origin().script({
        on: path,
        times: 1,
        fault,
        answer: '200\nCache-Control: max-age=600',
        bodyBytes: 90_000,
      });
      origin().script({ on: path, answer: '200\nCache-Control: max-age=600\n\nwhole' });
      await expect(ask('cached.test', { path })).rejects.toThrow();
      expect((await ask('cached.test', { path })).body.toString()).toBe('whole');
    },
  );

  it('because it broke off at any boundary of chunks is never served', async () => {
    const cuts = [1, 16_384, 65_535, 65_536, 131_072, 262_144, 262_145, 1_048_575, 1_048_576, 2_097_152];
    const kinds = cuts.flatMap((cut) =>
      (['short-body', 'reset-mid-body'] as const).flatMap((fault) =>
        (['length', 'chunked'] as const).map((framing) => ({ cut, fault, framing })),
      ),
    );
    const answer = '200\nCache-Control: max-age=600';
    await Promise.all(
      kinds.map(async ({ cut, fault, framing }) => {
        const path = newPath('cut');
        const broken = { fault, framing, faultAfterBytes: cut, bodyBytes: cut + 1 };
        // A short one that breaks off is asked for again by itself.
        origin().script({ on: path, times: 2, answer, ...broken });
        origin().script({ on: path, answer: `${answer}\n\nwhole` });
        for (let i = 0; i < 3; i++) {
          const got = await ask('keyed.test', { path }).catch(() => null);
          if (got?.status === 200) expect([path, got.body.toString()]).toEqual([path, 'whole']);
        }
      }),
    );
  });

  it('does not make those wait who ask at the same time', async () => {
    const path = newPath('unstored');
    origin().script({ on: path, answer: '200\nCache-Control: no-store\n\nx' });
    await ask('cached.test', { path });
    origin().reset();
    // Less than anybody waits for another's fetch (1 s).
    const latency = { type: 'fixed', ms: 800 } as const;
    origin().script({ on: path, answer: '200\nCache-Control: no-store\n\nx', latency });
    const answers = Array.from({ length: 20 }, () => ask('cached.test', { path }));
    const arrived = await waitUntil(() => {
      const entries = origin().ledger.entries({ on: path });
      return entries.length === 20 ? entries.map(({ outcome }) => outcome) : null;
    });
    expect(new Set(arrived)).toEqual(new Set(['pending']));
    await Promise.all(answers);
  });
});

describe('a stored response that must be confirmed', () => {
  it('is confirmed by its validator and renewed', async () => {
    const path = newPath('stale');
    origin().script({ on: path, answer: '200\nCache-Control: no-cache\nETag: "v1"\n\nhello' });
    await ask('cached.test', { path });
    const second = await ask('cached.test', { path });
    expect(second.headers['cache-status']).toMatch(/^Roundel; fwd=\S+; fwd-status=304/);
    expect([second.status, second.body.toString()]).toEqual([200, 'hello']);
    expect(origin().ledger.wire({ fields: ['if-none-match'] })).toEqual([
      `GET ${path}`,
      `GET ${path}\nIf-None-Match: "v1"`,
    ]);
  });

  it('of many bytes is whole when it is confirmed, and afterwards', async () => {
    const path = newPath('stale');
    const answer = '200\nCache-Control: max-age=600\nETag: "v1"';
    origin().script(
      { on: path, times: 1, answer: answer.replace('600', '30\nAge: 40'), bodyBytes: 600_000 },
      { on: path, answer, bodyBytes: 600_000 },
    );
    const first = await ask('cached.test', { path });
    const confirmed = await ask('cached.test', { path });
    expect(confirmed.headers['cache-status']).toContain('fwd-status=304; stored');
    const renewed = await waitUntil(async () => {
      const one = await ask('cached.test', { path });
      return String(one.headers['cache-status']).includes('; hit') ? one : null;
    });
    for (const { body } of [confirmed, renewed]) expect(body.equals(first.body)).toBe(true);
    expect(fetches(path)).toBe(2);
  });

  it('is replaced when the origin has another', async () => {
    const path = newPath('stale');
    origin().script({ on: path, times: 1, answer: '200\nCache-Control: max-age=0\nETag: "v1"\n\nold' });
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\nETag: "v2"\n\nnew' });
    await ask('cached.test', { path });
    expect((await ask('cached.test', { path })).body.toString()).toBe('new');
    expect((await ask('cached.test', { path })).headers['cache-status']).toMatch(/; hit/);
    expect(fetches()).toBe(2);
  });

  it('is not served without it: 504 cannot-revalidate', async () => {
    const path = newPath('stale');
    origin().script({
      on: path,
      times: 1,
      answer: '200\nCache-Control: max-age=0, must-revalidate\nETag: "v1"\n\nold',
    });
    origin().script({ on: path, fault: 'reset' });
    await ask('cached.test', { path });
    expect(await problemOf(ask('cached.test', { path }))).toMatchObject({
      status: 504,
      code: 'cannot-revalidate',
    });
  });

  it('gives way to an error that the origin answers', async () => {
    const path = newPath('stale');
    origin().script({ on: path, times: 1, answer: '200\nCache-Control: no-cache\nETag: "v1"\n\nold' });
    origin().script({ on: path, answer: '500\n\nbroken' });
    await ask('cached.test', { path });
    expect((await ask('cached.test', { path })).status).toBe(500);
  });
});

describe('requests', () => {
  it('for stored responses only get 504 where there is none, and the origin hears nothing', async () => {
    const path = newPath('only');
    const headers = { 'cache-control': 'only-if-cached' };
    expect(await problemOf(ask('cached.test', { path, headers }))).toMatchObject({
      status: 504,
      code: 'not-cached',
    });
    expect(fetches()).toBe(0);
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\n\nhello' });
    await ask('cached.test', { path });
    expect((await ask('cached.test', { path, headers })).headers['cache-status']).toMatch(/; hit/);
    expect(fetches()).toBe(1);
  });

  it('with other methods pass the cache by and say so', async () => {
    const { headers } = await ask('cached.test', { path: newPath('post'), method: 'POST', body: 'x' });
    expect(headers['cache-status']).toMatch(/^Roundel; fwd=method; fwd-status=200/);
    expect((await ask('plain.test')).headers['cache-status']).toBeUndefined();
  });

  it('with a body in a GET pass the cache by', async () => {
    const path = newPath('fat');
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\n\nhello' });
    const fat = { path, headers: { 'content-length': '3' }, body: 'abc' };
    expect((await ask('cached.test', fat)).headers['cache-status']).toMatch(/fwd=bypass/);
    await ask('cached.test', { path });
    expect(fetches()).toBe(2);
  });

  it('that come together are each answered with its own, also where clients leave whose requests carry others', async () => {
    const pages = [5, 60_000, 100_000, 400_000].map((bodyBytes) => ({
      path: newPath('together'),
      bodyBytes,
    }));
    for (const { path, bodyBytes } of pages) {
      const answer = `200\nCache-Control: max-age=600\nX-Own: ${path}`;
      origin().script({ on: path, answer, bodyBytes });
      await ask('linearizable.test', { path });
    }
    const leave = async (path: string) => {
      const client = await openRaw(product.url);
      client.send(`GET ${path} HTTP/1.1\r\nHost: linearizable.test\r\n\r\n`);
      client.reset();
    };
    let hits = 0;
    for (let round = 0; round < 20; round++) {
      const left = pages.map(({ path }) => leave(path));
      const asked = [...pages, ...pages, ...pages].map(async ({ path, bodyBytes }) => {
        const { status, headers, body } = await ask('linearizable.test', { path });
        expect([status, headers['x-own'], body.length]).toEqual([200, path, bodyBytes]);
        if (String(headers['cache-status']).includes('; hit')) hits++;
      });
      await Promise.all([...asked, ...left]);
    }
    // Whoever was forgotten with a request that left would have gone to the origin after a second.
    expect(hits).toBeGreaterThan(20 * 12 - 8);
  });

  it('whose client leaves still fill the cache', async () => {
    const path = newPath('left');
    origin().script({
      on: path,
      answer: '200\nCache-Control: max-age=600',
      bodyBytes: 200_000,
      chunkBytes: 20_000,
      chunkIntervalMs: 20,
    });
    const client = await openRaw(product.url);
    client.send(`GET ${path} HTTP/1.1\r\nHost: cached.test\r\n\r\n`);
    await client.until('200 OK');
    client.destroy();
    await waitUntil(
      async () => String((await ask('cached.test', { path })).headers['cache-status']).includes('; hit'),
      {
        what: 'the response that nobody waited for',
      },
    );
    expect((await ask('cached.test', { path })).body.length).toBe(200_000);
    expect(fetches()).toBe(1);
  });
});

describe('requests that wait for another', () => {
  const hits = (answers: readonly { headers: Record<string, unknown> }[]): number =>
    answers.filter(({ headers }) => String(headers['cache-status']).endsWith('; collapsed')).length;
  const many = (count: number, path: string, headers = {}, host = 'cached.test') =>
    Promise.all(Array.from({ length: count }, (_, i) => ask(host, { path, headers }, i % 2)));

  it('two thousand at once at two edges make one fetch', async () => {
    const path = newPath('herd');
    const latency = { type: 'fixed', ms: 300 } as const;
    origin().script({ on: path, latency, answer: '200\nCache-Control: max-age=600\n\nhello' });
    const answers = await many(2_000, path);
    expect(answers.every(({ status, body }) => status === 200 && body.toString() === 'hello')).toBe(true);
    expect(fetches()).toBe(1);
    expect(hits(answers)).toBeGreaterThan(100);
  });

  describe('in one isolate', () => {
    const slowly = { chunkBytes: 60_000, chunkIntervalMs: 400, bodyBytes: 300_000 };
    const answer = '200\nCache-Control: max-age=600';
    const begin = async (path: string, host = 'cached.test') => {
      const client = await openRaw(product.url);
      client.send(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      return client;
    };
    const underWay = (path: string) => origin().ledger.entries({ on: path })[0]?.outcome === 'pending';

    it.each(['length', 'chunked'] as const)('get it as it comes, and whole (%s)', async (framing) => {
      const path = newPath('along');
      origin().script({ on: path, answer, framing, ...slowly });
      const holder = ask('cached.test', { path });
      await waitUntil(() => fetches(path) === 1);
      const others = Array.from({ length: 5 }, () => ask('cached.test', { path }));
      const eager = await begin(path);
      await waitUntil(() => eager.received().length > 20_000);
      expect(underWay(path)).toBe(true);
      eager.destroy();
      const { body } = await holder;
      expect(body.length).toBe(300_000);
      for (const other of await Promise.all(others)) {
        expect(other.headers['cache-status']).toMatch(/^Roundel; hit; ttl=\d+; collapsed$/);
        expect(other.body.equals(body)).toBe(true);
      }
      expect(fetches(path)).toBe(1);
    });

    it.each(['short-body', 'reset-mid-body'] as const)('get no more of it than came (%s)', async (fault) => {
      const path = newPath('along');
      origin().script({ on: path, answer, fault, faultAfterBytes: 200_000, ...slowly });
      const holder = ask('cached.test', { path });
      await waitUntil(() => fetches(path) === 1);
      const others = Array.from({ length: 5 }, () => ask('cached.test', { path }));
      const all = await Promise.allSettled([holder, ...others]);
      expect(all.map(({ status }) => status)).toEqual(Array(6).fill('rejected'));
      expect(fetches(path)).toBe(1);
    });

    it('do not hang by a client that reads nothing of what it has fetched', async () => {
      const path = newPath('along');
      const bodyBytes = 3_900_000;
      origin().script({ on: path, answer, bodyBytes, chunkBytes: 300_000, chunkIntervalMs: 20 });
      const { hostname, port } = new URL(product.url);
      const holder = connect(Number(port), hostname);
      holder.write(`GET ${path} HTTP/1.1\r\nHost: keyed.test\r\n\r\n`);
      await waitUntil(() => fetches(path) === 1);
      const others = await many(6, path, {}, 'keyed.test');
      expect(others.map(({ body }) => body.length)).toEqual(Array(6).fill(bodyBytes));
      expect(fetches(path)).toBe(1);
      holder.destroy();
    });

    it('do not join what a purge has overtaken, though it goes on', async () => {
      const path = newPath('along');
      origin().script({ on: path, times: 1, answer, ...slowly, bodyBytes: 600_000 });
      origin().script({ on: path, answer: `${answer}\n\nnew` });
      const holder = ask('cached.test', { path });
      await waitUntil(() => fetches(path) === 1);
      const before = await begin(path);
      await waitUntil(() => before.received().length > 20_000);
      const json = { urls: [`http://cached.test${path}`] };
      // At the other edge: this one hears nothing of it.
      expect((await product.admin('/v1/purge', { method: 'POST', json, edge: 1 })).status).toBe(200);
      expect((await ask('cached.test', { path })).body.toString()).toBe('new');
      expect(underWay(path)).toBe(true);
      expect((await holder).body.length).toBe(600_000);
      expect((await before.end()).received.length).toBeGreaterThan(600_000);
    });

    it('are all served, whenever the clients leave that fetch', async () => {
      const random = seededRandom(20_261_127);
      const below = (max: number) => Math.floor(random.next() * max);
      const runs = Array.from({ length: 24 }, async () => {
        const path = newPath('leavers');
        const bodyBytes = 40_000 + below(300_000);
        const framing = random.next() < 0.5 ? 'chunked' : 'length';
        const latency = { type: 'fixed', ms: below(60) } as const;
        const chunks = { bodyBytes, chunkBytes: 20_000, chunkIntervalMs: 15 };
        origin().script({ on: path, answer, framing, latency, ...chunks });
        const leavesAfter = below(bodyBytes);
        const holder = await begin(path);
        await waitUntil(() => fetches(path) === 1);
        const others = Array.from({ length: 8 }, () => ask('cached.test', { path }));
        if (leavesAfter > 20_000) await waitUntil(() => holder.received().length >= leavesAfter);
        holder.reset();
        for (const { status, body } of await Promise.all(others)) {
          expect([path, status, body.length]).toEqual([path, 200, bodyBytes]);
        }
      });
      await Promise.all(runs);
      // Where the machine is too busy for the shard to answer in time, somebody goes to the origin past it.
      expect(fetches('/leavers/*')).toBeLessThan(24 * 2);
    });
  });

  it('wait as long as it makes progress, also when its own client leaves before the head', async () => {
    const path = newPath('slow');
    origin().script({
      on: path,
      latency: { type: 'fixed', ms: 2_000 },
      answer: '200\nCache-Control: max-age=600',
      bodyBytes: 300_000,
      chunkBytes: 60_000,
      chunkIntervalMs: 700,
    });
    const leaver = await openRaw(product.url);
    leaver.send(`GET ${path} HTTP/1.1\r\nHost: slow.test\r\n\r\n`);
    await waitUntil(() => fetches() === 1);
    leaver.reset();
    const answers = await many(12, path, {}, 'slow.test');
    expect(answers.map(({ body }) => body.length)).toEqual(Array(12).fill(300_000));
    expect([fetches(), hits(answers)]).toEqual([1, 12]);
  });

  it('share a confirmation', async () => {
    const path = newPath('confirm');
    const answer = '200\nCache-Control: max-age=600\nETag: "v1"\n\nhello';
    origin().script({ on: path, times: 1, answer: answer.replace('600', '1') });
    origin().script({ on: path, answer, latency: { type: 'fixed', ms: 300 } });
    await ask('cached.test', { path });
    await waitUntil(
      async () => Number((await ask('cached.test', { path })).headers.age) >= 1 || fetches() > 1,
    );
    const asked = fetches();
    expect((await many(20, path)).every(({ body }) => body.toString() === 'hello')).toBe(true);
    expect(fetches() - asked).toBeLessThanOrEqual(1);
  });

  it('go themselves where they get another variant, and where it fails', async () => {
    const path = newPath('variants');
    const head = '200\nCache-Control: max-age=600\nVary: X-Kind\n\n';
    const latency = { type: 'fixed', ms: 300 } as const;
    origin().script(
      { on: path, when: ['X-Kind: a'], latency, answer: `${head}a` },
      { on: path, latency, answer: `${head}b` },
    );
    const first = ask('cached.test', { path, headers: { 'x-kind': 'a' } });
    await waitUntil(() => fetches() === 1);
    const others = await many(6, path, { 'x-kind': 'b' });
    expect(others.map(({ body }) => body.toString())).toEqual(Array(6).fill('b'));
    expect((await first).body.toString()).toBe('a');

    const failing = newPath('failing');
    origin().script({ on: failing, times: 1, latency, answer: '503' });
    origin().script({ on: failing, answer: '200\nCache-Control: max-age=600\n\nhello' });
    const failed = ask('cached.test', { path: failing });
    await waitUntil(() => fetches(failing) === 1);
    expect((await many(6, failing)).map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect((await failed).status).toBe(503);
  });
});

describe('a change', () => {
  it.each(['cached.test', 'split.test'])(
    'at %s removes what is stored of its URL before it is answered',
    async (host) => {
      const path = newPath('changed');
      origin().script({ on: `GET ${path}`, times: 1, answer: '200\nCache-Control: max-age=600\n\nold' });
      origin().script({ on: `GET ${path}`, answer: '200\nCache-Control: max-age=600\n\nnew' });
      await ask(host, { path });
      expect((await ask(host, { path })).body.toString()).toBe('old');
      await ask(host, { path, method: 'POST', body: 'x' });
      // A member that has not heard of it yet may answer the other edge within the bound.
      await waitUntil(async () => (await ask(host, { path }, 1)).body.toString() === 'new');
    },
  );

  it('that fails removes nothing', async () => {
    const path = newPath('changed');
    origin().script({ on: `GET ${path}`, answer: '200\nCache-Control: max-age=600\n\nold' });
    origin().script({ on: `POST ${path}`, answer: '500' });
    await ask('cached.test', { path });
    await ask('cached.test', { path, method: 'POST', body: 'x' });
    expect((await ask('cached.test', { path })).headers['cache-status']).toMatch(/; hit/);
    expect(fetches(`GET ${path}`)).toBe(1);
  });

  it('overtakes a fetch that began before it', async () => {
    const path = newPath('changed');
    origin().script({
      on: `GET ${path}`,
      times: 1,
      answer: '200\nCache-Control: max-age=600\n\nold',
      latency: { type: 'fixed', ms: 400 },
    });
    origin().script({ on: `GET ${path}`, answer: '200\nCache-Control: max-age=600\n\nnew' });
    const slow = ask('cached.test', { path });
    await waitUntil(() => fetches(`GET ${path}`) === 1);
    await ask('cached.test', { path, method: 'POST', body: 'x' });
    expect((await slow).body.toString()).toBe('old');
    expect((await ask('cached.test', { path })).body.toString()).toBe('new');
    expect((await ask('cached.test', { path }, 1)).body.toString()).toBe('new');
  });

  it('that is answered with what its URL shows now stores that', async () => {
    const path = newPath('posted');
    const shown = (text: string) => `200\nCache-Control: max-age=600\nContent-Location: ${path}\n\n${text}`;
    origin().script({ on: `GET ${path}`, answer: '200\nCache-Control: max-age=600\n\nold' });
    origin().script({ on: `POST ${path}`, answer: shown('posted') });
    await ask('cached.test', { path });
    const change = await ask('cached.test', { path, method: 'POST', body: 'x' });
    expect(change.body.toString()).toBe('posted');
    expect(change.headers['cache-status']).toBe('Roundel; fwd=method; fwd-status=200; stored');
    const after = await ask('cached.test', { path });
    expect([after.status, after.body.toString()]).toEqual([200, 'posted']);
    expect(after.headers['cache-status']).toMatch(/^Roundel; hit/);
    expect(fetches(`GET ${path}`)).toBe(1);
  });

  it('that a later one has overtaken stores nothing', async () => {
    const path = newPath('posted');
    const shown = (text: string) => `200\nCache-Control: max-age=600\nContent-Location: ${path}\n\n${text}`;
    const latency = { type: 'fixed', ms: 600 } as const;
    origin().script({ on: `GET ${path}`, answer: '200\nCache-Control: max-age=600\n\nlast' });
    origin().script({ on: `POST ${path}`, times: 1, answer: shown('first'), latency });
    origin().script({ on: `POST ${path}`, answer: '204' });
    const slow = ask('cached.test', { path, method: 'POST', body: 'x' });
    await waitUntil(() => fetches(`POST ${path}`) === 1);
    await ask('cached.test', { path, method: 'POST', body: 'y' });
    const first = await slow;
    expect(first.headers['cache-status']).toBe('Roundel; fwd=method; fwd-status=200');
    expect((await ask('cached.test', { path })).body.toString()).toBe('last');
  });

  it('that names cache groups removes their members at every URL of its origin, and no others', async () => {
    const path = newPath('group');
    const grouped = '200\nCache-Control: max-age=600\nCache-Groups: "a b", "c"\n\nx';
    origin().script({ on: `GET ${path}/in`, answer: grouped });
    origin().script({ on: `GET ${path}/out`, answer: grouped.replace('a b', 'd') });
    origin().script({ on: `POST ${path}`, answer: '200\nCache-Group-Invalidation: "a b"' });
    origin().script({ on: `GET ${path}`, answer: '200\nCache-Group-Invalidation: "c"' });
    for (const host of ['cached.test', 'keyed.test'])
      for (const name of ['in', 'out']) await ask(host, { path: `${path}/${name}` });
    await ask('cached.test', { path });
    await ask('cached.test', { path, method: 'POST', body: 'x' });
    expect((await ask('cached.test', { path: `${path}/in` })).headers['cache-status']).not.toMatch(/; hit/);
    expect((await ask('cached.test', { path: `${path}/out` })).headers['cache-status']).toMatch(/; hit/);
    expect((await ask('keyed.test', { path: `${path}/in` })).headers['cache-status']).toMatch(/; hit/);
  });

  it('of a tag purges the responses that carry it', async () => {
    const path = newPath('tag');
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\nCache-Tag: one, two words\n\nx' });
    await ask('cached.test', { path });
    const purge = (tag: string) => product.admin('/v1/purge', { method: 'POST', json: { tags: [tag] } });
    expect((await purge('two')).status).toBe(200);
    expect((await ask('cached.test', { path })).headers['cache-status']).toMatch(/; hit/);
    expect((await purge('two words')).status).toBe(200);
    expect((await ask('cached.test', { path })).headers['cache-status']).not.toMatch(/; hit/);
  });

  it('of the configuration at one edge governs the other within two seconds', async () => {
    const changed = await product.admin('/v1/config', { method: 'PATCH', json: { pools: { spare: {} } } });
    expect(changed.status).toBe(200);
    const document = ((await (await product.admin('/v1/config')).json()) as { config: ConfigDocument })
      .config;
    const routes = [{ id: 'late', match: { hosts: ['late.test'] }, pool: 'web' }, ...(document.routes ?? [])];
    const startedAt = performance.now();
    await product.admin('/v1/config', { method: 'PATCH', json: { routes } });
    await waitUntil(async () => (await ask('late.test', {}, 1)).status === 200, { timeoutMs: 4_000 });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

describe('a purge that was made elsewhere', () => {
  const purgeAt = async (edge: number, host: string, path: string, guarantee = 'committed') => {
    const response = await fetch(`${product.urls[edge]}/_roundel/v1/purge`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TEST_ADMIN_TOKEN}` },
      body: JSON.stringify({ urls: [`http://${host}${path}`], guarantee }),
    });
    expect(response.status).toBe(200);
    return response.headers.get('roundel-bookmark') ?? '';
  };
  const storeThrice = async (host: string, path: string) => {
    origin().script({ on: path, times: 1, answer: '200\nCache-Control: max-age=600\n\nold' });
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\n\nnew' });
    for (let i = 0; i < 3; i++) expect((await ask(host, { path })).body.toString()).toBe('old');
  };

  it('is seen at once by linearizable reads', async () => {
    const path = newPath('linearizable');
    await storeThrice('linearizable.test', path);
    await purgeAt(1, 'linearizable.test', path);
    expect((await ask('linearizable.test', { path })).body.toString()).toBe('new');
  });

  it('is seen at once by the session that knows of it, which is told what it has seen', async () => {
    const path = newPath('session');
    await storeThrice('session.test', path);
    const bookmark = await purgeAt(1, 'session.test', path);
    const answer = await ask('session.test', { path, headers: { 'roundel-bookmark': bookmark } });
    expect(answer.body.toString()).toBe('new');
    expect(String(answer.headers['roundel-bookmark'])).toMatch(/^b1\.\S+$/);
    const sent = origin().ledger.wire({ on: path, fields: ['roundel-bookmark'] });
    expect(sent.join()).not.toContain('b1.');
  });

  it('is seen by all others once a strict purge is answered, within what the bound is and was', async () => {
    const path = newPath('bounded');
    await storeThrice('cached.test', path);
    const answer = await product.admin('/v1/config');
    const { routes = [] } = ((await answer.json()) as { config: ConfigDocument }).config;
    const marker = { id: 'marker', match: { hosts: ['marker.test'] }, pool: 'web' };
    const change = { staleness: { boundMs: 1_000 }, routes: [marker, ...routes] };
    expect((await product.admin('/v1/config', { method: 'PATCH', json: change })).status).toBe(200);
    await waitUntil(async () => (await ask('marker.test', {})).status === 200, { timeoutMs: 4_000 });
    // An edge that knows the bound tells it to the shards that it asks.
    await purgeAt(0, 'cached.test', path);
    expect((await ask('cached.test', { path })).body.toString()).toBe('new');
    const strictly = async () => {
      const startedAt = performance.now();
      await purgeAt(1, 'cached.test', path, 'strict');
      expect((await ask('cached.test', { path })).body.toString()).toBe('new');
      return performance.now() - startedAt;
    };
    // The bound is lower already, but what was read before goes by the old one.
    expect(await strictly()).toBeGreaterThan(5_355);
    const tookMs = await strictly();
    expect(tookMs).toBeGreaterThan(1_271);
    expect(tookMs).toBeLessThan(5_355);
  });

  it('is seen at once where it was made', async () => {
    const path = newPath('own');
    await storeThrice('cached.test', path);
    await purgeAt(0, 'cached.test', path);
    expect((await ask('cached.test', { path })).body.toString()).toBe('new');
  });
});

describe('a hard purge', () => {
  const BODY = 'old';
  const strictly = async (selection: object) => {
    const json = { ...selection, guarantee: 'strict' };
    expect((await product.admin('/v1/purge', { method: 'POST', json })).status).toBe(200);
  };

  // While it is made, a refresh in the background is bringing back what was there; both edges remember it.
  it.each<[string, (path: string, tag: string) => object]>([
    ['a URL', (path) => ({ urls: ['fresh', 'window'].map((name) => `http://cached.test${path}/${name}`) })],
    ['a tag', (_path, tag) => ({ tags: [tag] })],
    ['a prefix', (path) => ({ prefixes: [`http://cached.test${path}/`] })],
    ['everything', () => ({ all: true })],
  ])('of %s leaves nothing older, not even for when the origin fails', async (_what, selection) => {
    const path = newPath('gone');
    const tag = path.replaceAll('/', '-');
    const [fresh, inWindow] = [`${path}/fresh`, `${path}/window`];
    const said = (control: string, more = '') =>
      `200\nCache-Control: ${control}, stale-if-error=86400\n${more}ETag: "1"\nCache-Tag: ${tag}\n\n${BODY}`;
    const latency = { type: 'fixed', ms: 1_000 } as const;
    origin().script(
      { on: fresh, times: 1, answer: said('max-age=600') },
      { on: inWindow, times: 1, answer: said('max-age=30, stale-while-revalidate=600', 'Age: 40\n') },
      { on: inWindow, times: 1, answer: said('max-age=600'), latency, conditional: false },
      { on: `${path}/*`, fault: 'reset' },
    );
    for (const edge of [0, 1]) {
      for (const one of [fresh, inWindow, fresh]) {
        expect((await ask('cached.test', { path: one }, edge)).body.toString()).toBe(BODY);
      }
    }
    await waitUntil(
      () => fetches(inWindow) === 2 || ask('cached.test', { path: inWindow }).then(() => false),
    );
    const refresh = () => origin().ledger.entries({ on: inWindow })[1]?.outcome;
    expect(refresh()).toBe('pending');
    await strictly(selection(path, tag));
    const lookEverywhere = async () => {
      for (const edge of [0, 1]) {
        for (const one of [fresh, inWindow]) {
          const { status, body } = await ask('cached.test', { path: one }, edge);
          expect([one, edge, status >= 500, body.toString() === BODY]).toEqual([one, edge, true, false]);
        }
      }
    };
    await lookEverywhere();
    await waitUntil(() => refresh() === 'answered');
    await lookEverywhere();
  });
});

describe('a part of a stored response', () => {
  it.each([
    ['inline', 5_000, [1_000, 1_999]],
    ['over a boundary of chunks', 2_500_000, [1_048_570, 1_048_590]],
    ['at the end of the last chunk', 2_500_000, [2_499_990, 2_499_999]],
    ['of more than a chunk', 2_500_000, [500_000, 2_200_000]],
  ])('%s comes from the shard, byte for byte', async (_where, bodyBytes, [first, last]) => {
    const path = newPath('range');
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\nETag: "r"', bodyBytes });
    const { body: all } = await ask('keyed.test', { path });
    const headers = { range: `bytes=${first}-${last}`, 'if-range': '"r"' };
    const part = async () => {
      const answer = await ask('keyed.test', { path, headers });
      return answer.status === 206 && String(answer.headers['cache-status']).includes('hit') ? answer : null;
    };
    const answer = await waitUntil(part, { timeoutMs: 5_000 });
    expect(answer?.headers['content-range']).toBe(`bytes ${first}-${last}/${bodyBytes}`);
    expect(answer?.headers['content-length']).toBe(String((last ?? 0) - (first ?? 0) + 1));
    expect(answer?.body.equals(all.subarray(first, (last ?? 0) + 1))).toBe(true);
    expect(all.byteLength).toBe(bodyBytes);
  });

  it.each([5_000, 2_500_000])(
    'of %i bytes: several at once are wrapped, none at all is 416',
    async (bodyBytes) => {
      const path = newPath('range');
      origin().script({
        on: path,
        answer: '200\nCache-Control: max-age=600\nContent-Type: text/x',
        bodyBytes,
      });
      const { body: all } = await ask('keyed.test', { path });
      await ask('keyed.test', { path });
      const several = await ask('keyed.test', { path, headers: { range: 'bytes=10-19,0-4' } });
      const [, boundary] =
        /^multipart\/byteranges; boundary=([\w-]+)$/.exec(String(several.headers['content-type'])) ?? [];
      const part = (from: number, to: number) =>
        `\r\n--${boundary}\r\nContent-Type: text/x\r\nContent-Range: bytes ${from}-${to}/${bodyBytes}\r\n\r\n` +
        all.subarray(from, to + 1).toString('latin1');
      expect(several.status).toBe(206);
      expect(several.body.toString('latin1')).toBe(`${part(10, 19)}${part(0, 4)}\r\n--${boundary}--\r\n`);
      const none = await ask('keyed.test', { path, headers: { range: `bytes=${bodyBytes}-` } });
      expect([none.status, none.headers['content-range']]).toEqual([416, `bytes */${bodyBytes}`]);
      expect(fetches(path)).toBe(1);
    },
  );
});

describe('a part that an origin sent', () => {
  /** The origin's answer to a request for these bytes of `whole`. */
  const part = (path: string, whole: string, first: number, last: number | '') => ({
    on: path,
    when: [`Range: bytes=${first}-${last}`],
    answer:
      `206\nCache-Control: max-age=600\nETag: "p"\n` +
      `Content-Range: bytes ${first}-${last || whole.length - 1}/${whole.length}\n\n` +
      whole.slice(first, last === '' ? whole.length : last + 1),
  });
  const get = (path: string, range?: string, edge = 0) =>
    ask('keyed.test', { path, headers: range === undefined ? {} : { range: `bytes=${range}` } }, edge);
  const isHit = async (path: string, range?: string, edge = 0) => {
    const answer = await get(path, range, edge);
    return String(answer.headers['cache-status']).includes('; hit') ? answer : null;
  };

  it('answers for what it holds, at every edge, and for no more', async () => {
    const path = newPath('part');
    origin().script(part(path, '0123456789', 4, 9));
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\n\n0123456789' });
    const first = await get(path, '4-9');
    expect([first.status, first.body.toString()]).toEqual([206, '456789']);
    expect(first.headers['cache-status']).toMatch(/^Roundel; fwd=uri-miss; fwd-status=206; stored/);
    const inside = await waitUntil(() => isHit(path, '6-7', 1));
    expect([inside.status, inside.body.toString(), inside.headers['content-range']]).toEqual([
      206,
      '67',
      'bytes 6-7/10',
    ]);
    expect(fetches(path)).toBe(1);
    const whole = await get(path);
    expect([whole.status, whole.body.toString()]).toEqual([200, '0123456789']);
    expect(whole.headers['cache-status']).toMatch(/^Roundel; fwd=partial; fwd-status=200; stored/);
  });

  it.each([
    ['short', 10, 5],
    ['a beginning in chunks and a short rest', 700_000, 650_000],
    ['a short beginning and a long rest', 1_400_000, 200_000],
  ])('is completed by the rest: %s', async (_what, bytes, firstBytes) => {
    const path = newPath('part');
    const whole = Array.from({ length: bytes / 10 }, (_, i) => String(i).padStart(10, '.')).join('');
    origin().script(part(path, whole, 0, firstBytes - 1));
    await get(path, `0-${firstBytes - 1}`);
    await waitUntil(() => isHit(path, '0-1'));
    const rest = part(path, whole, firstBytes, '');
    origin().script({ ...rest, when: [...rest.when, 'If-Range: "p"'] });
    const completed = await get(path);
    expect([completed.status, completed.headers['content-length']]).toEqual([200, String(bytes)]);
    expect(completed.headers['content-range']).toBeUndefined();
    expect(completed.headers['cache-status']).toMatch(
      /^Roundel; fwd=partial; fwd-status=206; stored; key="[^"]+"$/,
    );
    expect(completed.body.toString() === whole).toBe(true);
    const again = await waitUntil(() => isHit(path));
    expect([again.status, again.body.toString() === whole]).toEqual([200, true]);
    expect(fetches(path)).toBe(2);
  });

  it.each(['short-body', 'reset-mid-body'] as const)(
    'is no whole where the rest breaks off: %s',
    async (fault) => {
      const path = newPath('part');
      const whole = '0123456789'.repeat(20_000);
      origin().script(part(path, whole, 0, 4));
      await get(path, '0-4');
      await waitUntil(() => isHit(path, '0-4'));
      origin().script({ ...part(path, whole, 5, ''), times: 1, fault, faultAfterBytes: 150_000 });
      await expect(get(path)).rejects.toThrow();
      origin().script(part(path, whole, 5, ''));
      expect((await get(path)).body.toString() === whole).toBe(true);
    },
  );

  it('that does not fit the other gives way to the whole', async () => {
    const path = newPath('part');
    origin().script(part(path, '0123456789', 0, 4));
    await get(path, '0-4');
    await waitUntil(() => isHit(path, '0-4'));
    const rest = part(path, 'abcdefghij', 5, '');
    origin().script({ ...rest, answer: rest.answer.replace('"p"', '"q"') });
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\nETag: "q"\n\nabcdefghij' });
    const got = await get(path);
    expect([got.status, got.body.toString()]).toEqual([200, 'abcdefghij']);
    expect(fetches(path)).toBe(3);
  });

  it('grows by what adjoins it, until it is whole', async () => {
    const path = newPath('part');
    const whole = '0123456789'.repeat(60_000);
    origin().script(part(path, whole, 0, 299_999));
    origin().script(part(path, whole, 300_000, 599_999));
    await get(path, '0-299999');
    await waitUntil(() => isHit(path, '0-1'));
    const second = await get(path, '300000-599999');
    expect(second.headers['cache-status']).toMatch(/fwd=partial; fwd-status=206; stored/);
    expect((await waitUntil(() => isHit(path, '299990-300009'))).body.toString()).toBe(
      '01234567890123456789',
    );
    const all = await waitUntil(() => isHit(path));
    expect([all.status, all.body.toString() === whole]).toEqual([200, true]);
    expect(fetches(path)).toBe(2);
  });

  it('without a validator is asked on, but not where one request is all', async () => {
    for (const [host, range] of [
      ['cached.test', 'range: bytes=5-'],
      ['once.test', ''],
    ] as const) {
      const path = newPath('part');
      const { answer, ...beginning } = part(path, '0123456789', 0, 4);
      origin().script({ ...beginning, answer: answer.replace('ETag: "p"\n', '') });
      origin().script({ on: path, answer: '200\nCache-Control: max-age=600\n\n0123456789' });
      await ask(host, { path, headers: { range: 'bytes=0-4' } });
      await waitUntil(async () => {
        const again = await ask(host, { path, headers: { range: 'bytes=0-4' } });
        return String(again.headers['cache-status']).includes('; hit');
      });
      expect((await ask(host, { path })).body.toString()).toBe('0123456789');
      const [, second] = origin().ledger.wire({ on: path, fields: ['range'] });
      expect(second?.toLowerCase().split('\n')[1] ?? '').toBe(range);
    }
  });

  it('is waited for by nobody', async () => {
    const path = newPath('part');
    const latency = { type: 'fixed', ms: 800 } as const;
    const ranges = ['0-1', '2-3', '4-5'];
    origin().script({ ...part(path, '0123456789', 0, 1), when: [], latency });
    const answers = [...ranges.map((range) => get(path, range)), get(path)];
    await waitUntil(() => origin().ledger.entries({ on: path }).length === 4);
    expect(
      new Set(
        origin()
          .ledger.entries({ on: path })
          .map(({ outcome }) => outcome),
      ),
    ).toEqual(new Set(['pending']));
    await Promise.all(answers);
  });
});

describe('a stale response inside its window', () => {
  // Older on arrival than it is fresh: nobody has to wait for it to grow stale.
  const stale = (body: string) =>
    `200\nCache-Control: max-age=30, stale-while-revalidate=600\nAge: 40\nETag: "${body}"\n\n${body}`;
  const fresh = (body: string) => `200\nCache-Control: max-age=600\nETag: "${body}"\n\n${body}`;

  it('is served at once, and one request of all edges has it renewed', async () => {
    const path = newPath('window');
    origin().script({ on: path, times: 1, answer: stale('old') });
    await ask('cached.test', { path });
    origin().script({ on: path, latency: { type: 'fixed', ms: 300 }, answer: fresh('new') });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => ask('cached.test', { path }, i % 2)),
    );
    for (const { headers, body } of answers) {
      expect(headers['cache-status']).toMatch(/^Roundel; hit; ttl=-\d+$/);
      expect(body.toString()).toBe('old');
    }
    const renewed = async () => (await ask('cached.test', { path })).body.toString() === 'new';
    await waitUntil(renewed, { timeoutMs: 5_000 });
    expect(fetches()).toBe(2);
    expect(origin().ledger.wire({ on: path, fields: ['if-none-match'] })[1]).toContain('"old"');
  });

  it('is kept for longer by a confirmation', async () => {
    const path = newPath('window');
    origin().script({ on: path, times: 1, answer: stale('same') });
    await ask('cached.test', { path });
    origin().script({ on: path, answer: fresh('same') });
    await ask('cached.test', { path });
    const renewed = async () =>
      /ttl=\d/.test(String((await ask('cached.test', { path })).headers['cache-status']));
    await waitUntil(renewed, { timeoutMs: 5_000 });
    expect(fetches()).toBe(2);
  });

  it('stays while the origin fails', async () => {
    const path = newPath('window');
    origin().script({ on: path, times: 1, answer: stale('old') });
    await ask('cached.test', { path });
    origin().script({ on: path, answer: '503\n\ndown' });
    expect((await ask('cached.test', { path })).body.toString()).toBe('old');
    await waitUntil(() => fetches() === 2, { timeoutMs: 5_000 });
    const again = await ask('cached.test', { path });
    expect([again.status, again.body.toString()]).toEqual([200, 'old']);
  });
});

// What somebody would check who knows nothing of the product: on a route that caches, with one backend, nothing but what
// HTTP says of caches differs from asking the origin.
describe('a route that caches is otherwise not there', () => {
  const raw = (path: string, head: string, method = 'GET') =>
    rawExchange(
      product.urls[0] ?? '',
      `${method} ${path} HTTP/1.1\r\nHost: cached.test\r\n${head}Connection: close\r\n\r\n`,
    );
  const sent = (path: string) => origin().ledger.entries({ on: `* ${path}` });

  it.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'PURGE'])(
    '%s is forwarded',
    async (method) => {
      const path = newPath('outside');
      expect(await raw(path, '', method)).toMatch(/^HTTP\/1\.1 200/);
      expect(sent(path).map((entry) => entry.method)).toEqual([method]);
    },
  );

  it.each([
    '/a%2fb//c;d%23e%3f?',
    '/%41%7e/%zz%',
    '/{a}|b^c"d?{x}',
    '/?a=b&a=c&;=%26',
    '/...//..a/a..',
    '/x?u=/../y\\%00',
  ])('%s arrives byte for byte, and is stored under just that', async (tail) => {
    const path = newPath('outside') + tail;
    const answer = '200\nCache-Control: max-age=600\n\nx';
    origin().script({ on: '*', answer });
    for (let i = 0; i < 2; i++) expect(await raw(path, '')).toMatch(/^HTTP\/1\.1 200/);
    expect(await raw(path, '')).toContain('Roundel; hit');
    expect(
      origin()
        .ledger.entries()
        .map(({ target }) => target),
    ).toEqual([path]);
  });

  it('every end-to-end field of a request arrives as it was sent', async () => {
    const path = newPath('outside');
    const fields = [
      ['Accept', 'text/html, */*;q=0.1'],
      ['Accept-Encoding', 'gzip;q=0.5,  br'],
      ['Accept-Language', 'de, EN;q=0.9'],
      ['Cache-Control', 'max-stale=1, x="a, b"'],
      ['Cookie', 'a=1; b="2"'],
      ['Authorization', 'Basic eDp5'],
      ['If-None-Match', 'W/"1", "2"'],
      ['If-Modified-Since', 'Sun, 06 Nov 1994 08:49:37 GMT'],
      ['If-Range', '"2"'],
      ['Range', 'bytes=0-1'],
      ['Origin', 'http://x.test'],
      ['Referer', 'http://x.test/?a'],
      ['User-Agent', 'a/1 (b; c)'],
      ['X-Odd', "!#$%&'*+-.^_`|~ \t x"],
      ['X-Empty', ''],
    ] as const;
    await raw(path, fields.map(([name, value]) => `${name}: ${value}\r\n`).join(''));
    const [entry] = sent(path);
    for (const [name, value] of fields) {
      const lines = entry?.fields.filter(([own]) => own.toLowerCase() === name.toLowerCase());
      expect([name, lines?.map(([, text]) => text)]).toEqual([name, [value]]);
    }
  });

  it('every end-to-end field of a response arrives as it was sent, from the cache as well', async () => {
    const path = newPath('outside');
    const fields = [
      ['Cache-Control', 'max-age=600, x="a, b"'],
      ['Content-Type', 'Text/Plain; charset="x"'],
      ['Content-Language', 'de, EN'],
      ['Date', 'Sun, 06 Nov 1994 08:49:37 GMT'],
      ['ETag', '"a b"'],
      ['Expires', '0'],
      ['Link', '</a>; rel="b", </c>'],
      ['Set-Cookie', 'a=1, x'],
      ['Set-Cookie', 'b=2'],
      ['Vary', 'accept-encoding,  X-A'],
      ['X-Empty', ''],
      ['Warning', '199 - "x"'],
    ] as const;
    const answer = ['200', ...fields.map(([name, value]) => `${name}: ${value}`), '', 'x'];
    origin().script({ on: path, answer: answer.map((line) => line.replace('06 Nov 1994', '06 Nov 2094')) });
    for (const from of ['fwd=uri-miss', 'hit']) {
      const response = await raw(path, '');
      expect(response).toContain(`Roundel; ${from}`);
      for (const [name, value] of fields) {
        const line = `\r\n${name}: ${value.replace('06 Nov 1994', '06 Nov 2094')}\r\n`.toLowerCase();
        expect(response.toLowerCase()).toContain(line);
      }
    }
  });

  it.each([
    ['nothing', '', 2],
    ['only a tag', 'ETag: "a"\n', 2],
    [
      'a Last-Modified of just now',
      `Last-Modified: ${new Date(0).toUTCString()}\nDate: ${new Date(0).toUTCString()}\n`,
      2,
    ],
    ['an Expires in the past', 'Expires: 0\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\n', 2],
    ['a Last-Modified of long ago (RFC 9111 §4.2.2)', 'Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\n', 1],
  ])('no lifetime is added to what says %s', async (_what, fields, asked) => {
    const path = newPath('outside');
    origin().script({ on: path, answer: `200\n${fields}\nx` });
    for (let i = 0; i < 2; i++) {
      const { status, body } = await ask('cached.test', { path });
      expect([status, body.toString()]).toEqual([200, 'x']);
    }
    expect(sent(path)).toHaveLength(asked);
  });

  it('an origin that hangs up is a 502, asked once where the pool says so', async () => {
    const path = newPath('outside');
    origin().script({ on: path, fault: 'reset' });
    const { status, code } = await problemOf(ask('once.test', { path }));
    expect([status, code]).toEqual([502, 'origin-unreachable']);
    expect(sent(path)).toHaveLength(1);
  });

  it('a body over the limit passes through, and the reason is told', async () => {
    const path = newPath('outside');
    const large = { on: path, answer: '200\nCache-Control: max-age=600', bodyBytes: 600_001 } as const;
    origin().script(large);
    const first = await ask('cached.test', { path });
    expect([first.status, first.body.byteLength]).toEqual([200, 600_001]);
    expect(first.headers['cache-status']).toBe('Roundel; fwd=uri-miss; fwd-status=200; detail=too-large');
    origin().reset();
    origin().script({ ...large, framing: 'chunked' });
    for (let i = 0; i < 2; i++) {
      const chunked = await ask('cached.test', { path });
      expect([chunked.status, chunked.body.byteLength]).toEqual([200, 600_001]);
    }
    expect(sent(path)).toHaveLength(2);
  });
});

describe('the key of a route', () => {
  it('leaves out what the route names, and forwards it all the same', async () => {
    const path = newPath('keyed');
    origin().script({ on: `${path}*`, answer: '200\nCache-Control: max-age=600\n\nhello' });
    await ask('keyed.test', { path: `${path}?a=1&utm=x` });
    const second = await ask('keyed.test', { path: `${path}?utm=y&a=1` });
    const keyed = `http://keyed.test${path}?a=1`;
    expect(second.headers['cache-status']).toMatch(
      /^Roundel; hit; ttl=\d+(?:; collapsed)?; key="h\d+:(.*)"$/,
    );
    expect(second.headers['cache-status']).toContain(keyed);
    expect(origin().ledger.wire({ on: `${path}*` })[0]).toContain(`${path}?a=1&utm=x`);
    await ask('keyed.test', { path: `${path}?a=2` });
    expect(fetches(`${path}*`)).toBe(2);
  });

  it('adds a header, and a purge of the URL takes all that lies under it', async () => {
    const path = newPath('keyed');
    origin().script({ on: `${path}*`, answer: '200\nCache-Control: max-age=600\n\nhello' });
    const inCurrency = (currency: string) =>
      ask('keyed.test', { path: `${path}?utm=1`, headers: { 'x-currency': currency } });
    for (const currency of ['eur', 'usd', 'eur', 'usd']) await inCurrency(currency);
    expect(fetches(`${path}*`)).toBe(2);
    const json = { urls: [`http://keyed.test${path}?utm=2`] };
    expect((await product.admin('/v1/purge', { method: 'POST', json })).status).toBe(200);
    for (const currency of ['eur', 'usd']) await inCurrency(currency);
    expect(fetches(`${path}*`)).toBe(4);
  });
});

describe('explain', () => {
  it('says what would happen, and nothing happens', async () => {
    const path = newPath('explained');
    const explain = async (method = 'GET') => {
      const json = { url: `http://cached.test${path}`, method, headers: {}, clientIp: '192.0.2.1' };
      const response = await product.admin('/v1/explain', { method: 'POST', json });
      expect(response.status).toBe(200);
      return response.json();
    };
    expect(await explain()).toMatchObject({
      route: 'cached',
      pool: 'web',
      slot: expect.any(Number),
      shard: expect.any(Number),
      cache: { decision: 'uri-miss', reason: expect.any(String) },
      candidates: [{ backend: 'a', order: 1, accepted: true, reason: 'healthy' }],
      chosen: 'a',
    });
    expect(await explain('POST')).toMatchObject({ cache: { decision: 'method' } });
    expect(fetches()).toBe(0);
    // No lease was taken: the next request stores.
    origin().script({ on: path, answer: '200\nCache-Control: max-age=600\n\nhello' });
    expect((await ask('cached.test', { path })).headers['cache-status']).toContain('stored');
    await waitUntil(
      async () => ((await explain()) as { cache: { decision: string } }).cache.decision === 'hit',
    );
  });
});

describe('the counters', () => {
  it('count each request once', async () => {
    const counted = async () => {
      const stats = (await (await product.admin('/v1/stats')).json()) as {
        totals: { routes: Record<string, { requests: number }> };
      };
      return stats.totals.routes.plain?.requests ?? 0;
    };
    await Promise.all(Array.from({ length: 25 }, () => ask('plain.test')));
    await waitUntil(async () => (await counted()) >= 25, { timeoutMs: 6_000 });
    const before = await counted();
    await Promise.all(Array.from({ length: 25 }, () => ask('plain.test')));
    await waitUntil(async () => (await counted()) === before + 25, { timeoutMs: 6_000 });
  });
});
