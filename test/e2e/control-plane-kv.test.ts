// Key-value data over HTTP on plain workerd: bytes, types, conditions, lifetimes, repeated writes and bookmarks.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adminCalls, badFields, expectProblem, type Problem } from '../support/admin-calls.ts';
import { type AdminInit, type Product, startProduct } from '../support/product.ts';
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
    }
  });
});
