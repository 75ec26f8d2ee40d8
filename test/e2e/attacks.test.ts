// Attacks on a shared cache, each as it is done: what the attacker (or the victim, for deception) asks, then what
// somebody else gets for the same URL, twice, so that the second may come from the isolate's memory. The origin
// believes and repeats everything that reaches it.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { ScriptInput } from '../../origin-mock/script.ts';
import type { RunningOrigin } from '../../origin-mock/start-origin.ts';
import { type Product, startProduct } from '../support/product.ts';
import { openRaw, rawExchange } from '../support/raw-http.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Answer, type Ask, askEdge } from './ask-edge.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct({ mocks: 1, config: configFor });
});
afterAll(() => product?.stop());
beforeEach(() => origin().reset());

function configFor([first]: readonly RunningOrigin[]): ConfigDocument {
  const cache = { enabled: true };
  const route = (name: string, more = {}) => ({
    id: name,
    match: { hosts: [`${name}.test`] },
    pool: 'web',
    cache: { ...cache, ...more },
  });
  return {
    pools: {
      web: { backends: [{ id: 'a', url: first?.url ?? '' }], retry: { attemptsMax: 1 } },
      // What fails here is soon taken out.
      touchy: {
        backends: ['a', 'b', 'c'].map((id) => ({ id, url: `${first?.url}/${id}` })),
        retry: { attemptsMax: 1 },
        timeouts: { attemptMs: 400 },
        circuitBreaker: { enabled: true },
      },
    },
    routes: [
      route('open'),
      { id: 'touchy', match: { hosts: ['touchy.test'] }, pool: 'touchy' },
      route('other'),
      route('keyed', {
        key: { query: { exclude: ['utm'] }, headers: ['X-Currency'], cookies: ['lang'], device: true },
      }),
      route('sorted', { key: { query: { include: ['a'] }, sortQuery: true } }),
    ],
    shards: { count: 1, replicas: 1, regions: ['weur'] },
  };
}

function origin(): RunningOrigin {
  const [first] = product.origins;
  if (!first) throw new Error('There is no origin');
  return first;
}

const EVIL = 'evil-1337';
const HOUR = 'Cache-Control: max-age=3600';

let paths = 0;
const newPath = (): string => `/reflect/3600/${++paths}`;
const script = (path: string, ...scripts: readonly Omit<ScriptInput, 'on'>[]) =>
  origin().script(...scripts.map((one) => ({ on: `${path}*`, ...one })));

const ask = (what: Ask, host = 'open.test'): Promise<Answer> => askEdge(product.url, host, what);
const textOf = ({ body }: Answer): string => body.toString();
const isHit = ({ headers }: Answer): boolean => /; hit/.test(String(headers['cache-status']));
const sentTargets = (on = '*'): string[] =>
  origin()
    .ledger.entries({ on })
    .map(({ target }) => target);

/** Twice, the second time most often out of memory. */
async function twice(what: Ask, host?: string): Promise<readonly [Answer, Answer]> {
  return [await ask(what, host), await ask(what, host)];
}

/** The attacker's request, then a clean one to the same URL, which must get what an origin says to it alone. */
async function attack(what: Ask, path: string, clean: Ask = {}, host?: string): Promise<readonly Answer[]> {
  await twice({ path, ...what }, host).catch(() => {});
  const answers = await twice({ path, ...clean }, host);
  for (const answer of answers) {
    expect(answer.status).toBe(200);
    expect(textOf(answer)).not.toContain(EVIL);
    expect(textOf(answer)).toContain('"method": "GET"');
    expect(textOf(answer)).toContain(`"target": ${JSON.stringify(clean.path ?? path)}`);
  }
  return answers;
}

/** Somebody's own page, then others who ask for the same URL: `mine` is never seen by them. */
async function deceive(path: string, victim: Ask, others: Ask = {}, host?: string): Promise<void> {
  expect((await twice({ path, ...victim }, host)).map(textOf)).toEqual(['mine', 'mine']);
  for (const answer of await twice({ path, ...others }, host)) expect(textOf(answer)).not.toContain('mine');
}

const CLAIMS = [
  ...['X-Forwarded-Host', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Scheme', 'X-Forwarded-Port'],
  ...['X-Forwarded-Server', 'X-Forwarded-Prefix', 'X-Forwarded-Path', 'X-Forwarded-Uri', 'X-Forwarded'],
  ...['Forwarded', 'X-Host', 'X-Original-Host', 'X-Original-URL', 'X-Rewrite-URL', 'X-Real-IP'],
  ...['X-Client-IP', 'X-Cluster-Client-IP', 'True-Client-IP', 'Front-End-Https', 'X-Url-Scheme'],
  ...['X-HTTP-Method', 'X-HTTP-Method-Override', 'X-Method-Override'],
  ...[
    'X-Original-URI',
    'X-Override-URL',
    'X-HTTP-Host-Override',
    'X-HTTP-DestinationURL',
    'X-Original-Method',
  ],
  ...['Client-IP', 'X-ProxyUser-Ip', 'X-Remote-Addr', 'X-Scheme', 'Surrogate-Capability'],
  // As CGI would read them.
  ...['X_Forwarded_Host', 'X-Forwarded_Proto', 'X_Http_Method_Override'],
  ...['Proxy', 'Proxy-Host', 'Proxy-Connection', 'Proxy-Authorization'],
];

describe('input that no key holds', () => {
  it.each(CLAIMS.filter((name) => name !== 'Proxy'))('%s reaches no origin', async (name) => {
    const value = name === 'Forwarded' ? `for=1.2.3.4;host=${EVIL}` : EVIL;
    await attack({ headers: { [name]: value } }, newPath());
    expect(JSON.stringify(origin().ledger.entries())).not.toContain(EVIL);
  });

  it('in pairs, and all together, reaches no origin either', async () => {
    const path = newPath();
    const names = CLAIMS.filter((name) => name !== 'Proxy');
    const pairs = names.flatMap((one, i) => names.slice(i + 1).map((two) => [one, two]));
    const all = [...pairs.filter((_, i) => i % 13 === 0), names];
    await Promise.all(
      all.map((some, i) => {
        const headers = Object.fromEntries(some.map((name) => [name, EVIL]));
        return attack({ headers }, `${path}/${i}`);
      }),
    );
    expect(JSON.stringify(origin().ledger.entries())).not.toContain(EVIL);
  });

  it.each(['h:1337', 'a@h', 'h.', 'h.:80', 'open.test@h', 'h/x', 'h#', 'h?x', 'h:80:90', ' h'])(
    'Host: %s',
    async (form) => {
      const path = newPath();
      const host = form.replace('h', 'open.test');
      const odd = await rawExchange(
        product.url,
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nX-Evil: ${EVIL}\r\nConnection: close\r\n\r\n`,
      );
      expect(odd).toMatch(/^HTTP\/1\.1 (200|4\d\d)/);
      const isSameHost = ['open.test.', 'open.test.:80', ' open.test'].includes(host);
      const answers = await twice({ path });
      for (const answer of answers) {
        expect(answer.status).toBe(200);
        expect(textOf(answer).includes(EVIL)).toBe(isSameHost);
        expect(textOf(answer)).not.toMatch(/:1337|@|open\.test\.[^\w]/);
      }
    },
  );
});

describe('queries', () => {
  it.each([
    [`?utm=1;a=${EVIL}`, ''],
    [`?utm=1;a=${EVIL}`, '?utm=1'],
    [`?utm%3Da=${EVIL}`, ''],
    [`?utm[]=${EVIL}`, ''],
    [`?UTM=${EVIL}`, ''],
    [`?a=1&a=${EVIL}`, '?a=1'],
    [`?a=${EVIL}&a=1`, '?a=1'],
    [`?a=1%26a=${EVIL}`, '?a=1'],
    [`?a=1&utm=2;a=${EVIL}`, '?a=1'],
    [`?a%00=${EVIL}`, '?a'],
    [`?a=1%23${EVIL}`, '?a=1'],
    [`?a=1?a=${EVIL}`, '?a=1'],
  ])('%s is not what %s gets, whatever the route leaves out', async (bad, good) => {
    for (const host of ['keyed.test', 'open.test']) {
      const path = newPath();
      await attack({ path: `${path}${bad}` }, path, { path: `${path}${good}` }, host);
    }
  });

  it.each([
    [`?b=1;a=${EVIL}`, '?'],
    [`?a=1&a=${EVIL}`, '?a=1'],
    [`?%61=${EVIL}`, '?b=2'],
    [`?a=${EVIL}&a=1`, '?a=1'],
  ])('%s is not what %s gets, where the route names what counts', async (bad, good) => {
    const path = newPath();
    await attack({ path: `${path}${bad}` }, path, { path: `${path}${good}` }, 'sorted.test');
  });

  it('and parts of the key cannot be made to look like one another', async () => {
    const path = newPath();
    const parts: readonly [Record<string, string>, Record<string, string>][] = [
      [{ 'x-currency': 'a","cookie:lang' }, { 'x-currency': 'a', cookie: 'lang=cookie:lang' }],
      [{ 'x-currency': 'EUR"],["cookie:lang","de' }, { 'x-currency': 'EUR', cookie: 'lang=de' }],
      [{ cookie: 'lang=de; lang=en' }, { cookie: 'lang=en' }],
      [{ 'x-currency': '' }, { 'x-currency': 'null' }],
    ];
    for (const [i, [bad, good]] of parts.entries()) {
      const marked = { ...bad, 'x-mark': EVIL };
      await attack({ headers: marked }, `${path}/${i}`, { headers: good }, 'keyed.test');
    }
  });

  it('nor can variants', async () => {
    const path = newPath();
    script(path, { when: [`X-Mark: ${EVIL}`], answer: `200\n${HOUR}\nVary: X-A, X-B\n\n${EVIL}` });
    script(path, { answer: `200\n${HOUR}\nVary: X-A, X-B\n\nclean` });
    const pairs: readonly [Record<string, string>, Record<string, string>][] = [
      [{ 'x-a': '1","x-b' }, { 'x-a': '1', 'x-b': 'x-b' }],
      [{ 'x-a': '1,2' }, { 'x-a': '1', 'x-b': '2' }],
      [{ 'x-a': '' }, {}],
      [{ 'x-b': '1' }, { 'x-a': '1' }],
      [{ 'x-a': 'null' }, {}],
    ];
    for (const [i, [bad, good]] of pairs.entries()) {
      await twice({ path: `${path}/${i}`, headers: { ...bad, 'x-mark': EVIL } });
      for (const answer of await twice({ path: `${path}/${i}`, headers: good })) {
        expect(textOf(answer)).toBe('clean');
      }
    }
  });

  it('nor bytes that are not UTF-8', async () => {
    const path = newPath();
    script(path, { when: [`X-Mark: ${EVIL}`], answer: `200\n${HOUR}\nVary: X-A\n\n${EVIL}` });
    script(path, { answer: `200\n${HOUR}\nVary: X-A\n\nclean` });
    const raw = (byte: string, more = '') =>
      rawExchange(
        product.url,
        `GET ${path} HTTP/1.1\r\nHost: open.test\r\nX-A: ${byte}\r\n${more}Connection: close\r\n\r\n`,
      );
    for (let i = 0; i < 2; i++) expect(await raw('\xff', `X-Mark: ${EVIL}\r\n`)).toContain(EVIL);
    for (let i = 0; i < 2; i++) expect(await raw('\xfe')).not.toContain(EVIL);
  });
});

describe('methods and bodies', () => {
  it.each<[string, Ask]>([
    ['a GET with a body', { body: `a=${EVIL}` }],
    ['a GET with a body in chunks', { body: ['a=', EVIL] }],
    ['a HEAD', { method: 'HEAD', headers: { 'x-mark': EVIL } }],
    ['a HEAD with a body', { method: 'HEAD', body: EVIL }],
    ['a POST', { method: 'POST', body: EVIL }],
    [
      'a POST that asks to be a GET',
      { method: 'POST', body: EVIL, headers: { 'x-http-method-override': 'GET' } },
    ],
    ['an OPTIONS', { method: 'OPTIONS', headers: { 'x-mark': EVIL } }],
    ['a DELETE', { method: 'DELETE', headers: { 'x-mark': EVIL } }],
  ])('%s does not answer a GET', async (_name, what) => {
    await attack(what, newPath());
  });

  it.each<[string, Record<string, string>, string]>([
    ['Range: bytes=cow', { range: 'bytes=cow' }, '400'],
    ['Range: bytes=9-', { range: 'bytes=9-' }, '416'],
    ['a part', { range: 'bytes=0-3' }, '206\nContent-Range: bytes 0-3/9'],
    ['If-Match', { 'if-match': '"cow"' }, '412'],
    ['If-Unmodified-Since', { 'if-unmodified-since': 'cow' }, '412'],
    ['If-None-Match', { 'if-none-match': '"cow"' }, '304\nETag: "cow"'],
    ['If-Modified-Since', { 'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' }, '304'],
    ['If-Range', { range: 'bytes=0-3', 'if-range': '"cow"' }, '206\nContent-Range: bytes 0-3/9'],
    ['Expect', { expect: 'cow' }, '417'],
    ['a large field', { 'x-large': 'x'.repeat(20_000) }, '400'],
    [
      'many fields',
      Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`x-${i}`, EVIL.repeat(4)])),
      '431',
    ],
    ['Upgrade', { upgrade: 'websocket', connection: 'upgrade' }, '426'],
  ])('the answer to %s (or an error about it) answers nobody else', async (_name, headers, answer) => {
    const path = newPath();
    const [name = ''] = Object.keys(headers);
    script(path, { when: [name], conditional: false, answer: `${answer}\n${HOUR}\n\n${EVIL}` });
    await attack({ headers }, path);
  });

  it.each(['PURGE', 'BAN', 'REFRESH', 'DELETECACHE'])('%s by anybody removes nothing', async (method) => {
    const path = newPath();
    await ask({ path });
    await rawExchange(
      product.url,
      `${method} ${path} HTTP/1.1\r\nHost: open.test\r\nConnection: close\r\n\r\n`,
    );
    expect((await twice({ path })).every(isHit)).toBe(true);
    expect(sentTargets(`GET ${path}`)).toHaveLength(1);
  });

  it('a Location at another origin removes nothing there', async () => {
    const path = newPath();
    await ask({ path }, 'other.test');
    for (const name of ['Location', 'Content-Location']) {
      for (const url of [`http://other.test${path}`, `//other.test${path}`, `//other.test:80${path}`]) {
        origin().reset();
        script(`${path}x`, { answer: `201\n${name}: ${url}` });
        expect((await ask({ path: `${path}x`, method: 'POST', body: 'x' })).status).toBe(201);
      }
    }
    origin().reset();
    expect((await twice({ path }, 'other.test')).every(isHit)).toBe(true);
    expect(sentTargets()).toEqual([]);
  });
});

describe('paths that two parties may read in two ways', () => {
  it.each([
    '/../x',
    '/%2e%2e/x',
    '/..%2fx',
    '/.%2e/x',
    '/%2e/x',
    '/a%5cb',
    '/a\\b',
    '/a%00b',
    '/a%0ab',
    '/a%0db',
    '/%2e%2e%2f..',
  ])('%s is refused, and no origin hears of it', async (piece) => {
    const path = `${newPath()}/a`;
    const { status } = await ask({ path: path + piece });
    expect(status).toBe(400);
    expect(sentTargets()).toEqual([]);
  });

  it.each([
    '//',
    '/%2f',
    '%23x',
    '%3fx',
    ';x',
    ';x.css',
    '%3bx',
    '/',
    '%2F',
    '%2f',
    '%20',
    '%61',
    '%252e%252e',
    '?',
    '??',
  ])('%s is a URL of its own, as it is', async (piece) => {
    const path = `${newPath()}/a`;
    await attack({ path: path + piece, headers: { 'x-mark': EVIL } }, path);
    expect(sentTargets()).toEqual([path + piece, path]);
  });
});

describe("somebody's own page", () => {
  const OWN = { headers: { cookie: 'session=victim' } };
  const PATHS = [
    '/account/x.css',
    '/account;x.css',
    '/account%2fx.js',
    '/account%3fx.png',
    '/account%23.ico',
  ];

  it.each(PATHS)('at %s, without a word about caches, is shown to nobody else', async (suffix) => {
    const path = `/own/${++paths}${suffix}`;
    script(path, { when: ['Cookie: session=victim'], answer: '200\nContent-Type: text/css\n\nmine' });
    await deceive(path, OWN);
  });

  it('is refused at /static/..%2faccount', async () => {
    expect((await ask({ path: '/static/..%2faccount', ...OWN })).status).toBe(400);
    expect(sentTargets()).toEqual([]);
  });

  it.each(['ETag: "v"', 'ETag: W/"v"', 'Last-Modified: Wed, 01 Jan 2020 00:00:00 GMT'])(
    'that has only %s is not guessed to be for all, nor when the origin fails',
    async (field) => {
      const path = `/own/${++paths}/x.css`;
      script(path, { when: ['Cookie: session=victim'], answer: `200\n${field}\n\nmine` }, { answer: '503' });
      await deceive(path, OWN);
    },
  );

  it.each([
    'private, max-age=600',
    'Private,max-age=600',
    'private="",max-age=600',
    'private=,max-age=600',
    'private=x, max-age=600',
    'max-age=600;private',
    'max-age=600, private="set-cookie',
    'max-age=600 private',
    'private =x, max-age=600',
    'no-store=1, max-age=600',
    'max-age=600, NO-STORE',
    'public, private, max-age=600',
    's-maxage=600, private',
  ])('with Cache-Control: %s is shown to nobody else', async (value) => {
    const path = `/own/${++paths}`;
    script(path, { when: ['Cookie'], answer: `200\nCache-Control: ${value}\n\nmine` });
    await deceive(path, OWN);
  });

  it('is not what Vary: Cookie shows to another cookie, or to none', async () => {
    const path = `/own/${++paths}`;
    script(path, { when: ['Cookie: session=victim'], answer: `200\n${HOUR}\nVary: Cookie\n\nmine` });
    script(path, { answer: `200\n${HOUR}\nVary: Cookie\n\nothers` });
    await deceive(path, OWN, { headers: { cookie: 'session=attacker' } });
    await deceive(path, OWN);
    // A field named in Connection does not reach the origin, and is nothing to vary by.
    await deceive(path, OWN, { headers: { connection: 'close, Cookie', cookie: 'session=victim' } });
  });

  it('got with credentials is not for those without, and the other way round', async () => {
    const path = `/own/${++paths}`;
    const secret = { headers: { authorization: 'Basic x' } };
    script(path, { when: ['Authorization'], answer: `200\n${HOUR}\n\nmine` });
    script(path, { answer: `200\n${HOUR}\n\nothers` });
    await deceive(path, secret);
    expect((await twice({ path })).map(textOf)).toEqual(['others', 'others']);
    expect((await twice({ path, ...secret })).map(textOf)).toEqual(['mine', 'mine']);
    // Named away, they have not been seen by the origin either.
    const without = { headers: { connection: 'close, authorization', authorization: 'Basic x' } };
    expect((await twice({ path, ...without })).map(textOf)).toEqual(['others', 'others']);
  });

  it('that others waited for is not shown to them', async () => {
    const path = `/own/${++paths}`;
    const slow = { type: 'fixed', ms: 200 } as const;
    script(path, {
      when: ['Cookie'],
      latency: slow,
      answer: '200\nCache-Control: private, max-age=9\n\nmine',
    });
    script(path, { answer: `200\n${HOUR}\n\nothers` });
    const own = ask({ path, ...OWN });
    await waitUntil(() => sentTargets(path).length === 1);
    const others = await Promise.all(Array.from({ length: 20 }, () => ask({ path })));
    expect(others.every((answer) => textOf(answer) === 'others')).toBe(true);
    expect(textOf(await own)).toBe('mine');
  });

  it('is not what a refresh in the background brings', async () => {
    const path = `/own/${++paths}`;
    const first = 'public, max-age=0, stale-while-revalidate=600';
    script(path, { times: 1, answer: `200\nCache-Control: ${first}\nETag: "1"\n\nothers` });
    script(path, { when: ['Authorization'], answer: `200\n${HOUR}\nETag: "2"\n\nmine` });
    script(path, { when: ['Cookie'], answer: `200\nCache-Control: private\n\nmine` });
    script(path, { answer: `200\n${HOUR}\nETag: "3"\n\nothers, later` });
    await ask({ path });
    for (const headers of [{ authorization: 'Basic x' }, { cookie: 'session=victim' }]) {
      const before = sentTargets(path).length;
      // The lease of the one before may not be given back yet.
      await waitUntil(async () => {
        await ask({ path, headers });
        return sentTargets(path).length > before;
      });
    }
    for (const answer of await twice({ path })) expect(textOf(answer)).toMatch(/^others/);
  });
});

describe('an unlimited number of variants', () => {
  it('of one URL leaves a limited number of entries', async () => {
    const path = `/vary/${++paths}`;
    script(path, { answer: `200\n${HOUR}\nVary: X-Any\n\nx` });
    const entries = async (): Promise<number> => {
      const { shards } = (await (await product.admin('/v1/shards')).json()) as {
        shards: { entries: number }[];
      };
      return shards.reduce((sum, shard) => sum + shard.entries, 0);
    };
    const before = await entries();
    for (let i = 0; i < 40; i++) await ask({ path, headers: { 'x-any': `v${i}` } });
    expect((await ask({ path, headers: { 'x-any': 'v39' } })).headers['cache-status']).toMatch(/; hit/);
    expect((await entries()) - before).toBeLessThanOrEqual(16);
  });
});

describe('a body that is never whole', () => {
  const reasons = async (): Promise<(string | undefined)[]> => {
    const json = { url: 'http://touchy.test/' };
    const explained = await product.admin('/v1/explain', { method: 'POST', json });
    const { candidates } = (await explained.json()) as { candidates: { reason: string }[] };
    return candidates.map(({ reason }) => reason);
  };

  it.each<[string, string, string]>([
    ['in chunks that are none', 'Transfer-Encoding: chunked', 'zz\r\nabcd\r\n'],
    ['in a chunk that is too long', 'Transfer-Encoding: chunked', '4\r\nabcdefgh\r\n0\r\n\r\n'],
    ['that ends early', 'Content-Length: 9', 'abc'],
    ['that ends early, of many bytes', 'Content-Length: 900000', 'abc'],
    ['whose rest never comes', 'Content-Length: 9', 'abc'],
    ['whose rest never comes, of many bytes', 'Content-Length: 900000', 'abc'],
  ])('%s takes no backend out, however often it is sent', async (what, framing, body) => {
    const send = async (method: string): Promise<void> => {
      const client = await openRaw(product.url);
      client.send(`${method} /x HTTP/1.1\r\nHost: touchy.test\r\n${framing}\r\n\r\n${body}`);
      if (what.includes('early')) client.halfClose();
      // The pool's patience with an origin is over by then; with a client that says no more nobody's is.
      await client.until(/HTTP\/1\.1 \d/, 1_500).catch(() => {});
      client.destroy();
    };
    await Promise.all(Array.from({ length: 30 }, (_, i) => send(i % 3 === 0 ? 'GET' : 'POST')));
    expect(await reasons()).toEqual(['healthy', 'healthy', 'healthy']);
    expect((await askEdge(product.url, 'touchy.test')).status).toBe(200);
  });
});
