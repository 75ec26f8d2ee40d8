// Every wrong request to the admin API, over HTTP on plain workerd: the right status and code, each bad field named,
// and nothing changed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import { adminCalls, answerOf, badFields, expectProblem, type Problem } from '../support/admin-calls.ts';
import { type AdminInit, type Product, startProduct } from '../support/product.ts';

const DOCUMENT: ConfigDocument = {
  pools: {
    web: {
      backends: [
        { id: 'a', url: 'http://a.example' },
        { id: 'b', url: 'http://b.example' },
      ],
    },
    spare: {},
  },
  routes: [{ id: 'all', pool: 'web' }],
};

let product: Product;
beforeAll(async () => {
  product = await startProduct({ config: DOCUMENT });
});
afterAll(() => product?.stop());

const { ask, currentVersion } = adminCalls(() => product);

const MIB = 1024 * 1024;
const raw = (body: string): AdminInit => ({ body });
const json = (value: unknown): AdminInit => ({ json: value });
const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
/** A document whose one backend has these fields. */
const backend = (fields: object) => ({
  pools: { web: { backends: [{ id: 'a', url: 'http://a.example', ...fields }] } },
});
const FIELD = 'pools.web.backends[0]';

type WrongRequest = readonly [
  title: string,
  call: string,
  init: AdminInit,
  expected: string,
  fields?: readonly string[],
];

const DOCUMENTS: readonly WrongRequest[] = [
  ['nothing', 'PUT /v1/config', {}, '400 bad-json'],
  ['blanks', 'PUT /v1/config', raw(' \n'), '400 bad-json'],
  ['no JSON', 'PUT /v1/config', raw('pools: {}'), '400 bad-json'],
  ['half a document', 'PUT /v1/config', raw('{"pools":'), '400 bad-json'],
  ['no UTF-8', 'PUT /v1/config', { body: new Uint8Array([0x7b, 0xff, 0x7d]) }, '400 bad-json'],
  ['NaN', 'PUT /v1/config', raw(JSON.stringify(backend({ weight: 7 })).replace('7', 'NaN')), '400 bad-json'],
  ['a list', 'PUT /v1/config', raw('[]'), '422 invalid', ['']],
  ['null', 'PUT /v1/config', raw('null'), '422 invalid', ['']],
  ['a number', 'PUT /v1/config', raw('1'), '422 invalid', ['']],
  ['a name twice', 'PUT /v1/config', raw('{"pools":{},"pools":{}}'), '422 invalid', ['pools']],
  ['__proto__', 'PUT /v1/config', raw('{"__proto__":{}}'), '422 invalid', ['__proto__']],
  [
    '__proto__ as a pool',
    'PUT /v1/config',
    raw('{"pools":{"__proto__":{"backends":[]}}}'),
    '422 invalid',
    ['pools.__proto__'],
  ],
  [
    '__proto__ in a patch',
    'PATCH /v1/config',
    raw('{"pools":{"__proto__":{}}}'),
    '422 invalid',
    ['pools.__proto__'],
  ],
  ['great depth', 'PUT /v1/config', raw(deep(100_000)), '422 invalid', ['']],
  ['depth in a patch', 'PATCH /v1/config', raw(deep(50)), '422 invalid', ['']],
  ['an unknown field', 'PUT /v1/config', json({ pool: {} }), '422 invalid', ['pool']],
  ['a negative weight', 'PUT /v1/config', json(backend({ weight: -1 })), '422 invalid', [`${FIELD}.weight`]],
  ['a weight as text', 'PUT /v1/config', json(backend({ weight: '1' })), '422 invalid', [`${FIELD}.weight`]],
  ['a weight as null', 'PUT /v1/config', json(backend({ weight: null })), '422 invalid', [`${FIELD}.weight`]],
  [
    'an endless weight',
    'PUT /v1/config',
    raw(JSON.stringify(backend({ weight: 7 })).replace('7', '1e999')),
    '422 invalid',
    [`${FIELD}.weight`],
  ],
  [
    'credentials',
    'PUT /v1/config',
    json(backend({ url: 'http://u:p@a.example' })),
    '422 invalid',
    [`${FIELD}.url`],
  ],
  [
    'another scheme',
    'PUT /v1/config',
    json(backend({ url: 'ftp://a.example' })),
    '422 invalid',
    [`${FIELD}.url`],
  ],
  ['an unknown state', 'PUT /v1/config', json(backend({ state: 'gone' })), '422 invalid', [`${FIELD}.state`]],
  [
    'an id twice',
    'PATCH /v1/pools/spare',
    json({ backends: [DOCUMENT.pools?.web?.backends?.[0], DOCUMENT.pools?.web?.backends?.[0]] }),
    '422 invalid',
    ['pools.spare.backends[1].id'],
  ],
  [
    'a route to nowhere',
    'PATCH /v1/config',
    json({ routes: [{ id: 'r', pool: 'absent' }] }),
    '422 invalid',
    ['routes[0].pool'],
  ],
  [
    'a route twice',
    'PATCH /v1/config',
    json({ routes: [1, 2].map(() => ({ id: 'r', pool: 'web' })) }),
    '422 invalid',
    ['routes[1].id'],
  ],
  [
    'a bound of 999 ms',
    'PATCH /v1/config',
    json({ staleness: { boundMs: 999 } }),
    '422 invalid',
    ['staleness.boundMs'],
  ],
  ['other shards', 'PATCH /v1/config', json({ shards: { count: 7 } }), '422 invalid', ['shards']],
  [
    'four at once',
    'PUT /v1/config',
    json({ x: 1, pools: { web: { y: 1, backends: [{ id: '?' }] } } }),
    '422 invalid',
    ['x', 'pools.web.y', `${FIELD}.id`, `${FIELD}.url`],
  ],
  ['2 MB', 'PUT /v1/config', raw(`"${'x'.repeat(2_000_000)}"`), '413 too-large'],
  ['10 MB', 'PUT /v1/config', raw(`"${'x'.repeat(10_000_000)}"`), '413 too-large'],
  ['10 MB', 'PATCH /v1/pools/web', raw(`"${'x'.repeat(10_000_000)}"`), '413 too-large'],
  ['one byte too many', 'PUT /v1/config', raw(`"${'x'.repeat(MIB - 1)}"`), '413 too-large'],
  ['all that is allowed', 'PUT /v1/config', raw(`"${'x'.repeat(MIB - 2)}"`), '422 invalid', ['']],
  [
    'what the whole cannot bear',
    'PATCH /v1/config',
    json({ pools: { web: null } }),
    '422 invalid',
    ['routes[0].pool'],
  ],
  ['a bad pool name', 'PUT /v1/pools/Bad%20Name', json({}), '422 invalid', ['pools["Bad Name"]']],
  ['a pool called __proto__', 'PUT /v1/pools/__proto__', json({}), '422 invalid', ['pools.__proto__']],
  ['a pool in use', 'DELETE /v1/pools/web', {}, '422 invalid', ['routes[0].pool']],
  [
    'a bad backend',
    'PUT /v1/pools/web/backends/c',
    json({ url: 'x', weight: 2000 }),
    '422 invalid',
    ['pools.web.backends[2].url', 'pools.web.backends[2].weight'],
  ],
  ['no backend', 'PUT /v1/pools/web/backends/c', raw('5'), '422 invalid', ['pools.web.backends[2]']],
  [
    'another id than in the path',
    'PUT /v1/pools/web/backends/c',
    json({ id: 'd', url: 'http://d.example' }),
    '422 invalid',
    ['pools.web.backends[2].id'],
  ],
  [
    'a new name by patch',
    'PATCH /v1/pools/web/backends/a',
    json({ id: 'z' }),
    '422 invalid',
    [`${FIELD}.id`],
  ],
  ['a rollback to nothing', 'POST /v1/config/rollback', json({}), '422 invalid', ['version']],
  [
    'an odd rollback',
    'POST /v1/config/rollback',
    json({ version: '1', x: 2 }),
    '422 invalid',
    ['version', 'x'],
  ],
  ['a rollback to 1.5', 'POST /v1/config/rollback', json({ version: 1.5 }), '422 invalid', ['version']],
  [
    'a JSON patch',
    'PATCH /v1/config',
    { ...raw('[]'), headers: { 'Content-Type': 'application/json-patch+json' } },
    '415 unsupported-media-type',
  ],
];

const QUERIES_AND_FIELDS: readonly WrongRequest[] = [
  ['a typing error', 'PUT /v1/config?dryrun=1', json({}), '422 invalid', ['dryrun']],
  ['an odd dryRun', 'PUT /v1/config?dryRun=maybe', json({}), '422 invalid', ['dryRun']],
  ['two dryRuns', 'PUT /v1/config?dryRun=1&dryRun=0', json({}), '422 invalid', ['dryRun']],
  [
    'a broken If-Match',
    'PATCH /v1/config',
    { json: { routes: [] }, headers: { 'If-Match': 'v1' } },
    '400 bad-header',
    ['If-Match'],
  ],
  ['a bad cursor', 'GET /v1/events?after=x&limit=0', {}, '422 invalid', ['after', 'limit']],
  ['a page too long', 'GET /v1/events?limit=1001', {}, '422 invalid', ['limit']],
  ['no escape', 'PUT /v1/pools/%ZZ', json({}), '422 invalid', ['pool']],
];

const PURGES: readonly WrongRequest[] = [
  ['nothing', 'POST /v1/purge', {}, '400 bad-json'],
  ['nothing selected', 'POST /v1/purge', json({}), '422 invalid', ['']],
  [
    'nothing selected at length',
    'POST /v1/purge',
    json({ urls: [], all: false, tags: [] }),
    '422 invalid',
    [''],
  ],
  [
    'paths',
    'POST /v1/purge',
    json({ urls: ['/a', 'h.example/', 'http://h.example/ok'] }),
    '422 invalid',
    ['urls[0]', 'urls[1]'],
  ],
  [
    'what no request has',
    'POST /v1/purge',
    json({ urls: ['http://h/a#b', 'http://h/a b', 'http://u@h/', 'http://h/../x', 'ftp://h/', 'http://'] }),
    '422 invalid',
    ['urls[0]', 'urls[1]', 'urls[2]', 'urls[3]', 'urls[4]', 'urls[5]'],
  ],
  [
    'a guarantee that there is not',
    'POST /v1/purge',
    json({ all: true, guarantee: 'eventual' }),
    '422 invalid',
    ['guarantee'],
  ],
  [
    'prefixes that end within a segment, a query, or nowhere',
    'POST /v1/purge',
    json({
      prefixes: ['http://h/a', 'http://h/a/?b=/', '/a/', 'http://h/../', `http://h/${'a/'.repeat(32)}`],
    }),
    '422 invalid',
    ['prefixes[0]', 'prefixes[1]', 'prefixes[2]', 'prefixes[3]', 'prefixes[4]'],
  ],
  [
    'tags and namespaces that there cannot be',
    'POST /v1/purge',
    json({ tags: ['', ' a', 'ä', 'x'.repeat(1_025), 1], namespaces: ['NS', ''] }),
    '422 invalid',
    ['tags[0]', 'tags[1]', 'tags[2]', 'tags[3]', 'tags[4]', 'namespaces[0]', 'namespaces[1]'],
  ],
  [
    'a namespace that would be stale',
    'POST /v1/purge',
    json({ namespaces: ['ns'], soft: true }),
    '422 invalid',
    ['soft'],
  ],
  [
    'an odd guarantee',
    'POST /v1/purge',
    json({ all: true, guarantee: 'x', y: 1 }),
    '422 invalid',
    ['guarantee', 'y'],
  ],
  ['an odd id', 'POST /v1/purge', json({ all: true, purgeId: 'a b' }), '422 invalid', ['purgeId']],
  ['too many', 'POST /v1/purge', json({ urls: Array(1_001).fill('http://h/') }), '422 invalid', ['urls']],
  ['too many tags', 'POST /v1/purge', json({ tags: Array(1_001).fill('a') }), '422 invalid', ['tags']],
  [
    'a broken bookmark',
    'POST /v1/purge',
    { json: { all: true }, headers: { 'Roundel-Bookmark': '~' } },
    '400 bad-header',
    ['Roundel-Bookmark'],
  ],
  ['explain nothing', 'POST /v1/explain', json({}), '422 invalid', ['url']],
  [
    'explain nonsense',
    'POST /v1/explain',
    json({ url: 'x', method: 'G T', headers: { 'a b': 'x', c: 'd\n' }, clientIp: 'me', x: 1 }),
    '422 invalid',
    ['url', 'method', 'headers["a b"]', 'headers.c', 'clientIp', 'x'],
  ],
];

const VALUES: readonly WrongRequest[] = [
  ['a bad namespace', 'PUT /v1/kv/NS/key', raw('x'), '422 invalid', ['namespace']],
  ['a long namespace', `PUT /v1/kv/${'n'.repeat(65)}/key`, raw('x'), '422 invalid', ['namespace']],
  ['a long key', `PUT /v1/kv/ns/${'k'.repeat(513)}`, raw('x'), '422 invalid', ['key']],
  ['a long key in bytes', `PUT /v1/kv/ns/${'%C3%A9'.repeat(257)}`, raw('x'), '422 invalid', ['key']],
  ['a key that is no UTF-8', 'PUT /v1/kv/ns/%FF', raw('x'), '422 invalid', ['key']],
  ['no lifetime', 'PUT /v1/kv/ns/key?ttl=0', raw('x'), '422 invalid', ['ttl']],
  ['half a second', 'PUT /v1/kv/ns/key?ttl=0.5', raw('x'), '422 invalid', ['ttl']],
  ['an empty tag', 'PUT /v1/kv/ns/key?tags=a,,b&tll=1', raw('x'), '422 invalid', ['tags', 'tll']],
  ['a ttl on a read', 'GET /v1/kv/ns/key?ttl=1', {}, '422 invalid', ['ttl']],
  ['an unknown level', 'GET /v1/kv/ns/key?consistency=strong', {}, '422 invalid', ['consistency']],
  ['a byte too many', 'PUT /v1/kv/ns/key', raw('x'.repeat(MIB + 1)), '413 too-large'],
  ['10 MiB', 'PUT /v1/kv/ns/key', raw('x'.repeat(10 * MIB)), '413 too-large'],
  [
    'half a value',
    'PUT /v1/kv/ns/key',
    { body: 'x', headers: { 'Content-Range': 'bytes 0-0/2' } },
    '400 bad-header',
    ['Content-Range'],
  ],
  [
    'a coded value',
    'PUT /v1/kv/ns/key',
    { body: 'x', headers: { 'Content-Encoding': 'gzip' } },
    '415 unsupported-media-type',
  ],
  [
    'a condition that no write has',
    'PUT /v1/kv/ns/key',
    { body: 'x', headers: { 'If-None-Match': '"a"' } },
    '422 invalid',
    ['If-None-Match'],
  ],
  [
    'a broken condition',
    'PUT /v1/kv/ns/key',
    { body: 'x', headers: { 'If-Match': 'a' } },
    '400 bad-header',
    ['If-Match'],
  ],
  [
    'a long Idempotency-Key',
    'PUT /v1/kv/ns/key',
    { body: 'x', headers: { 'Idempotency-Key': 'x'.repeat(257) } },
    '400 bad-header',
    ['Idempotency-Key'],
  ],
  ['a tag given twice', 'PUT /v1/kv/ns/key?tags=a,b,a', raw('x'), '422 invalid', ['tags']],
  ['a query that is no UTF-8', 'GET /v1/kv/ns?prefix=%FF', {}, '422 invalid', ['']],
  ['a level on a write', 'PUT /v1/kv/ns/key?consistency=any', raw('x'), '422 invalid', ['consistency']],
  ['no JSON to increment by', 'POST /v1/kv/ns/key/increment', raw('1'), '422 invalid', ['']],
  ['nothing to increment by', 'POST /v1/kv/ns/key/increment', {}, '400 bad-json'],
  [
    'half an increment',
    'POST /v1/kv/ns/key/increment',
    json({ by: 0.5, ttl: 1 }),
    '422 invalid',
    ['by', 'ttl'],
  ],
  ['an inexact increment', 'POST /v1/kv/ns/key/increment', json({ by: 2 ** 53 }), '422 invalid', ['by']],
  ['an increment twice', 'POST /v1/kv/ns/key/increment', raw('{"by":1,"by":2}'), '422 invalid', ['by']],
  [
    'an increment of a bad key',
    `POST /v1/kv/NS/${'k'.repeat(513)}/increment`,
    json({}),
    '422 invalid',
    ['namespace', 'key'],
  ],
  ['a listing of nothing', 'GET /v1/kv/NS', {}, '422 invalid', ['namespace']],
  [
    'a listing too long, from nowhere',
    'GET /v1/kv/ns?limit=1001&consistency=x&after=a',
    {},
    '422 invalid',
    ['limit', 'consistency', 'after'],
  ],
  ['no limit at all', 'GET /v1/kv/ns?limit=0', {}, '422 invalid', ['limit']],
  ['a cursor that nobody gave', 'GET /v1/kv/ns?cursor=abc', {}, '422 invalid', ['cursor']],
  ['a prefix that no key has', `GET /v1/kv/ns?prefix=${'p'.repeat(513)}`, {}, '422 invalid', ['prefix']],
  ['a batch of something else', 'POST /v1/kv/ns', json({ ops: 1, more: 2 }), '422 invalid', ['ops', 'more']],
  [
    'a batch too long',
    'POST /v1/kv/ns',
    json({ ops: Array(101).fill({ op: 'put', key: 'key', value: 'x' }) }),
    '422 invalid',
    ['ops'],
  ],
  [
    'a batch with one wrong op, of which nothing is done',
    'POST /v1/kv/ns',
    json({
      ops: [
        { op: 'put', key: 'key', value: 'x' },
        { op: 'explode', key: 'key' },
      ],
    }),
    '422 invalid',
    ['ops[1].op'],
  ],
  [
    'a batch in which everything is wrong',
    'POST /v1/kv/ns',
    json({
      ops: [
        { op: 'put', key: 'key' },
        { op: 'put', key: 'key', value: 'x', valueBase64: 'eA==' },
        { op: 'put', key: 'key', valueBase64: 'e' },
        { op: 'put', key: 'key', value: '\ud800' },
        { op: 'put', key: '', value: 'x', ttl: 0, tags: ['a', 'a'] },
        { op: 'delete', key: '..', ifMatch: 'x' },
        { op: 'get', key: '\udfff', ttl: 1 },
        { op: 'increment', key: 'k'.repeat(513), by: '1' },
      ],
    }),
    '422 invalid',
    [
      'ops[0].value',
      'ops[1].value',
      'ops[2].valueBase64',
      'ops[3].value',
      'ops[4].key',
      'ops[4].ttl',
      'ops[4].tags',
      'ops[5].key',
      'ops[5].ifMatch',
      'ops[6].key',
      'ops[6].ttl',
      'ops[7].key',
      'ops[7].by',
    ],
  ],
  [
    'a broken bookmark with a batch',
    'POST /v1/kv/ns',
    { json: { ops: [{ op: 'put', key: 'key', value: 'x' }] }, headers: { 'Roundel-Bookmark': 'b1.x' } },
    '400 bad-header',
    ['Roundel-Bookmark'],
  ],
  [
    'a bookmark of another version',
    'GET /v1/kv/ns/key',
    { headers: { 'Roundel-Bookmark': 'b9' } },
    '400 bad-header',
    ['Roundel-Bookmark'],
  ],
  [
    'a broken bookmark',
    'GET /v1/kv/ns/key',
    { headers: { 'Roundel-Bookmark': 'x' } },
    '400 bad-header',
    ['Roundel-Bookmark'],
  ],
];

const GROUPS: readonly (readonly [name: string, requests: readonly WrongRequest[]])[] = [
  ['documents', DOCUMENTS],
  ['queries and fields', QUERIES_AND_FIELDS],
  ['purges and explanations', PURGES],
  ['values', VALUES],
];

describe.each(GROUPS)('wrong %s change nothing, and what is wrong is named', (_group, requests) => {
  const cases = requests.map(([title, call, init, expected, fields = []]) => ({
    title,
    call: call.length > 80 ? `${call.slice(0, 80)}…` : call,
    request: { call, init, expected, fields },
  }));
  it.each(cases)('$title: $call', async ({ title, request: { call, init, expected, fields } }) => {
    const [method = '', path = ''] = call.split(' ');
    const before = await currentVersion();
    const answer = await ask<Problem>(path, { ...init, method });
    expect(`${answer.status} ${expectProblem(answer)}`, answer.body.detail).toBe(expected);
    expect(badFields(answer).sort()).toEqual([...fields].sort());
    if (title.endsWith('of later')) {
      const messages = (answer.body.errors ?? []).map(({ message }) => message);
      expect(new Set(messages)).toEqual(new Set(['not supported yet']));
    }
    expect(await currentVersion()).toBe(before);
    expect((await ask('/v1/kv/ns/key')).status).toBe(404);
  });
});

describe('bodies', () => {
  it('that announce no length are read only as far as they may be', async () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536;
        if (sent > 10_000_000) controller.close();
        else controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    const init: RequestInit & { duplex: 'half' } = {
      method: 'PUT',
      headers: { Authorization: `Bearer ${product.adminToken}` },
      body,
      duplex: 'half',
    };
    const answer = await answerOf<Problem>(await fetch(`${product.url}/_roundel/v1/config`, init));
    expect([answer.status, expectProblem(answer)]).toEqual([413, 'too-large']);
  });
});
