// What chooses a pool and what sticks to a backend, on the wire: the origins' ledgers tell who was asked.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { RunningOrigin } from '../../origin-mock/start-origin.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Ask, askEdge } from './ask-edge.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct({ mocks: 4, edges: 2, config: configFor });
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
  const health = { path: '/health', intervalMs: 100, timeoutMs: 100, rise: 1, fall: 1, fastIntervalMs: 50 };
  return {
    pools: {
      stable: { backends: [backend('a')], ...keyed },
      canary: { backends: [backend('b')], ...keyed },
      frail: { backends: [backend('a')], health, fallbackPool: 'middle' },
      middle: { backends: [{ ...backend('b'), state: 'disabled' }], fallbackPool: 'spare' },
      spare: { backends: [backend('c')] },
    },
    routes: [
      {
        id: 'split',
        match: { hosts: ['split.test'] },
        pool: 'stable',
        split: [{ pool: 'canary', weight: 20 }],
      },
      { id: 'frail', match: { hosts: ['frail.test'] }, pool: 'frail' },
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
    const event = await waitUntil(async () => {
      const told = (await (await product.admin('/v1/events')).json()) as {
        events: { type: string; subject: string; detail: Record<string, unknown> }[];
      };
      return told.events.find(({ type }) => type === 'pool-fell-back');
    });
    expect(event.subject).toBe('frail');
    expect(event.detail).toMatchObject({ to: 'spare', path: ['frail', 'middle', 'spare'], route: 'frail' });

    origin('a').reset();
    await waitUntil(async () => (await explain('frail.test')).pool === 'frail');
    await ask('frail.test');
    expect(asked()).toEqual([1, 0, 5, 0]);
  });
});
