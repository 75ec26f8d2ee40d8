// Health over real sockets on plain workerd: what probes send and how they judge, how failures that users meet take a
// backend out, and how soon; asserted on the origins' ledgers.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { ProbeResult } from '../../durable-objects/interfaces.ts';
import { adminCalls, badFields, expectProblem, type Problem } from '../support/admin-calls.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitUntil } from '../support/wait-until.ts';

let product: Product;
beforeAll(async () => {
  product = await startProduct({
    mocks: 4,
    config: { shards: { count: 1, replicas: 1, regions: ['weur'] } },
  });
});
afterAll(() => product?.stop());

const { ask, currentVersion } = adminCalls(() => product);

type PoolDocument = NonNullable<ConfigDocument['pools']>[string];

/** Puts the one pool "web" over all origins with `more` in it, in front of every request. */
async function serve(more: PoolDocument = {}): Promise<void> {
  for (const origin of product.origins) origin.reset();
  const backends = product.origins.map(({ name, url }) => ({ id: name, url }));
  await product.configure({
    pools: { web: { backends, ...more } },
    routes: [{ id: 'all', pool: 'web', response: { exposeBackend: true } }],
  });
}

interface Health {
  readonly epoch: number;
  readonly pools: Record<
    string,
    {
      readonly backends: Record<
        string,
        { state: string; epoch: number; ejectedUntil: number | null; reason: string }
      >;
    }
  >;
}

/** What health shows once so many backends have a verdict. */
const settled = (verdicts: number) =>
  waitUntil(async () => {
    const shown = (await ask<Health>('/v1/health')).body;
    const { web } = shown.pools;
    const judged = Object.values(web?.backends ?? {}).filter(({ epoch }) => epoch > 0).length;
    return judged === verdicts
      ? { epoch: shown.epoch, states: Object.values(web?.backends ?? {}).map(({ state }) => state) }
      : null;
  });

describe('a probe on demand', () => {
  interface Probed {
    readonly pool: string;
    readonly version: number;
    readonly backends: Record<string, ProbeResult>;
    readonly unprobed: readonly string[];
  }
  const probe = (pool = 'web') => ask<Probed>(`/v1/pools/${pool}/probe`, { method: 'POST' });
  const [path, intervalMs] = ['/up', 3_600_000];

  it('tells what it saw of every backend, and changes nothing', async () => {
    const [a, b, c, d] = product.origins;
    const one = { url: a?.url ?? '' };
    await serve({
      backends: [
        { id: 'ok', ...one },
        { id: 'named', hostHeader: 'app.example', ...one },
        { id: 'wordless', state: 'disabled', url: b?.url ?? '' },
        { id: 'huge', url: c?.url ?? '' },
        { id: 'away', url: d?.url ?? '' },
        { id: 'closed', url: 'http://127.0.0.1:9' },
      ],
      health: {
        path,
        intervalMs,
        rise: 1,
        fall: 1,
        headers: { 'X-Probe': '1' },
        followRedirects: true,
        expect: { body: 'Hello', header: { 'X-Kind': 'api' } },
        monitors: [{ path: '/second', expect: {} }],
      },
    });
    const answer = (status: number, text: string, ...lines: string[]) =>
      [`HTTP/1.1 ${status}`, 'X-Kind: api', ...lines, '', text].join('\n');
    a?.script({ on: '* /up', answer: answer(307, '', 'Location: /up2') });
    a?.script({ on: '* /up2', answer: answer(200, 'Hello') });
    b?.script({ on: '* /up', answer: answer(200, 'Bye') });
    c?.script({ on: '* /up', answer: answer(200, ''), bodyBytes: 2 ** 30 });
    d?.script({ on: '* /up', answer: answer(302, '', `Location: ${a?.url}/up2`) });
    const version = await currentVersion();
    const before = await settled(5);
    const startedAt = performance.now();
    const { status, body } = await probe();
    // A body of 1 GiB through this process takes longer than a second; its first 64 KiB do not.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect([status, body.pool, body.version, body.unprobed]).toEqual([200, 'web', version, []]);
    expect(body.backends).toMatchObject({
      ok: { ok: true, status: 200, error: null },
      named: { ok: true, status: 200, error: null },
      wordless: { ok: false, status: 200, error: 'the body does not hold "Hello"' },
      huge: { ok: false, status: 200, error: 'the body does not hold "Hello"' },
      away: { ok: false, status: null, error: `redirected to another origin: ${a?.url}/up2` },
      closed: { ok: false, status: null, error: expect.stringContaining('connection failed') },
    });
    expect(await currentVersion()).toBe(version);
    expect(await settled(5)).toEqual(before);
    const hosts = a?.ledger
      .entries({ on: '* /second' })
      .map(({ fields }) => fields.find(([name]) => name.toLowerCase() === 'host')?.[1]);
    expect(new Set(hosts)).toEqual(new Set(['app.example', new URL(one.url).host]));
  });

  it('is refused for a pool that is not there, or is not probed', async () => {
    await serve();
    expect(expectProblem(await ask<Problem>('/v1/pools/none/probe', { method: 'POST' }))).toBe('not-found');
    const unprobed = await ask<Problem>('/v1/pools/web/probe', { method: 'POST' });
    expect([unprobed.status, expectProblem(unprobed)]).toEqual([422, 'invalid']);
  });

  it('is never made by an impossible definition: the field is named', async () => {
    const document = { pools: { web: { health: { path, intervalMs: 1_000, timeoutMs: 1_001 } } } };
    const answer = await ask<Problem>('/v1/config', { method: 'PUT', json: document });
    expect([answer.status, badFields(answer)]).toEqual([422, ['pools.web.health.timeoutMs']]);
  });
});
