// The admin API over HTTP on plain workerd: who may call, what each call answers, and that no wrong request changes
// anything.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { Stats } from '../../durable-objects/interfaces/telemetry.ts';
import { adminCalls, badFields, expectProblem, type Problem } from '../support/admin-calls.ts';
import { type AdminInit, type Product, startProduct } from '../support/product.ts';
import { openRaw } from '../support/raw-http.ts';
import { waitUntil } from '../support/wait-until.ts';

const TOKENS = {
  ROUNDEL_PURGE_TOKEN: 'test-purge-token',
  ROUNDEL_KV_TOKEN: 'test-kv-token',
  ROUNDEL_READ_TOKEN: 'test-read-token',
} as const;

let product: Product;
let document: ConfigDocument;

beforeAll(async () => {
  product = await startProduct({
    mocks: 2,
    env: TOKENS,
    config: (origins) => {
      document = {
        pools: {
          web: { backends: origins.map(({ name, url }) => ({ id: name, url })) },
          spare: { backends: [] },
        },
        routes: [
          { id: 'counted', match: { paths: ['/counted/*'] }, pool: 'web' },
          { id: 'all', pool: 'web', cache: { enabled: true } },
        ],
      };
      return document;
    },
  });
});
afterAll(() => product?.stop());

const { ask, read, currentVersion } = adminCalls(() => product);
const put = (json: unknown, headers: Record<string, string> = {}) =>
  ask<Problem & { version: number; createdAt: number; createdBy: string }>('/v1/config', {
    method: 'PUT',
    json,
    headers,
  });
const withWeight = (weight: number): ConfigDocument => ({
  ...document,
  pools: {
    ...document.pools,
    web: {
      ...document.pools?.web,
      backends: (document.pools?.web?.backends ?? []).map((backend) => ({ ...backend, weight })),
    },
  },
});

describe('who may call', () => {
  const PURGE = { method: 'POST', json: { urls: ['http://h.example/'] } } as const;
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

  it.each([
    ['no field', { Authorization: '' }],
    ['another scheme', { Authorization: 'Basic dXNlcjpwYXNz' }],
    ['an unknown token', bearer('wrong')],
    ['a token that only begins like one', bearer('test-admin-toke')],
    ['a token that goes on', bearer('test-admin-token2')],
    ['two tokens', bearer('test-admin-token test-admin-token')],
  ])('answers 401 to %s, whatever was asked for', async (_title, headers) => {
    for (const path of ['/v1/config', '/v1/nothing', '/openapi.json', '/']) {
      const answer = await ask<Problem>(path, { headers });
      expect(answer.status).toBe(401);
      expect(expectProblem(answer)).toBe('unauthorized');
      expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
  });

  it.each([
    ['read', '/v1/config', {}, 200],
    ['read', '/v1/pools/web', {}, 200],
    ['read', '/v1/health', {}, 200],
    ['read', '/v1/stats', {}, 200],
    ['read', '/v1/explain', { method: 'POST', json: { url: 'http://h.example/' } }, 200],
    ['read', '/openapi.json', {}, 200],
    ['read', '/v1/config', { method: 'PUT', json: {} }, 403],
    ['read', '/v1/pools/web/backends/a/drain', { method: 'POST' }, 403],
    ['read', '/v1/purge', PURGE, 403],
    ['read', '/v1/pools/web/probe', { method: 'POST' }, 403],
    ['read', '/v1/kv/ns/key', {}, 403],
    ['purge', '/v1/purge', PURGE, 200],
    ['purge', '/v1/config', {}, 403],
    ['purge', '/v1/kv/ns/key', { method: 'PUT', body: 'x' }, 403],
    ['kv', '/v1/kv/ns/absent', {}, 404],
    ['kv', '/v1/config', {}, 403],
    ['kv', '/v1/purge', PURGE, 403],
    ['kv', '/v1/nothing', {}, 404],
    ['admin', '/v1/kv/ns/absent', {}, 404],
    ['admin', '/v1/purge', PURGE, 200],
  ] as const)('with the role %s, %s %j gets %i', async (role, path, init, status) => {
    const answer = await ask<Problem>(path, { ...init, headers: bearer(`test-${role}-token`) });
    expect(answer.status, JSON.stringify(answer.body)).toBe(status);
    if (status === 403) expect(expectProblem(answer)).toBe('forbidden');
  });

  it('lets anyone ask whether requests can be served', async () => {
    const response = await fetch(`${product.url}/_roundel/ready`);
    expect(response.status).toBe(200);
    expect((await fetch(`${product.url}/_roundel/ready`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${product.url}/_roundel/ready`, { method: 'POST' })).status).toBe(401);
  });

  it('is closed, and says why, when no admin token is set', async () => {
    const closed = await startProduct({ env: { ...TOKENS, ROUNDEL_ADMIN_TOKEN: '' } });
    try {
      for (const token of ['', 'undefined', 'test-read-token']) {
        const response = await fetch(`${closed.url}/_roundel/v1/config`, { headers: bearer(token) });
        expect(response.status).toBe(503);
        const problem = (await response.json()) as Problem;
        expect(problem.type).toBe('urn:roundel:problem:control-plane-closed');
        expect(problem.detail).toContain('ROUNDEL_ADMIN_TOKEN');
      }
      expect((await fetch(`${closed.url}/_roundel/ready`)).status).toBe(200);
    } finally {
      await closed.stop();
    }
  });
});

describe('two planes', () => {
  it('answers nothing outside its prefix, and leaves nothing below it to the routes', async () => {
    for (const path of ['/v1/config', '/_roundelx', '/x/_roundel/v1/config', '/ready', '/openapi.json']) {
      const response = await fetch(`${product.url}${path}`, {
        headers: { Authorization: `Bearer ${product.adminToken}` },
      });
      expect(response.headers.get('via'), path).not.toBeNull();
    }
    const before = product.origins.length;
    expect(before).toBe(2);
    const answer = await ask<Problem>('/nothing');
    expect([answer.status, expectProblem(answer)]).toEqual([404, 'not-found']);
  });

  it('sends fields with every answer that keep it private', async () => {
    const answers = [
      await product.admin('/v1/config'),
      await product.admin('/v1/nothing'),
      await fetch(`${product.url}/_roundel/ready`),
      await fetch(`${product.url}/_roundel/v1/config`),
    ];
    for (const { headers } of answers) {
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it.each(['PURGE', 'BAN', 'OPTIONS', 'DELETE', 'POST'])(
    'answers %s on the configuration with 405',
    async (method) => {
      const answer = await ask<Problem>('/v1/config', { method });
      expect(answer.status).toBe(405);
      expect(expectProblem(answer)).toBe('method-not-allowed');
      expect(answer.headers.get('allow')).toBe('GET, HEAD, PUT, PATCH');
    },
  );

  it('answers HEAD where GET is, without a body', async () => {
    for (const path of ['/v1/config', '/v1/pools', '/v1/health', '/v1/events', '/openapi.json']) {
      const answer = await ask<string>(path, { method: 'HEAD' });
      expect(answer.status, path).toBe(200);
      expect(answer.body).toBe('');
    }
    expect((await ask('/v1/purge', { method: 'HEAD' })).status).toBe(405);
    expect((await ask('/v1/pools/absent', { method: 'HEAD' })).status).toBe(404);
  });

  it('looks at the raw path: nothing is decoded or folded before it is compared', async () => {
    const status = async (target: string) => {
      const connection = await openRaw(product.url);
      connection.send(
        `GET ${target} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${product.adminToken}\r\nConnection: close\r\n\r\n`,
      );
      const { received } = await connection.end();
      connection.destroy();
      return [received.slice(9, 12), /urn:roundel:problem:([a-z-]+)/.exec(received)?.[1]];
    };
    expect(await status('/_roundel/v1/config')).toEqual(['200', undefined]);
    expect(await status('/_roundel/v1/%63onfig')).toEqual(['404', 'not-found']);
    expect(await status('/_roundel/v1/./config')).toEqual(['404', 'not-found']);
    expect(await status('/_roundel/v1//config')).toEqual(['404', 'not-found']);
    expect(await status('/_roundel/v1/config/')).toEqual(['404', 'not-found']);
    expect(await status('/_roundel/v1/x/../config')).toEqual(['404', 'not-found']);
    expect(await status('/_roundel/v1/pools/w%65b')).toEqual(['200', undefined]);
    expect(await status('/_roundel/v1/pools/%zz')).toEqual(['422', 'invalid']);
    expect(await status('/_roundel/v1/kv/ns/..')).toEqual(['422', 'invalid']);
    expect(await status('/_roundel/v1/kv/ns/%2e')).toEqual(['422', 'invalid']);
    expect(await status('/_roundel/v1/kv/ns/a/b')).toEqual(['404', 'not-found']);
  });
});

describe('the configuration', () => {
  it('is read as it was written, under an entity tag', async () => {
    const answer = await ask<{ version: number; config: unknown; createdAt: number; createdBy: string }>(
      '/v1/config',
    );
    expect(answer.body.config).toEqual(document);
    expect(answer.headers.get('etag')).toBe(`"v${answer.body.version}"`);
    expect(answer.body.createdAt).toBeGreaterThan(1_700_000_000_000);
    const again = await ask<string>('/v1/config', {
      headers: { 'If-None-Match': `"v${answer.body.version}"` },
    });
    expect([again.status, again.body]).toEqual([304, '']);
  });

  it('makes a version of a change, and none of an unchanged document', async () => {
    const before = await currentVersion();
    const changed = await put(withWeight(2));
    expect(changed.status).toBe(200);
    expect(Object.keys(changed.body).sort()).toEqual(['createdAt', 'createdBy', 'version']);
    expect(changed.body).toMatchObject({ version: before + 1, createdBy: 'admin' });
    expect(changed.headers.get('etag')).toBe(`"v${before + 1}"`);
    const same = await put(withWeight(2));
    expect([same.status, same.body.version]).toEqual([200, before + 1]);
    const back = await put(document);
    expect(back.body.version).toBe(before + 2);
  });

  it('is patched by RFC 7396', async () => {
    const { pools } = document;
    const patched = await ask<{ version: number }>('/v1/config', {
      method: 'PATCH',
      body: JSON.stringify({ pools: { spare: null, extra: { backends: [] } } }),
      headers: { 'Content-Type': 'application/merge-patch+json' },
    });
    expect(patched.status).toBe(200);
    const { config } = await read<{ config: ConfigDocument }>('/v1/config');
    expect(config).toEqual({ ...document, pools: { web: pools?.web, extra: { backends: [] } } });
    const jsonPatch = await ask<Problem>('/v1/config', {
      method: 'PATCH',
      body: '[]',
      headers: { 'Content-Type': 'application/json-patch+json' },
    });
    expect([jsonPatch.status, expectProblem(jsonPatch)]).toEqual([415, 'unsupported-media-type']);
    await put(document);
  });

  it.each([
    ['the current tag', (v: number) => `"v${v}"`, 200],
    ['any', () => '*', 200],
    ['a list with the current tag', (v: number) => `"v1x", "v${v}"`, 200],
    ['an old tag', (v: number) => `"v${v - 1}"`, 412],
    ['a tag of the future', (v: number) => `"v${v + 1}"`, 412],
    ['a weak tag', (v: number) => `W/"v${v}"`, 412],
    ['a tag of something else', () => '"abc"', 412],
    ['no tag at all', (v: number) => `v${v}`, 400],
  ])('honours If-Match with %s', async (_title, field, status) => {
    const before = await currentVersion();
    const answer = await put(withWeight(before + 0.5), { 'If-Match': field(before) });
    expect(answer.status).toBe(status);
    if (status === 412) {
      expect(expectProblem(answer)).toBe('version-conflict');
      expect(answer.body.version).toBe(before);
      expect(answer.headers.get('etag')).toBe(`"v${before}"`);
    }
    expect(await currentVersion()).toBe(status === 200 ? before + 1 : before);
    await put(document);
  });

  it('lets exactly one of many administrators win who saw the same version', async () => {
    const before = await currentVersion();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => put(withWeight(i + 3), { 'If-Match': `"v${before}"` })),
    );
    const counts = answers.map(({ status }) => status).sort();
    expect(counts).toEqual([200, ...Array.from({ length: 11 }, () => 412)]);
    expect(await currentVersion()).toBe(before + 1);
    await put(document);
  });

  it('is tried out without changing anything', async () => {
    interface DryRun {
      valid: boolean;
      errors: { path: string }[];
      diff: { path: string; before: unknown; after: unknown }[];
      preview: {
        pools: Record<string, { keysMovedRatio: number; maxShareBefore: number; maxShareAfter: number }>;
      };
    }
    const before = await currentVersion();
    const tried = await ask<DryRun>('/v1/config?dryRun=1', {
      method: 'PATCH',
      json: { pools: { web: { strategy: { type: 'consistent-hash' } } } },
    });
    expect(tried.status).toBe(200);
    expect(tried.body).toMatchObject({ valid: true, errors: [] });
    expect(tried.body.diff.length).toBeGreaterThan(0);
    expect(tried.body.preview.pools.web?.keysMovedRatio).toBeGreaterThanOrEqual(0);
    const wrong = await ask<DryRun>('/v1/config?dryRun=1', {
      method: 'PUT',
      json: { pools: { web: { x: 1 } } },
    });
    expect(wrong.status).toBe(200);
    expect(wrong.body.valid).toBe(false);
    expect(wrong.body.errors.map(({ path }) => path)).toEqual(['pools.web.x']);
    expect(await currentVersion()).toBe(before);
  });

  it('keeps its history, and rolls back by a new version', async () => {
    const first = await currentVersion();
    const second = (await put(withWeight(9))).body.version;
    const { versions } = await read<{ versions: { version: number; createdBy: string }[] }>(
      '/v1/config/versions',
    );
    expect(versions.slice(0, 2).map(({ version }) => version)).toEqual([second, first]);
    const old = await ask<{ version: number; config: unknown }>(`/v1/config/versions/${first}`);
    expect(old.body).toMatchObject({ version: first, config: document });
    expect(old.headers.get('etag')).toBe(`"v${first}"`);

    const rolledBack = await ask<{ version: number }>('/v1/config/rollback', {
      method: 'POST',
      json: { version: first },
    });
    expect([rolledBack.status, rolledBack.body.version]).toEqual([200, second + 1]);
    expect((await read<{ config: unknown }>('/v1/config')).config).toEqual(document);

    const missing = await ask<Problem>('/v1/config/rollback', { method: 'POST', json: { version: 99_999 } });
    expect([missing.status, expectProblem(missing)]).toEqual([404, 'not-found']);
    for (const version of ['99999', '0', '-1', '1.5', 'v1', '1e3']) {
      expect((await ask(`/v1/config/versions/${version}`)).status, version).toBe(404);
    }
    expect(await currentVersion()).toBe(second + 1);
  });

  it('is adopted from a file only when the file differs from the one before', async () => {
    const adopt = (digest: string, json: unknown, path = '/v1/config') =>
      ask<Problem & { version: number }>(path, {
        method: 'PUT',
        json,
        headers: { 'Roundel-Config-File': digest },
      });
    const first = await adopt('digest-1', withWeight(4));
    expect(first.status).toBe(200);
    const changed = await put(document);
    const again = await adopt('digest-1', withWeight(4));
    expect([again.status, again.body.version]).toEqual([200, changed.body.version]);
    const other = await adopt('digest-2', withWeight(5));
    expect(other.body.version).toBe(changed.body.version + 1);
    const mixed = await adopt('digest-3', withWeight(5), '/v1/config?dryRun=1');
    expect([mixed.status, expectProblem(mixed)]).toEqual([422, 'invalid']);
    await put(document);
  });
});

describe('pools and backends, piece by piece', () => {
  const A_POOL = { backends: [{ id: 'x', url: 'http://x.example' }], strategy: { type: 'random' } };

  it('are created, read, changed and removed, each change a version', async () => {
    const before = await currentVersion();
    const change = async (path: string, init: AdminInit) => {
      const answer = await ask<Problem & { version: number }>(path, init);
      expect(answer.status, JSON.stringify(answer.body)).toBe(200);
      expect(answer.headers.get('etag')).toBe(`"v${answer.body.version}"`);
      return answer.body.version - before;
    };
    expect(await change('/v1/pools/new', { method: 'PUT', json: A_POOL })).toBe(1);
    expect(await read('/v1/pools/new')).toEqual(A_POOL);
    expect(await change('/v1/pools/new', { method: 'PATCH', json: { strategy: null } })).toBe(2);
    expect(await read('/v1/pools/new')).toEqual({ backends: A_POOL.backends });

    const backend = { url: 'http://y.example', weight: 3 };
    expect(await change('/v1/pools/new/backends/y', { method: 'PUT', json: backend })).toBe(3);
    expect(await read('/v1/pools/new/backends/y')).toEqual({ id: 'y', ...backend });
    expect(await change('/v1/pools/new/backends/y', { method: 'PATCH', json: { weight: 0 } })).toBe(4);
    for (const [i, [verb, state]] of (
      [
        ['drain', 'draining'],
        ['disable', 'disabled'],
        ['enable', 'active'],
      ] as const
    ).entries()) {
      expect(await change(`/v1/pools/new/backends/y/${verb}`, { method: 'POST' })).toBe(5 + i);
      expect(await read('/v1/pools/new/backends/y')).toMatchObject({ state });
    }
    expect(await change('/v1/pools/new/backends/y/enable', { method: 'POST' })).toBe(7);
    expect(await change('/v1/pools/new/backends/y', { method: 'DELETE' })).toBe(8);
    expect(await read<{ pools: object }>('/v1/pools')).toMatchObject({
      pools: { new: { backends: [{ id: 'x' }] } },
    });
    expect(await change('/v1/pools/new', { method: 'DELETE' })).toBe(9);
    expect((await ask('/v1/pools/new')).status).toBe(404);
  });

  it.each([
    ['GET', '/v1/pools/absent'],
    ['PATCH', '/v1/pools/absent'],
    ['DELETE', '/v1/pools/absent'],
    ['GET', '/v1/pools/__proto__'],
    ['GET', '/v1/pools/constructor'],
    ['GET', '/v1/pools/absent/backends/a'],
    ['PUT', '/v1/pools/absent/backends/a'],
    ['GET', '/v1/pools/web/backends/absent'],
    ['PATCH', '/v1/pools/web/backends/absent'],
    ['DELETE', '/v1/pools/web/backends/absent'],
    ['POST', '/v1/pools/web/backends/absent/drain'],
    ['POST', '/v1/pools/web/backends/a/explode'],
    ['POST', '/v1/pools/absent/probe'],
    ['GET', '/v1/pools/web/backends'],
    ['GET', '/v1/kv'],
    ['POST', '/v1/kv/ns/key/decrement'],
    ['GET', '/metrics'],
    ['GET', '/'],
    ['POST', '/session'],
  ])('answer %s %s with 404', async (method, path) => {
    const before = await currentVersion();
    const json = method === 'PUT' || method === 'PATCH' ? { url: 'http://x.example' } : undefined;
    const answer = await ask<Problem>(path, { method, ...(json && { json }) });
    expect([answer.status, expectProblem(answer)]).toEqual([404, 'not-found']);
    expect(await currentVersion()).toBe(before);
  });

  it('honour If-Match and dryRun like the whole', async () => {
    const before = await currentVersion();
    const stale = await ask<Problem>('/v1/pools/web/backends/a/drain', {
      method: 'POST',
      headers: { 'If-Match': `"v${before - 1}"` },
    });
    expect([stale.status, expectProblem(stale)]).toEqual([412, 'version-conflict']);
    const tried = await ask<{ valid: boolean }>('/v1/pools/web/backends/a/drain?dryRun=1', {
      method: 'POST',
    });
    expect(tried.body).toMatchObject({ valid: true });
    expect(await currentVersion()).toBe(before);
  });
});

describe('health', () => {
  it('shows verdicts, administrative states and what the monitor saw', async () => {
    const [up] = product.origins;
    await product.configure({
      ...document,
      pools: {
        ...document.pools,
        probed: {
          backends: [
            { id: 'up', url: up?.url ?? '' },
            { id: 'down', url: 'http://127.0.0.1:9', state: 'draining' },
          ],
          health: { path: '/', fall: 1, rise: 1 },
        },
      },
    });
    interface Shown {
      state: string;
      administrative: string;
      since: number | null;
      epoch: number;
      vantages: Record<string, { state: string; lastProbeAt: number | null; lastError: string | null }>;
      ejectedUntil: null;
      reason: string;
    }
    const health = await waitUntil(async () => {
      const shown = await read<{ epoch: number; pools: Record<string, { backends: Record<string, Shown> }> }>(
        '/v1/health',
      );
      const { up: first, down } = shown.pools.probed?.backends ?? {};
      return down?.state === 'unhealthy' && first?.vantages.default?.lastProbeAt ? shown : null;
    });
    const { up: healthy, down } = health.pools.probed?.backends ?? {};
    expect(health.epoch).toBeGreaterThan(0);
    expect(down).toMatchObject({ administrative: 'draining', ejectedUntil: null });
    expect(down?.since).toBeGreaterThan(1_700_000_000_000);
    expect(down?.epoch).toBeGreaterThan(0);
    expect(down?.vantages.default).toMatchObject({ state: 'unhealthy' });
    expect(down?.vantages.default?.lastError).not.toBeNull();
    expect(healthy?.vantages.default?.lastProbeAt).toBeGreaterThan(1_700_000_000_000);
    expect(health.pools.web?.backends.a).toMatchObject({
      state: 'unknown',
      administrative: 'active',
      vantages: {},
    });
    await product.configure(document);
  });
});

describe('explain', () => {
  it('tells every decision and sends nothing', async () => {
    for (const origin of product.origins) origin.ledger.clear();
    const explained = await ask<{
      configVersion: number;
      route: string;
      slot: number;
      shard: number;
      cache: { decision: string; reason: string };
      pool: string;
      candidates: { backend: string; accepted: boolean }[];
      chosen: string;
    }>('/v1/explain', {
      method: 'POST',
      json: { url: 'http://h.example/never-asked-for', clientIp: '192.0.2.1' },
    });
    expect(explained.status, JSON.stringify(explained.body)).toBe(200);
    expect(explained.body).toMatchObject({ route: 'all', pool: 'web' });
    expect(explained.body.cache.decision).not.toBe('hit');
    expect(explained.body.candidates.map(({ backend }) => backend).sort()).toEqual(['a', 'b']);
    expect(['a', 'b']).toContain(explained.body.chosen);
    expect(product.origins.flatMap((origin) => origin.ledger.entries())).toEqual([]);
  });
});

describe('shards', () => {
  it('show their members', async () => {
    await ask('/v1/kv/ns/shown', { method: 'PUT', body: 'x' });
    const { shards } = await read<{
      shards: {
        id: number;
        primary: string;
        entries: number;
        members: { id: string; region: string; role: string; state: string; lagOps: number }[];
      }[];
    }>('/v1/shards');
    expect(shards.map(({ id }) => id)).toEqual([0, 1, 2, 3]);
    for (const shard of shards) {
      expect(shard.members).toHaveLength(3);
      expect(shard.members.filter(({ role }) => role === 'primary').map(({ id }) => id)).toEqual([
        shard.primary,
      ]);
      expect(shard.members.map(({ region }) => region)).toEqual(['enam', 'wnam', 'weur']);
    }
    expect(shards.reduce((sum, { entries }) => sum + entries, 0)).toBeGreaterThan(0);
    await ask('/v1/kv/ns/shown', { method: 'DELETE' });
  });

  it('are repaired by an operator who says what he means, and only while they can be', async () => {
    const post = (path: string, json: unknown) => ask<Problem>(path, { method: 'POST', json });
    const code = async (path: string, json: unknown) => {
      const answer = await post(path, json);
      return [answer.status, expectProblem(answer)];
    };
    expect(await code('/v1/shards/4/rebirth', { losesData: true })).toEqual([404, 'not-found']);
    expect(await code('/v1/shards/x/rebirth', { losesData: true })).toEqual([404, 'not-found']);
    expect(await code('/v1/shards/0/members/3/lost', {})).toEqual([404, 'not-found']);
    expect(await code('/v1/shards/0/rebirth', { losesData: false })).toEqual([422, 'invalid']);
    expect(await code('/v1/shards/0/rebirth', {})).toEqual([422, 'invalid']);
    const refused = await post('/v1/shards/0/rebirth', { losesData: true });
    expect([refused.status, expectProblem(refused)]).toEqual([409, 'not-beyond-repair']);
    expect(refused.body.detail).toBe('The members of shard 0 are: normal, normal, normal');
  });
});

describe('purge', () => {
  interface Purged {
    purgeId: string;
    guarantee: string;
    shards: { acked: number; total: number };
    tookMs: number;
  }
  const purge = (json: unknown) => ask<Purged & Problem>('/v1/purge', { method: 'POST', json });
  const cacheStatus = async (path: string) => {
    const response = await fetch(`${product.url}${path}`);
    await response.arrayBuffer();
    return response.headers.get('cache-status') ?? '';
  };
  const fresh = async (path: string) => {
    await waitUntil(async () => (await cacheStatus(path)).includes('hit'), { what: `${path} to be stored` });
  };
  /** A bounded look, the default, may be answered from before for a moment. */
  const gives = async (path: string, word: string) => {
    await waitUntil(async () => (await cacheStatus(path)).includes(word), {
      what: `${path} to give ${word}`,
    });
  };
  const PATH = '/cache/600';

  it('by URL removes it before it answers', async () => {
    await fresh(PATH);
    const purged = await purge({ urls: [`${product.url.replace('http', 'HTTP')}${PATH}`] });
    expect(purged.status, JSON.stringify(purged.body)).toBe(200);
    expect(purged.body).toMatchObject({ guarantee: 'committed', shards: { acked: 1, total: 1 } });
    expect(purged.headers.get('roundel-bookmark')).toMatch(/^b1\./);
    await gives(PATH, 'fwd=');
  });

  it('finds a URL as it was sent, also when it is written with letters that have to be escaped', async () => {
    await fresh('/cache/600?q=%C3%A4');
    expect((await purge({ urls: [`${product.url}/cache/600?q=ä`] })).status).toBe(200);
    await gives('/cache/600?q=%C3%A4', 'fwd=');
  });

  it('of all removes everything', async () => {
    await fresh(PATH);
    await fresh(`${PATH}?n=2`);
    expect((await purge({ all: true })).body).toMatchObject({ shards: { acked: 4, total: 4 } });
    await gives(PATH, 'fwd=');
    await gives(`${PATH}?n=2`, 'fwd=');
  });

  it('by prefix removes what is below it, on every shard, and nothing beside it', async () => {
    const paths = [1, 2, 3, 4, 5, 6].map((n) => `${PATH}?below=${n}`);
    for (const path of paths) await fresh(path);
    expect((await purge({ prefixes: [`${product.url}/cach/`, `${product.url}/cache/600/`] })).status).toBe(
      200,
    );
    for (const path of paths) expect(await cacheStatus(path)).toContain('hit');
    const { body } = await purge({ prefixes: [`${product.url}/cache/`] });
    expect(body).toMatchObject({ shards: { acked: 4, total: 4 } });
    for (const path of paths) await gives(path, 'fwd=uri-miss');
  });

  it('softly leaves what may only be used once the origin has confirmed it', async () => {
    for (const selection of [{ urls: [`${product.url}${PATH}?soft`] }, { all: true }]) {
      await fresh(`${PATH}?soft`);
      expect((await purge({ ...selection, soft: true })).status).toBe(200);
      await gives(`${PATH}?soft`, 'fwd=stale');
    }
  });

  it('of a namespace empties it, and no other', async () => {
    for (const namespace of ['emptied', 'kept']) {
      for (let i = 0; i < 12; i++) await ask(`/v1/kv/${namespace}/key-${i}`, { method: 'PUT', body: 'x' });
    }
    expect((await purge({ all: true })).status).toBe(200);
    expect((await ask('/v1/kv/emptied/key-0')).status).toBe(200);
    const purged = await purge({ namespaces: ['emptied'] });
    expect([purged.status, purged.body.shards]).toEqual([200, { acked: 4, total: 4 }]);
    for (let i = 0; i < 12; i++) {
      expect((await ask(`/v1/kv/emptied/key-${i}`)).status).toBe(404);
      expect((await ask(`/v1/kv/kept/key-${i}`)).status).toBe(200);
    }
    expect((await ask('/v1/kv/emptied/key-0', { method: 'PUT', body: 'y' })).status).toBe(201);
  });

  it('by tag removes the responses that carry it on every shard; a cache group is one beside its origin', async () => {
    const page = (n: number, header: string) =>
      `/respond?n=${n}&header=Cache-Control:max-age=600&header=${encodeURIComponent(header)}`;
    const tagged = [1, 2, 3, 4, 5, 6].map((n) => page(n, 'Cache-Tag: shop, sale'));
    const grouped = page(7, 'Cache-Groups: "sale"');
    const other = page(8, 'Cache-Tag: shopping');
    for (const path of [...tagged, grouped, other]) await fresh(path);
    expect((await purge({ tags: ['sale'] })).body).toMatchObject({ shards: { acked: 4, total: 4 } });
    for (const path of tagged) await gives(path, 'fwd=uri-miss');
    for (const path of [grouped, other]) expect(await cacheStatus(path)).toContain('hit');
    expect((await purge({ tags: [`${product.url} sale`] })).status).toBe(200);
    await gives(grouped, 'fwd=uri-miss');
    for (const path of tagged) await fresh(path);
    expect((await purge({ tags: ['shop'], soft: true })).status).toBe(200);
    for (const path of tagged) await gives(path, 'fwd=stale');
  });

  it('of cache groups is what an origin asks for in answer to a change (RFC 9875)', async () => {
    const grouped = '/respond?g=1&header=Cache-Control:max-age=600&header=Cache-Groups:%22list%22';
    await fresh(grouped);
    const change = '/respond?header=Cache-Group-Invalidation:%22list%22';
    await (await fetch(`${product.url}${change}`)).arrayBuffer();
    expect(await cacheStatus(grouped)).toContain('hit');
    await (await fetch(`${product.url}${change}`, { method: 'POST', body: 'x' })).arrayBuffer();
    await gives(grouped, 'fwd=uri-miss');
  });

  it('by tag removes the key-value pairs that carry it', async () => {
    await ask('/v1/kv/tagged/a?tags=red,blue', { method: 'PUT', body: 'x' });
    await ask('/v1/kv/tagged/b?tags=green', { method: 'PUT', body: 'x' });
    expect((await purge({ tags: ['blue'] })).status).toBe(200);
    expect((await ask('/v1/kv/tagged/a')).status).toBe(404);
    expect((await ask('/v1/kv/tagged/b')).status).toBe(200);
  });

  it('reports when its id is sent again, and refuses the id for another selection', async () => {
    const first = await purge({ all: true, purgeId: 'release-1' });
    expect(first.body.purgeId).toBe('release-1');
    const again = await purge({ all: true, purgeId: 'release-1' });
    expect([again.status, again.body.shards]).toEqual([200, first.body.shards]);
    const other = await purge({ urls: ['http://h.example/'], purgeId: 'release-1' });
    expect([other.status, expectProblem(other)]).toEqual([422, 'invalid']);
    expect(badFields(other)).toEqual(['purgeId']);
  });
});

describe('telemetry', () => {
  it('counts every request once, within 4 s', async () => {
    // A route of its own: what earlier tests sent may still be on its way.
    const requests = Array.from({ length: 120 }, (_, i) => fetch(`${product.url}/counted/${i}`));
    await Promise.all(requests.map(async (response) => (await response).arrayBuffer()));
    const stats = await waitUntil(
      async () => {
        const shown = await read<Stats>('/v1/stats');
        return (shown.totals.routes.counted?.requests ?? 0) >= 120 ? shown : null;
      },
      { timeoutMs: 4_000 },
    );
    const { totals, seconds, durations } = stats;
    expect(totals.routes.counted).toMatchObject({ requests: 120, statuses: { '200': 120 } });
    const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0);
    expect(sum(Object.values(totals.cache))).toBe(totals.requests);
    expect(sum(Object.values(totals.routes).map(({ requests: count }) => count))).toBe(totals.requests);
    expect(sum(seconds.map(({ requests: count }) => count))).toBe(totals.requests);
    expect(Object.keys(totals.pools.web?.backends ?? {}).sort()).toEqual(['a', 'b']);
    expect(durations.pools.web?.p50Ms).not.toBeNull();
  });

  it('counts what was asked of the shards and what it took, also without a request to the data plane', async () => {
    const shardsOf = async () => (await read<Stats>('/v1/stats')).shards;
    const before = await shardsOf();
    for (let i = 0; i < 5; i++) await ask(`/v1/kv/ns/counted-${i}`, { method: 'PUT', body: 'x' });
    const { operations, objectCalls, rowsWritten, ...ratios } = await waitUntil(async () => {
      const shown = await shardsOf();
      return shown.operations >= before.operations + 5 ? shown : null;
    });
    // Each write: one call to the primary, and that calls two others.
    expect(objectCalls - before.objectCalls).toBeGreaterThan(5);
    expect(rowsWritten).toBeGreaterThan(before.rowsWritten);
    expect(ratios.objectCallsPerOperation).toBeCloseTo(objectCalls / operations, 2);
    expect(ratios.rowsWrittenPerOperation).toBeCloseTo(rowsWritten / operations, 2);
  });

  it('stores what happened and gives it out by pages', async () => {
    await put(withWeight(6));
    await put(document);
    interface Page {
      events: { id: number; at: number; type: string; subject: string; detail: object }[];
      cursor: string | null;
    }
    await waitUntil(async () =>
      (await read<Page>('/v1/events')).events.some(({ type }) => type === 'config-changed'),
    );
    const whole = await read<Page>('/v1/events?limit=1000');
    const ids = whole.events.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort((a, b) => b - a));
    const first = await read<Page>('/v1/events?limit=2');
    const second = await read<Page>(`/v1/events?limit=2&after=${first.cursor}`);
    expect([...first.events, ...second.events].map(({ id }) => id)).toEqual(ids.slice(0, 4));
  });
});

describe('openapi.json', () => {
  interface OpenApi {
    openapi: string;
    paths: Record<string, Record<string, { responses: object; security: object[] }>>;
    components: { schemas: Record<string, { properties: object }> };
  }

  it('describes what is there, from the schemas that validate, and nothing else', async () => {
    const described = await read<OpenApi>('/openapi.json');
    expect(described.openapi).toMatch(/^3\.1\./);
    expect(Object.keys(described.components.schemas.Config?.properties ?? {}).sort()).toEqual([
      'l1',
      'pools',
      'routes',
      'shards',
      'staleness',
    ]);
    const calls = Object.entries(described.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(calls.sort()).toEqual(
      [
        'GET /ready',
        'GET /openapi.json',
        'GET /v1/config',
        'PUT /v1/config',
        'PATCH /v1/config',
        'GET /v1/config/versions',
        'GET /v1/config/versions/{version}',
        'POST /v1/config/rollback',
        'GET /v1/pools',
        ...['GET', 'PUT', 'PATCH', 'DELETE'].map((method) => `${method} /v1/pools/{pool}`),
        ...['GET', 'PUT', 'PATCH', 'DELETE'].map((method) => `${method} /v1/pools/{pool}/backends/{backend}`),
        ...['drain', 'enable', 'disable'].map((verb) => `POST /v1/pools/{pool}/backends/{backend}/${verb}`),
        'GET /v1/health',
        'POST /v1/pools/{pool}/probe',
        'POST /v1/explain',
        'POST /v1/explain/token',
        'GET /v1/explain',
        'GET /v1/explain/{id}',
        'POST /v1/purge',
        'GET /v1/shards',
        'POST /v1/shards/{shard}/members/{member}/lost',
        'POST /v1/shards/{shard}/rebirth',
        ...['GET', 'PUT', 'DELETE'].map((method) => `${method} /v1/kv/{namespace}/{key}`),
        'POST /v1/kv/{namespace}/{key}/increment',
        ...['GET', 'POST'].map((method) => `${method} /v1/kv/{namespace}`),
        'GET /v1/events',
        'GET /v1/stats',
      ].sort(),
    );
  });

  it('names every reference that it uses', async () => {
    const text = JSON.stringify(await read<OpenApi>('/openapi.json'));
    const { components } = JSON.parse(text) as OpenApi;
    for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(components.schemas[name], name).toBeDefined();
    }
  });
});
