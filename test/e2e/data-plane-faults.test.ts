// The data plane while something behind it fails: objects that cannot be reached, backends that fall ill, clients that
// leave in the middle of work that others wait for.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { RunningOrigin } from '../../origin-mock/start-origin.ts';
import { type Product, startProduct } from '../support/product.ts';
import { openRaw } from '../support/raw-http.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Ask, askEdge } from './ask-edge.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct({
    mocks: 2,
    edges: 2,
    entry: 'test/support/faulty-worker.ts',
    config: configFor,
  });
});
afterAll(() => product?.stop());
beforeEach(async () => {
  await fetch(`${product.url}/__test/faults`, { method: 'DELETE' });
  for (const origin of product.origins) origin.reset();
});

function configFor(origins: readonly RunningOrigin[]): ConfigDocument {
  const backends = origins.map(({ url }, i) => ({ id: 'ab'[i] ?? '', url }));
  const health = {
    path: '/health',
    intervalMs: 1_000,
    timeoutMs: 1_000,
    fastIntervalMs: 50,
    rise: 2,
    fall: 2,
  };
  return {
    pools: {
      web: { backends: backends.slice(0, 1) },
      probed: { backends, health },
      doubtful: { backends, health: { ...health, path: '/never', initial: 'unhealthy' } },
    },
    routes: [
      { id: 'plain', match: { hosts: ['plain.test'] }, pool: 'web' },
      { id: 'cached', match: { hosts: ['cached.test'] }, pool: 'web', cache: { enabled: true } },
      { id: 'probed', match: { hosts: ['probed.test'] }, pool: 'probed' },
      { id: 'doubtful', match: { hosts: ['doubtful.test'] }, pool: 'doubtful' },
    ],
    shards: { count: 1, replicas: 3 },
  };
}

const ask = (host: string, what?: Ask, edge = 0) => askEdge(product.urls[edge] ?? '', host, what);

function origin(index = 0): RunningOrigin {
  const found = product.origins[index];
  if (!found) throw new Error(`There is no origin ${index}`);
  return found;
}

async function breakObject(binding: string, name: string, fault: object, methods?: string[]) {
  const body = JSON.stringify({ binding, name, fault, ...(methods ? { methods } : {}) });
  const { status } = await fetch(`${product.url}/__test/faults`, { method: 'POST', body });
  expect(status).toBe(204);
}

/** Durable Object names of the one shard's members, the primary first. */
async function memberNames(): Promise<string[]> {
  const { shards } = (await (await product.admin('/v1/shards')).json()) as {
    shards: { members: { id: string }[] }[];
  };
  return (shards[0]?.members ?? []).map(({ id }) => id);
}

let paths = 0;
const newPath = () => `/faults/${++paths}`;
const FRESH = '200\nCache-Control: max-age=600\n\nhello';

describe('a directory that cannot be reached', () => {
  it.each([
    ['that fails at once', { type: 'unreachable' }],
    ['that does not answer', { type: 'delayed', delayMs: 20_000 }],
  ])('%s leaves the edges with what they know', async (_name, fault) => {
    await ask('plain.test');
    await breakObject('DIRECTORY', 'directory', fault, ['snapshot']);
    const begunAt = performance.now();
    const tookMs: number[] = [];
    while (performance.now() - begunAt < 1_500 || tookMs.length < 50) {
      const startedAt = performance.now();
      expect((await ask('plain.test')).status).toBe(200);
      tookMs.push(performance.now() - startedAt);
    }
    // One request a second waits 100 ms for it; if each did, all of them would have taken so long.
    expect(tookMs.filter((ms) => ms >= 95).length).toBeLessThan(tookMs.length / 2);
  });

  it('is asked again when it is back', async () => {
    await breakObject('DIRECTORY', 'directory', { type: 'unreachable' }, ['snapshot']);
    const changed = await product.admin('/v1/config', { method: 'PATCH', json: { pools: { late: {} } } });
    const { version } = (await changed.json()) as { version: number };
    await fetch(`${product.url}/__test/faults`, { method: 'DELETE' });
    await waitUntil(async () => {
      await ask('plain.test', {}, 1);
      const json = { url: 'http://plain.test/', method: 'GET', headers: {}, clientIp: '192.0.2.1' };
      const explained = await product.admin('/v1/explain', { method: 'POST', json, edge: 1 });
      return ((await explained.json()) as { configVersion: number }).configVersion >= version;
    });
  });
});

describe('a shard', () => {
  it('that cannot be reached is passed by: the origin answers and nothing is stored', async () => {
    const path = newPath();
    origin().script({ on: path, answer: FRESH });
    for (const name of await memberNames()) await breakObject('SHARD_REPLICA', name, { type: 'unreachable' });
    for (let i = 0; i < 2; i++) {
      const { status, headers, body } = await ask('cached.test', { path });
      expect([status, body.toString()]).toEqual([200, 'hello']);
      expect(headers['cache-status']).toBe('Roundel; fwd=bypass; fwd-status=200; detail=shard-unavailable');
    }
    await fetch(`${product.url}/__test/faults`, { method: 'DELETE' });
    await ask('cached.test', { path });
    expect((await ask('cached.test', { path })).headers['cache-status']).toMatch(/; hit/);
    expect(origin().ledger.entries({ on: path })).toHaveLength(3);
  });

  it('with one backup away goes on storing and answering', async () => {
    const path = newPath();
    origin().script({ on: path, answer: FRESH });
    const [, , last = ''] = await memberNames();
    await breakObject('SHARD_REPLICA', last, { type: 'unreachable' });
    await ask('cached.test', { path });
    expect((await ask('cached.test', { path })).headers['cache-status']).toMatch(/; hit/);
  });

  it('that cannot store does not keep the client waiting', async () => {
    const path = newPath();
    origin().script({ on: path, answer: FRESH });
    const [, ...backups] = await memberNames();
    for (const name of backups) await breakObject('SHARD_REPLICA', name, { type: 'unreachable' });
    const startedAt = performance.now();
    expect((await ask('cached.test', { path })).body.toString()).toBe('hello');
    // The write itself gives up after 5 s.
    expect(performance.now() - startedAt).toBeLessThan(4_500);
  });

  it('that does not confirm an invalidation has it said in the answer to the change', async () => {
    const path = newPath();
    const [, ...backups] = await memberNames();
    for (const name of backups) await breakObject('SHARD_REPLICA', name, { type: 'unreachable' });
    const { status, headers } = await ask('cached.test', { path, method: 'POST', body: 'x' });
    expect(status).toBe(200);
    expect(headers['cache-status']).toContain('detail=invalidation-not-confirmed');
  });
});

describe('a telemetry object that cannot be reached', () => {
  it('is noticed by nobody', async () => {
    await breakObject('TELEMETRY', 'telemetry', { type: 'unreachable' });
    for (let i = 0; i < 20; i++) expect((await ask('plain.test')).status).toBe(200);
  });
});

describe('backends that fall ill', () => {
  it('get no more requests until they are well again', async () => {
    origin(0).script({ on: '/health', answer: '500' });
    const usedBy = async (count: number) => {
      const marks = product.origins.map(({ ledger }) => ledger.entries().at(-1)?.id ?? 0);
      for (let i = 0; i < count; i++) expect((await ask('probed.test', { path: '/x' })).status).toBe(200);
      return product.origins.map(
        ({ ledger }, i) => ledger.entries({ on: '/x', after: marks[i] ?? 0 }).length,
      );
    };
    await waitUntil(async () => (await usedBy(4))[0] === 0, { what: 'the ill backend to be left alone' });
    expect(await usedBy(20)).toEqual([0, 20]);
    origin(0).reset();
    await waitUntil(async () => (await usedBy(4))[0] === 2, { what: 'the backend to be used again' });
  });

  it('are still tried when there is no other', async () => {
    for (const { script } of product.origins) script({ on: '/never', answer: '500' });
    const json = { url: 'http://doubtful.test/x', method: 'GET', headers: {}, clientIp: '192.0.2.1' };
    const candidates = async () => {
      const response = await product.admin('/v1/explain', { method: 'POST', json });
      return ((await response.json()) as { candidates: { accepted: boolean; reason: string }[] }).candidates;
    };
    const lastResort = { accepted: true, reason: 'last-resort' };
    await waitUntil(async () => (await candidates()).every(({ reason }) => reason === 'last-resort'));
    expect(await candidates()).toMatchObject([lastResort, lastResort]);
    expect((await ask('doubtful.test', { path: '/x' })).status).toBe(200);
  });
});

describe('clients that leave', () => {
  it('while the configuration is checked leave no other request hanging', async () => {
    await breakObject('DIRECTORY', 'directory', { type: 'delayed', delayMs: 60 }, ['snapshot']);
    const statuses = new Set<number>();
    for (let round = 0; round < 4; round++) {
      // Older than a second, so that the first of the next requests leads a check that all of them wait for.
      const idleUntil = performance.now() + 1_100;
      await waitUntil(() => performance.now() >= idleUntil);
      const leavers = Array.from({ length: 30 }, async () => {
        const client = await openRaw(product.url);
        client.send('GET /leave HTTP/1.1\r\nHost: plain.test\r\n\r\n');
        client.destroy();
      });
      const stayers = Array.from({ length: 30 }, async () => statuses.add((await ask('plain.test')).status));
      await Promise.all([...leavers, ...stayers]);
    }
    expect([...statuses]).toEqual([200]);
  });

  it('while they hold a lease leave no other request without an answer', async () => {
    const path = newPath();
    origin().script({ on: path, answer: FRESH, latency: { type: 'fixed', ms: 150 } });
    const leaver = await openRaw(product.url);
    leaver.send(`GET ${path} HTTP/1.1\r\nHost: cached.test\r\n\r\n`);
    await waitUntil(() => origin().ledger.entries({ on: path }).length === 1);
    leaver.destroy();
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask('cached.test', { path })));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  });
});
