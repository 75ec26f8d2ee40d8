// The whole product on miniflare, where wrangler dev and the tests of many Workers run: the same bundle, the same
// answers, over real sockets to scripted origins.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import { type RunningOrigin, startOrigins } from '../../origin-mock/start-origin.ts';
import { type OnMiniflare, onMiniflare } from '../support/on-miniflare.ts';
import { waitUntil } from '../support/wait-until.ts';

describe('the product on miniflare', () => {
  let edge: OnMiniflare;
  let origins: RunningOrigin[];
  const control = (path: string, init: RequestInit = {}) =>
    fetch(`${edge.url}/_roundel${path}`, {
      ...init,
      headers: { Authorization: 'Bearer miniflare-token', ...init.headers },
    });

  beforeAll(async () => {
    [origins, edge] = await Promise.all([
      startOrigins(2),
      onMiniflare({
        entry: 'worker/index.ts',
        config: 'wrangler.toml',
        variables: { ROUNDEL_ADMIN_TOKEN: 'miniflare-token' },
      }),
    ]);
    const config: ConfigDocument = {
      pools: {
        web: {
          backends: origins.map(({ name, url }) => ({ id: name, url })),
          health: { path: '/health', intervalMs: 1_000, timeoutMs: 1_000, rise: 1, fall: 1 },
        },
      },
      // Between the platform's cache and the shards nothing else answers.
      l1: { bytesMax: 0 },
      routes: [{ id: 'all', pool: 'web', cache: { enabled: true }, response: { exposeBackend: true } }],
    };
    await waitUntil(async () => (await control('/ready')).status === 200);
    const put = await control('/v1/config', { method: 'PUT', body: JSON.stringify(config) });
    expect(put.status, await put.clone().text()).toBe(200);
    await waitUntil(async () => (await fetch(`${edge.url}/governed`)).status === 200);
  });
  afterEach(() => {
    for (const origin of origins) origin.scripts.clear();
  });
  afterAll(async () => {
    await edge?.stop();
    await Promise.all((origins ?? []).map((origin) => origin.stop()));
  });

  const seen = (on: string) => origins.flatMap((origin) => origin.ledger.wire({ on }));

  it('takes backends in turn', async () => {
    const backends: (string | null)[] = [];
    for (let i = 0; i < 4; i++) {
      const response = await fetch(`${edge.url}/turn`);
      await response.text();
      backends.push(response.headers.get('roundel-backend'));
    }
    expect(backends.toSorted()).toEqual(['web/a', 'web/a', 'web/b', 'web/b']);
    expect(seen('/turn')).toHaveLength(4);
  });

  it('fetches a cacheable response once, until it is purged', async () => {
    const read = async () => {
      const response = await fetch(`${edge.url}/cache/600`);
      await response.text();
      return response.headers.get('cache-status') ?? '';
    };
    expect(await read()).toMatch(/fwd=uri-miss/);
    await waitUntil(async () => (await read()).includes('hit'));
    const before = seen('/cache/600').length;
    expect(await read()).toMatch(/hit/);
    expect(seen('/cache/600')).toHaveLength(before);

    const purge = await control('/v1/purge', {
      method: 'POST',
      body: JSON.stringify({ urls: [`${edge.url}/cache/600`] }),
    });
    expect(purge.status, await purge.clone().text()).toBe(200);
    expect(await read()).toMatch(/fwd=/);
    expect(seen('/cache/600')).toHaveLength(before + 1);
  });

  it('answers from the platform’s cache within the bound, and shows its own purge at once', async () => {
    for (const origin of origins)
      origin.script({ on: '/copied', answer: '200\nCache-Control: max-age=600\n\nold' });
    const read = async () => {
      const response = await fetch(`${edge.url}/copied`);
      return { text: await response.text(), status: response.headers.get('cache-status') ?? '' };
    };
    const counted = async () => {
      const { shards, totals } = (await (await control('/v1/stats')).json()) as {
        shards: { operations: number };
        totals: { routes: { all?: { requests: number } } };
      };
      return { operations: shards.operations, requests: totals.routes.all?.requests ?? 0 };
    };
    /** Counts come a second late. */
    const settled = async () => {
      let last = await counted();
      await waitUntil(async () => {
        await read();
        const now = await counted();
        const isStill = now.operations === last.operations && now.requests > last.requests;
        last = now;
        return isStill;
      });
      return last;
    };
    await waitUntil(async () => (await read()).status.includes('hit'));
    const before = await settled();
    for (let i = 0; i < 60; i++) expect((await read()).status).toMatch(/^Roundel; hit; ttl=\d+$/);
    await waitUntil(async () => (await counted()).requests >= before.requests + 60);
    // Now and then the bound has passed, and the shard is asked.
    expect((await counted()).operations - before.operations).toBeLessThan(20);

    for (const origin of origins) {
      origin.scripts.clear();
      origin.script({ on: '/copied', answer: '200\nCache-Control: max-age=600\n\nnew' });
    }
    const body = JSON.stringify({ urls: [`${edge.url}/copied`] });
    expect((await control('/v1/purge', { method: 'POST', body })).status).toBe(200);
    expect((await read()).text).toBe('new');
  });

  it('keeps values', async () => {
    expect((await control('/v1/kv/things/one', { method: 'PUT', body: 'value' })).status).toBe(201);
    const read = await control('/v1/kv/things/one');
    expect([read.status, await read.text()]).toEqual([200, 'value']);
    expect((await control('/v1/kv/things/one', { method: 'DELETE' })).status).toBe(204);
    expect((await control('/v1/kv/things/one')).status).toBe(404);
  });

  it('goes round a backend that fails its probes', async () => {
    const [sick] = origins;
    sick?.script({ on: '/health', answer: '500' });
    await waitUntil(async () => {
      const health = (await (await control('/v1/health')).json()) as {
        pools: { web: { backends: { a: { state: string } } } };
      };
      return health.pools.web.backends.a.state === 'unhealthy';
    });
    // An edge hears of it with its next snapshot, at most a second later.
    await waitUntil(async () => {
      const backends = await Promise.all(
        Array.from({ length: 6 }, async () => {
          const response = await fetch(`${edge.url}/healthy`);
          await response.text();
          return response.headers.get('roundel-backend');
        }),
      );
      return backends.every((backend) => backend === 'web/b');
    });
  });

  it('passes WebSocket messages through', async () => {
    const socket = new WebSocket(`${edge.url.replace('http', 'ws')}/socket`);
    const echoed = await new Promise<unknown>((resolve, reject) => {
      socket.addEventListener('open', () => socket.send('through'));
      socket.addEventListener('message', ({ data }) => resolve(data));
      socket.addEventListener('error', () => reject(new Error('the WebSocket was refused')));
    });
    socket.close();
    expect(echoed).toBe('through');
  });
});
