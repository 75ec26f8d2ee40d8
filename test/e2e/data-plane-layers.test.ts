// What stands around a pool's strategy, on the wire: the origins' ledgers tell who was asked.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { RunningOrigin } from '../../origin-mock/start-origin.ts';
import { type Product, startProduct } from '../support/product.ts';
import { waitUntil } from '../support/wait-until.ts';
import { type Ask, askEdge } from './ask-edge.ts';

let product: Product;

beforeAll(async () => {
  product = await startProduct({ mocks: 4, config: configFor, env: { ROUNDEL_REGION: 'weur' } });
});
afterAll(() => product?.stop());
beforeEach(() => {
  for (const one of product.origins) one.reset();
});

const NAMES = ['a', 'b', 'c', 'd'] as const;
type Name = (typeof NAMES)[number];
const HOSTS = ['tiered', 'slow', 'near', 'hot'] as const;

function configFor(origins: readonly RunningOrigin[]): ConfigDocument {
  const backend = (name: Name) => ({ id: name, url: origins[NAMES.indexOf(name)]?.url ?? '' });
  const health = {
    path: '/health',
    intervalMs: 1_000,
    timeoutMs: 1_000,
    rise: 1,
    fall: 1,
    fastIntervalMs: 50,
  };
  return {
    pools: {
      tiered: { backends: NAMES.map((name, i) => ({ ...backend(name), priority: i < 2 ? 0 : 1 })), health },
      // So long a window that time does not count in a test.
      slow: { backends: NAMES.map(backend), health, slowStart: { windowMs: 3_600_000 } },
      near: {
        backends: [
          { ...backend('a'), region: 'enam' },
          { ...backend('b'), region: 'eeur' },
        ],
        preferRegion: true,
      },
      hot: {
        backends: NAMES.map(backend),
        strategy: { type: 'rendezvous', key: ['path'], boundedLoad: 1.25 },
      },
    },
    routes: HOSTS.map((name) => ({ id: name, match: { hosts: [`${name}.test`] }, pool: name })),
    shards: { count: 1, replicas: 1 },
  };
}

const ask = (host: string, what?: Ask) => askEdge(product.url, host, what);

function origin(name: Name): RunningOrigin {
  const found = product.origins[NAMES.indexOf(name)];
  if (!found) throw new Error(`There is no origin ${name}`);
  return found;
}

/** How many requests each origin got, probes apart. */
const asked = () =>
  product.origins.map(({ ledger }) => ledger.entries().filter(({ target }) => target !== '/health').length);

interface Explained {
  readonly chosen: string;
  readonly tiers: readonly { readonly load: number }[];
  readonly candidates: readonly { readonly backend: string; readonly reason: string }[];
}

async function explain(host: string, more: object = {}): Promise<Explained> {
  const json = { url: `http://${host}/`, ...more };
  return (await product.admin('/v1/explain', { method: 'POST', json })).json() as Promise<Explained>;
}

const sick = (...names: Name[]) => {
  for (const name of names) origin(name).script({ on: '/health', answer: '503' });
};
/** How many of so many requests, one after the other, each origin got. */
async function spread(host: string, requests: number): Promise<number[]> {
  for (const one of product.origins) one.ledger.clear();
  for (let i = 0; i < requests; i++) expect((await ask(host)).status).toBe(200);
  return asked();
}

describe('slow start', () => {
  const reasonOf = async (name: Name): Promise<string | undefined> =>
    (await explain('slow.test')).candidates.find(({ backend }) => backend === name)?.reason;

  // First: whoever else is taken out in these tests comes back cold as well.
  it('gives a backend that comes back a tenth of its share at first', async () => {
    sick('d');
    await waitUntil(async () => (await reasonOf('d')) === 'unhealthy');
    expect(await spread('slow.test', 12)).toEqual([4, 4, 4, 0]);
    origin('d').reset();
    await waitUntil(async () => ['healthy', 'warming-up'].includes((await reasonOf('d')) ?? ''));
    const [a = 0, b = 0, c = 0, d = 0] = await spread('slow.test', 155);
    // 0.1 of 3.1: 5 of 155, five deviations of 2.2; its whole share would be 39.
    expect(d).toBeLessThan(17);
    // The others stay in turn.
    expect(Math.max(a, b, c) - Math.min(a, b, c)).toBeLessThanOrEqual(1);
  });
});

describe('tiers', () => {
  const loads = async (): Promise<number[]> =>
    (await explain('tiered.test')).tiers.map(({ load }) => Math.round(100 * load));

  it('spill over as the first falls ill, and take back', async () => {
    const [, , ...second] = await spread('tiered.test', 12);
    expect(second).toEqual([0, 0]);
    sick('a');
    await waitUntil(async () => (await loads())[0] === 70, { what: 'the first tier to keep 70 %' });
    const [ill, well, ...spilled] = await spread('tiered.test', 80);
    expect(ill).toBe(0);
    // 30 % of 80: five deviations of √(80 · 0.3 · 0.7) = 4.1.
    const count = spilled.reduce((sum, one) => sum + one, 0);
    expect(Math.abs(count - 24)).toBeLessThan(20.5);
    expect(well).toBe(80 - count);
    sick('b');
    await waitUntil(async () => (await loads())[1] === 100);
    expect(await spread('tiered.test', 6)).toEqual([0, 0, 3, 3]);
    for (const one of product.origins) one.reset();
    await waitUntil(async () => (await loads())[0] === 100);
    expect(await spread('tiered.test', 6)).toEqual([3, 3, 0, 0]);
  });
});

describe('a preferred region', () => {
  it('is that of the edge, and is told by explain for any other', async () => {
    expect(await spread('near.test', 6)).toEqual([0, 6, 0, 0]);
    const chosen = async (region: string) => (await explain('near.test', { region })).chosen;
    expect([await chosen('wnam'), await chosen('AF')]).toEqual(['a', 'b']);
  });
});

describe('a bound of the load', () => {
  it('spreads a hot key over its alternatives while it is hot', async () => {
    for (const one of product.origins) one.script({ latency: { type: 'fixed', ms: 2_000 } });
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask('hot.test', { path: '/hot' })));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    // At most ⌈1.25 · 12/4⌉ each, so three of them at least.
    expect(Math.max(...asked())).toBeLessThanOrEqual(4);
    expect(asked().filter((count) => count > 0).length).toBeGreaterThanOrEqual(3);
    for (const one of product.origins) one.reset();
    expect((await spread('hot.test', 6)).sort()).toEqual([0, 0, 0, 6]);
  });
});
