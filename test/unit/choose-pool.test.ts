// The step from a route to a pool: its own, one of a split, and on to fallback pools.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../core/config/parse-config.ts';
import type { ConfigDocument } from '../../core/config/schema.ts';
import { parseTarget } from '../../core/http/target.ts';
import { seededRandom } from '../../core/random.ts';
import type { HealthVerdict, HealthVerdicts } from '../../durable-objects/interfaces/directory.ts';
import { type AffinitySigner, createAffinitySigner } from '../../worker/data-plane/affinity-signer.ts';
import { choosePool } from '../../worker/data-plane/choose-pool.ts';
import { createPoolRegistry } from '../../worker/data-plane/pool-registry.ts';

const affinitySigner = createAffinitySigner('secret') as AffinitySigner;

type RouteDocument = NonNullable<ConfigDocument['routes']>[number];

function chooserOf(
  pools: ConfigDocument['pools'],
  route: Omit<RouteDocument, 'id'>,
  health: HealthVerdicts = {},
) {
  const parsed = parseConfig({ pools, routes: [{ id: 'r', ...route }] });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  const { config } = parsed;
  const [onlyRoute] = config.routes;
  if (!onlyRoute) throw new Error('There is no route');
  const random = seededRandom(1);
  const edge = { pools: createPoolRegistry({ random, now: () => 0, region: null }), random, affinitySigner };
  const shardMap = { epoch: 1, slots: [], groups: [] };
  const snapshot = { version: 1, healthEpoch: 1, boundSince: 0, config, health, shardMap };
  return ({ clientIp = '', path = '/', cookie = '' } = {}) => {
    const target = parseTarget(`http://h.example${path}`);
    if (target.type !== 'target') throw new Error(`${path} is no target`);
    return choosePool(edge, { snapshot, target, received: [['cookie', cookie]], clientIp }, onlyRoute, 0);
  };
}

const pool = (more: object = {}) => ({ backends: [{ id: 'a', url: 'http://a.example' }], ...more });
const down: Record<string, HealthVerdict> = {
  a: { state: 'unhealthy', since: 0, epoch: 1, reason: 'probe' },
};
const probed = { health: { path: '/' } };
const names = (path: readonly { readonly pool: string; readonly reason: string }[]) =>
  path.map((step) => `${step.pool}: ${step.reason}`);

describe('choosePool', () => {
  it('takes the route’s pool', async () => {
    const { pool: chosen, path } = await chooserOf({ web: pool() }, { pool: 'web' })();
    expect([chosen.name, names(path)]).toEqual(['web', ['web: route']]);
  });

  it('splits by the key of the first pool listed', async () => {
    const pools = { main: pool(), canary: pool({ strategy: { key: ['path'] } }) };
    const choose = chooserOf(pools, { pool: 'main', split: [{ pool: 'canary', weight: 50 }] });
    const namesFor = (more: object) =>
      Promise.all(
        Array.from({ length: 100 }, async (_, i) => (await choose({ path: `/${i}`, ...more })).pool.name),
      );
    const chosen = await namesFor({});
    expect(new Set(chosen)).toEqual(new Set(['main', 'canary']));
    expect(await namesFor({ clientIp: '::1' })).toEqual(chosen);
    expect(names((await choose()).path)[0]).toMatch(/: split$/);
  });

  const chain = {
    a: pool({ ...probed, fallbackPool: 'b' }),
    b: pool({ ...probed, fallbackPool: 'c' }),
    c: pool(probed),
  };
  it.each<[string, string[], string, string[]]>([
    ['stays while a healthy backend is left', [], 'a', ['a: route']],
    ['falls back to the next', ['a'], 'b', ['a: route', 'b: fallback']],
    ['goes on along the chain', ['a', 'b'], 'c', ['a: route', 'b: fallback', 'c: fallback']],
    [
      'comes back to its own pool where all are ill',
      ['a', 'b', 'c'],
      'a',
      ['a: route', 'b: fallback', 'c: fallback'],
    ],
  ])('%s', async (_what, ill, expected, steps) => {
    const health = Object.fromEntries(ill.map((name) => [name, down]));
    const { pool: chosen, first, path } = await chooserOf(chain, { pool: 'a' }, health)();
    expect([chosen.name, first.name, names(path)]).toEqual([expected, 'a', steps]);
  });

  it('falls back from a pool that has no backend at all, or none that takes requests', async () => {
    const disabled = { backends: [{ id: 'a', url: 'http://a.example', state: 'disabled' as const }] };
    for (const own of [{ backends: [] }, disabled]) {
      const choose = chooserOf({ a: { ...own, fallbackPool: 'b' }, b: pool() }, { pool: 'a' });
      expect((await choose()).pool.name).toBe('b');
    }
  });

  describe('for a client with an affinity cookie', () => {
    const sticky = (more: object = {}, state: 'active' | 'draining' = 'active') => ({
      backends: [{ id: 'a', url: 'http://a.example', state }],
      affinity: { type: 'cookie' as const, ...more },
      ...probed,
    });
    const cookieFor = async (name: string) => {
      const alias = await affinitySigner.alias(name, 'a');
      const value = await affinitySigner.seal(name, { alias, expiresAt: 1e12, epoch: 0 });
      return `roundel-affinity=${value}`;
    };

    it('stays in a pool that drains, while others fall back', async () => {
      const pools = { web: { ...sticky({}, 'draining'), fallbackPool: 'spare' }, spare: sticky() };
      const choose = chooserOf(pools, { pool: 'web' });
      const pinned = await choose({ cookie: await cookieFor('web') });
      expect([pinned.pool.name, pinned.affinity?.pinned]).toEqual(['web', { index: 0, exclusive: false }]);
      const free = await choose();
      expect([free.pool.name, free.affinity?.pool.name, free.affinity?.held]).toEqual([
        'spare',
        'spare',
        null,
      ]);
      const ofSpare = await choose({ cookie: await cookieFor('spare') });
      expect([ofSpare.pool.name, ofSpare.affinity?.pinned?.index]).toEqual(['spare', 0]);
    });

    it.each([
      ['temporary', 'spare', null],
      ['sticky', 'spare', 'spare'],
      ['none', 'web', 'web'],
    ] as const)('with %s goes to %s when its pool is ill', async (onUnavailable, to, cookieOf) => {
      const pools = { web: { ...sticky({ onUnavailable }), fallbackPool: 'spare' }, spare: sticky() };
      const choose = chooserOf(pools, { pool: 'web' }, { web: down });
      const { pool: chosen, affinity } = await choose({ cookie: await cookieFor('web') });
      expect([chosen.name, affinity?.pool.name ?? null]).toEqual([to, cookieOf]);
    });
  });
});
