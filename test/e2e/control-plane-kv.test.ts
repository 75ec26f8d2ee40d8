// Key-value data over HTTP on plain workerd: bytes, types, conditions, lifetimes, repeated writes and bookmarks.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminCalls, badFields, expectProblem, type Problem } from '../support/admin-calls.ts';
import { type AdminInit, type Product, startProduct } from '../support/product.ts';
import { openRaw } from '../support/raw-http.ts';
import { waitUntil } from '../support/wait-until.ts';

let product: Product;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(() => product?.stop());

const { ask } = adminCalls(() => product);

describe('key-value data', () => {
  const path = (key: string) => `/v1/kv/tests/${encodeURIComponent(key)}`;
  const putValue = (
    key: string,
    body: string | Uint8Array,
    headers: Record<string, string> = {},
    query = '',
  ) => ask<Problem>(`${path(key)}${query}`, { method: 'PUT', body, headers });

  it('comes back byte for byte, with its type, tag and age', async () => {
    const bytes = new Uint8Array(256).map((_, i) => i);
    const created = await putValue('a/b é', bytes, { 'Content-Type': 'image/x-test' });
    expect(created.status).toBe(201);
    const etag = created.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[^"]+"$/);
    const response = await product.admin(path('a/b é'));
    expect(response.status).toBe(200);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
    expect(response.headers.get('content-type')).toBe('image/x-test');
    expect(response.headers.get('etag')).toBe(etag);
    expect(Number(response.headers.get('age'))).toBeGreaterThanOrEqual(0);

    const head = await ask<string>(path('a/b é'), { method: 'HEAD' });
    expect([head.status, head.body, head.headers.get('etag')]).toEqual([200, '', etag]);
    expect(head.headers.get('content-length')).toBe('256');
    const replaced = await putValue('a/b é', 'text');
    expect(replaced.status).toBe(204);
    expect(replaced.headers.get('etag')).not.toBe(etag);
    expect((await product.admin(path('a/b é'))).headers.get('content-type')).toMatch(/^text\/plain/);
    expect((await ask(path('a/b é'), { method: 'DELETE' })).status).toBe(204);
    const gone = await ask<Problem>(path('a/b é'));
    expect([gone.status, expectProblem(gone)]).toEqual([404, 'not-found']);
    expect((await ask(path('a/b é'), { method: 'DELETE' })).status).toBe(404);
    expect((await ask(path('a/b é'), { method: 'HEAD' })).status).toBe(404);
  });

  it.each([0, 1, 262_144, 262_145, 1_048_576])('takes a value of %i bytes', async (size) => {
    const bytes = new Uint8Array(size).map((_, i) => (i * 31) & 0xff);
    expect((await putValue('sized', bytes)).status).toBeLessThan(300);
    const response = await product.admin(path('sized'));
    expect(response.status).toBe(200);
    expect(Buffer.compare(new Uint8Array(await response.arrayBuffer()), bytes)).toBe(0);
  });

  it.each(['%2F', '%252F', '%00', 'a%20b', '%F0%9F%8E%AF', '..%2F..', '%3Fx%3D1', ';', 'a:b', '%e2%80%a6'])(
    'keeps the key %s apart from every other',
    async (raw) => {
      const url = `/v1/kv/odd-keys/${raw}`;
      expect((await ask(url, { method: 'PUT', body: raw })).status).toBe(201);
      expect((await ask<string>(url)).body).toBe(raw);
    },
  );

  it('keeps equal keys of different namespaces apart', async () => {
    await ask('/v1/kv/one/key', { method: 'PUT', body: '1' });
    expect((await ask('/v1/kv/onek/ey')).status).toBe(404);
    expect((await ask('/v1/kv/two/key')).status).toBe(404);
  });

  it('writes under conditions, and tells the current tag when one does not hold', async () => {
    const created = await putValue('cas', '1', { 'If-None-Match': '*' });
    expect(created.status).toBe(201);
    const first = created.headers.get('etag') ?? '';
    const twice = await putValue('cas', '2', { 'If-None-Match': '*' });
    expect([twice.status, expectProblem(twice), twice.headers.get('etag')]).toEqual([
      412,
      'precondition-failed',
      first,
    ]);
    const second = (await putValue('cas', '2', { 'If-Match': first })).headers.get('etag') ?? '';
    const lost = await putValue('cas', '3', { 'If-Match': first });
    expect([lost.status, lost.headers.get('etag')]).toEqual([412, second]);
    expect((await putValue('cas', '3', { 'If-Match': `W/${second}` })).status).toBe(412);
    expect((await putValue('cas', '3', { 'If-Match': `"x", ${second}` })).status).toBe(204);
    expect((await ask(path('cas'), { method: 'DELETE', headers: { 'If-Match': second } })).status).toBe(412);
    expect((await ask(path('cas'), { method: 'DELETE', headers: { 'If-Match': '*' } })).status).toBe(204);
    const absent = await putValue('cas', '4', { 'If-Match': '*' });
    expect([absent.status, absent.headers.get('etag')]).toEqual([412, null]);
    expect((await ask(path('cas'))).status).toBe(404);
  });

  it('lets exactly one of many creators win', async () => {
    const statuses = await Promise.all(
      Array.from(
        { length: 10 },
        async (_, i) => (await putValue('race', String(i), { 'If-None-Match': '*' })).status,
      ),
    );
    expect(statuses.sort()).toEqual([201, ...Array.from({ length: 9 }, () => 412)]);
  });

  it('reads under conditions', async () => {
    const etag = (await putValue('cond', 'x')).headers.get('etag') ?? '';
    const status = async (headers: Record<string, string>) => (await ask(path('cond'), { headers })).status;
    expect(await status({ 'If-None-Match': etag })).toBe(304);
    expect(await status({ 'If-None-Match': `W/${etag}` })).toBe(304);
    expect(await status({ 'If-None-Match': '"other"' })).toBe(200);
    expect(await status({ 'If-Match': etag })).toBe(200);
    expect(await status({ 'If-Match': '"other"' })).toBe(412);
    expect((await ask(path('absent'), { headers: { 'If-None-Match': '*' } })).status).toBe(404);
  });

  it('lives as long as its ttl', async () => {
    expect((await putValue('short', 'x', {}, '?ttl=1&tags=a,b')).status).toBe(201);
    expect((await ask(path('short'))).status).toBe(200);
    await waitUntil(async () => (await ask(path('short'))).status === 404, { what: 'the key to expire' });
    expect((await putValue('short', 'y')).status).toBe(201);
  });

  it('gives a repeated write its first outcome, and refuses the id for another', async () => {
    const once = { 'Idempotency-Key': 'order-66' };
    const first = await putValue('once', '1', once);
    await putValue('once', '2');
    const again = await putValue('once', '1', once);
    expect([again.status, again.headers.get('etag')]).toEqual([201, first.headers.get('etag')]);
    expect((await ask<string>(path('once'))).body).toBe('2');
    const other = await putValue('once', '3', once);
    expect([other.status, badFields(other)]).toEqual([422, ['Idempotency-Key']]);
    expect((await putValue('once-more', '3', once)).status).toBe(201);
  });

  it('carries a bookmark with every answer and merges the one that was sent', async () => {
    const bookmark = async (key: string, init: AdminInit) =>
      (await ask(path(key), init)).headers.get('roundel-bookmark') ?? '';
    let last = '';
    for (let i = 0; i < 24; i++) {
      const headers: Record<string, string> = last === '' ? {} : { 'Roundel-Bookmark': last };
      const key = `bookmark-${i}`;
      last = await bookmark(key, { method: 'PUT', body: 'x', headers });
      expect(last).toMatch(/^b1\./);
    }
    // 24 keys fall on all four shards but with a chance of 4 × (3/4)^24 = 0.4 %; their names are fixed.
    expect(last.split('.').length - 1).toBe(4);
    for (const [key, init] of [
      ['bookmark-0', {}],
      ['absent', {}],
      ['bookmark-0', { method: 'PUT', body: 'y', headers: { 'If-None-Match': '*' } }],
      ['bookmark-0', { method: 'HEAD' }],
      ['bookmark-0', { method: 'DELETE' }],
    ] as const) {
      const headers = { ...('headers' in init ? init.headers : {}), 'Roundel-Bookmark': last };
      expect((await bookmark(key, { ...init, headers })).split('.').length - 1).toBe(4);
    }
    for (const consistency of ['linearizable', 'session', 'bounded', 'any']) {
      const answer = await ask<string>(`${path('bookmark-1')}?consistency=${consistency}`, {
        headers: { 'Roundel-Bookmark': last },
      });
      expect([answer.status, answer.body]).toEqual([200, 'x']);
      const namespace = path('').replace(/\/$/, '');
      const query = `consistency=${consistency}`;
      const batch = await ask<{ results: unknown[] }>(`${namespace}?${query}`, {
        method: 'POST',
        json: { ops: [{ op: 'get', key: 'bookmark-1' }] },
        headers: { 'Roundel-Bookmark': last },
      });
      expect(batch.body.results).toMatchObject([{ status: 200, value: 'x' }]);
      const list = await ask<{ keys: { key: string }[] }>(`${namespace}?prefix=bookmark-&${query}`, {
        headers: { 'Roundel-Bookmark': last },
      });
      expect(list.body.keys.map(({ key }) => key)).toContain('bookmark-1');
    }
  });

  it('reads of a session are answered whatever groups its bookmark names; those that are gone are dropped', async () => {
    await putValue('session', 'x');
    const headers = { 'Roundel-Bookmark': 'b1.gone~5~zz' };
    const answer = await ask<string>(`${path('session')}?consistency=session`, { headers });
    expect([answer.status, answer.body]).toEqual([200, 'x']);
    const bookmark = answer.headers.get('roundel-bookmark') ?? '';
    expect(bookmark).toMatch(/^b1\.[^.]+$/);
    expect(bookmark).not.toContain('gone');
  });
});

describe('increments', () => {
  const increment = (key: string, json: unknown = {}, headers: Record<string, string> = {}) =>
    ask<Problem & { value: number }>(`/v1/kv/counters/${key}/increment`, { method: 'POST', json, headers });

  it('count from nothing, and back', async () => {
    const first = await increment('a');
    expect([first.status, first.body]).toEqual([200, { value: 1 }]);
    expect(first.headers.get('etag')).toMatch(/^"[^"]+"$/);
    expect(first.headers.get('roundel-bookmark')).toMatch(/^b1\./);
    expect((await increment('a', { by: -5 })).body).toEqual({ value: -4 });
    const read = await ask<string>('/v1/kv/counters/a');
    expect([read.body, read.headers.get('content-type')]).toEqual(['-4', 'text/plain; charset=utf-8']);
  });

  it('lose none of many at once', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => increment('many')));
    expect(answers.map(({ body }) => body.value).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 40 }, (_, i) => i + 1),
    );
  });

  it('are all answered, each once, while other clients leave whose requests carry theirs', async () => {
    const before = await increment('left');
    expect(before.body.value).toBe(1);
    const request = [
      'POST /_roundel/v1/kv/counters/left/increment HTTP/1.1',
      'Host: edge',
      `Authorization: Bearer ${product.adminToken}`,
      'Content-Type: application/json',
      'Content-Length: 2',
      '',
      '{}',
    ].join('\r\n');
    const leave = async () => {
      const connection = await openRaw(product.url);
      connection.send(request);
      connection.reset();
    };
    const stay = async () => {
      const startedAt = performance.now();
      const { status, body } = await increment('left');
      return { status, value: body.value, tookMs: performance.now() - startedAt };
    };
    const stayed: Awaited<ReturnType<typeof stay>>[] = [];
    for (let round = 0; round < 25; round++) {
      const left = [leave(), leave(), leave(), leave()];
      stayed.push(...(await Promise.all(Array.from({ length: 8 }, stay))));
      await Promise.all(left);
    }
    expect(stayed.filter(({ status }) => status !== 200)).toEqual([]);
    const values = new Set(stayed.map(({ value }) => value));
    expect(values.size).toBe(stayed.length);
    const { value } = (await increment('left', { by: 0 })).body;
    expect(value).toBeGreaterThanOrEqual(1 + stayed.length);
    expect(value).toBeLessThanOrEqual(1 + stayed.length + 100);
    // Whoever was forgotten with a request that left would have tried again after 1.5 s.
    expect(stayed.filter(({ tookMs }) => tookMs > 1_400).length).toBeLessThan(8);
  });

  it('answer 409 for what is no integer, and change nothing', async () => {
    await ask('/v1/kv/counters/text', { method: 'PUT', body: 'four' });
    const refused = await increment('text');
    expect([refused.status, expectProblem(refused)]).toEqual([409, 'not-an-integer']);
    expect((await ask<string>('/v1/kv/counters/text')).body).toBe('four');
    await ask('/v1/kv/counters/large', { method: 'PUT', body: String(Number.MAX_SAFE_INTEGER) });
    const beyond = await increment('large');
    expect([beyond.status, expectProblem(beyond)]).toEqual([409, 'out-of-range']);
  });

  it('count once for one Idempotency-Key, and refuse it for another sum', async () => {
    const once = { 'Idempotency-Key': 'count-1' };
    expect((await increment('once', { by: 3 }, once)).body).toEqual({ value: 3 });
    expect((await increment('once', { by: 3 }, once)).body).toEqual({ value: 3 });
    const other = await increment('once', { by: 4 }, once);
    expect([other.status, badFields(other)]).toEqual([422, ['Idempotency-Key']]);
    expect((await increment('once', { by: 0 })).body).toEqual({ value: 3 });
  });

  it('honour If-Match', async () => {
    const { headers } = await increment('cas');
    const tag = headers.get('etag') ?? '';
    expect((await increment('cas', {}, { 'If-Match': tag })).status).toBe(200);
    const lost = await increment('cas', {}, { 'If-Match': tag });
    expect([lost.status, expectProblem(lost)]).toEqual([412, 'precondition-failed']);
    expect((await increment('none', {}, { 'If-Match': '*' })).status).toBe(412);
  });
});

describe('batches', () => {
  interface Result {
    status: number;
    etag?: string | null;
    value?: string | number;
    valueBase64?: string;
    problem?: string;
  }
  const batch = async (ops: unknown[], headers: Record<string, string> = {}) => {
    const answer = await ask<{ results: Result[] }>('/v1/kv/batch', {
      method: 'POST',
      json: { ops },
      headers,
    });
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    return answer.body.results;
  };

  it('do each op for itself, and answer in order', async () => {
    const results = await batch([
      { op: 'put', key: 'a', value: 'text ä', tags: ['t'], ttl: 60 },
      { op: 'put', key: 'b', valueBase64: '/wA=' },
      { op: 'get', key: 'absent' },
      { op: 'delete', key: 'absent' },
      { op: 'increment', key: 'n', by: 2 },
      { op: 'put', key: 'c', value: 'x', ifMatch: '"no"' },
    ]);
    expect(results.map(({ status }) => status)).toEqual([201, 201, 404, 404, 200, 412]);
    expect(results[4]).toMatchObject({ value: 2, etag: expect.stringMatching(/^"/) });
    expect(results[5]).toEqual({ status: 412, etag: null, problem: 'precondition-failed' });
    const read = await batch(['c', 'b', 'a', 'n'].map((key) => ({ op: 'get', key })));
    expect(read).toMatchObject([
      { status: 404 },
      { status: 200, valueBase64: '/wA=' },
      { status: 200, value: 'text ä', etag: results[0]?.etag },
      { status: 200, value: '2' },
    ]);
    expect((await ask<string>('/v1/kv/batch/a')).headers.get('content-type')).toBe(
      'text/plain; charset=utf-8',
    );
    const again = await batch([
      { op: 'put', key: 'a', value: 'y', ifMatch: results[0]?.etag },
      { op: 'delete', key: 'b' },
      { op: 'increment', key: 'a' },
    ]);
    expect(again.map(({ status, problem }) => [status, problem])).toEqual([
      [204, undefined],
      [204, undefined],
      [409, 'not-an-integer'],
    ]);
  });

  it('do what concerns one key in their order', async () => {
    const results = await batch([
      { op: 'get', key: 'one' },
      { op: 'put', key: 'one', value: '5' },
      { op: 'increment', key: 'one' },
      { op: 'get', key: 'one' },
      { op: 'delete', key: 'one' },
      { op: 'get', key: 'one' },
    ]);
    expect(results.map(({ status, value }) => [status, value])).toEqual([
      [404, undefined],
      [201, undefined],
      [200, 6],
      [200, '6'],
      [204, undefined],
      [404, undefined],
    ]);
  });

  it('of a hundred ops on all shards are answered whole, with a bookmark of each', async () => {
    const ops = Array.from({ length: 100 }, (_, i) => ({ op: 'put', key: `k${i}`, value: String(i) }));
    const answer = await ask<{ results: Result[] }>('/v1/kv/hundred', { method: 'POST', json: { ops } });
    expect(answer.body.results.map(({ status }) => status)).toEqual(Array(100).fill(201));
    expect((answer.headers.get('roundel-bookmark') ?? '').split('.').length - 1).toBe(4);
    const gets = ops.map(({ key }) => ({ op: 'get', key }));
    const read = await ask<{ results: Result[] }>('/v1/kv/hundred?consistency=session', {
      method: 'POST',
      json: { ops: gets },
    });
    expect(read.body.results.map(({ value }) => value)).toEqual(ops.map(({ value }) => value));
    expect(
      (await ask<{ results: Result[] }>('/v1/kv/hundred', { method: 'POST', json: { ops: [] } })).body,
    ).toEqual({
      results: [],
    });
  });

  it('give repeated ones their first outcomes, by key and place', async () => {
    const once = { 'Idempotency-Key': 'batch-1' };
    const ops = [
      { op: 'increment', key: 'r' },
      { op: 'increment', key: 'r' },
      { op: 'put', key: 's', value: 'x' },
    ];
    const first = await batch(ops, once);
    expect(first.map(({ value }) => value)).toEqual([1, 2, undefined]);
    expect(await batch(ops, once)).toEqual(first);
    const other = await batch([{ op: 'increment', key: 'r', by: 9 }], once);
    expect(other).toEqual([{ status: 422, problem: 'invalid' }]);
  });

  it('take values beyond what a log entry holds', async () => {
    const value = 'v'.repeat(700_000);
    expect(await batch([{ op: 'put', key: 'large', value }])).toMatchObject([{ status: 201 }]);
    expect(await batch([{ op: 'get', key: 'large' }])).toMatchObject([{ status: 200, value }]);
    const many = await batch(Array.from({ length: 100 }, () => ({ op: 'get', key: 'large' })));
    expect(new Set(many.map(({ status }) => status))).toEqual(new Set([200, 413]));
  });
});

describe('listings', () => {
  interface Listed {
    keys: { key: string; etag: string; bytes: number }[];
    cursor: string | null;
  }
  const list = (query = '', namespace = 'listed') => ask<Listed & Problem>(`/v1/kv/${namespace}${query}`);
  const names = Array.from({ length: 60 }, (_, i) => `item-${i}`);
  const byBytes = (keys: readonly string[]) =>
    [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

  beforeAll(async () => {
    const ops = names.map((key, i) => ({ op: 'put', key, value: 'x'.repeat(i) }));
    await ask('/v1/kv/listed', { method: 'POST', json: { ops } });
    await ask('/v1/kv/listed/%C3%A4%2Fb', { method: 'PUT', body: 'x' });
  });

  it('have every key of the namespace in order, with its tag and size', async () => {
    const { status, body, headers } = await list();
    expect(status).toBe(200);
    expect(body.keys.map(({ key }) => key)).toEqual(byBytes([...names, 'ä/b']));
    expect(body.cursor).toBeNull();
    expect(body.keys.find(({ key }) => key === 'item-7')).toMatchObject({ bytes: 7 });
    const { etag } = body.keys[3] ?? { etag: '' };
    const read = await ask(`/v1/kv/listed/${body.keys[3]?.key}`);
    expect(read.headers.get('etag')).toBe(etag);
    expect((headers.get('roundel-bookmark') ?? '').split('.').length - 1).toBe(4);
    expect((await list('', 'nothing-here')).body).toEqual({ keys: [], cursor: null });
  });

  it.each([1, 7, 61, 1_000])('come page by page, %i at a time', async (limit) => {
    const found: string[] = [];
    let cursor: string | null = '';
    for (let page = 0; cursor !== null; page++) {
      expect(page).toBeLessThan(100);
      const { body } = await list(`?limit=${limit}${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(body.keys.length).toBeLessThanOrEqual(limit);
      found.push(...body.keys.map(({ key }) => key));
      cursor = body.cursor;
    }
    expect(found).toEqual(byBytes([...names, 'ä/b']));
  });

  it('of a prefix have only what begins with it, and their cursors fit no other', async () => {
    const expected = byBytes(names.filter((name) => name.startsWith('item-1')));
    const { body } = await list('?prefix=item-1&limit=3');
    expect(body.keys.map(({ key }) => key)).toEqual(expected.slice(0, 3));
    const next = await list(`?prefix=item-1&cursor=${body.cursor}`);
    expect(next.body.keys.map(({ key }) => key)).toEqual(expected.slice(3));
    for (const query of [`?cursor=${body.cursor}`, `?prefix=item-2&cursor=${body.cursor}`]) {
      const refused = await list(query);
      expect([refused.status, badFields(refused)]).toEqual([422, ['cursor']]);
    }
    expect((await list('?prefix=%C3%A4')).body.keys.map(({ key }) => key)).toEqual(['ä/b']);
  });

  it('leave out what was removed, and what a purge emptied', async () => {
    const ops = ['a', 'b', 'c'].map((key) => ({
      op: 'put',
      key,
      value: 'x',
      ...(key === 'b' ? { tags: ['b'] } : {}),
    }));
    await ask('/v1/kv/shrinking', { method: 'POST', json: { ops } });
    await ask('/v1/kv/shrinking/a', { method: 'DELETE' });
    expect((await list('', 'shrinking')).body.keys.map(({ key }) => key)).toEqual(['b', 'c']);
    await ask('/v1/purge', { method: 'POST', json: { tags: ['b'] } });
    expect((await list('', 'shrinking')).body.keys.map(({ key }) => key)).toEqual(['c']);
    await ask('/v1/purge', { method: 'POST', json: { namespaces: ['shrinking'] } });
    expect((await list('', 'shrinking')).body).toMatchObject({ keys: [], cursor: null });
  });
});
