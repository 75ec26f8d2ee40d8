// Where a configuration sends a logged request while all backends are well and idle: its route, the pool by the split, the
// backend by the strategy, all by the product's own code.
import { compileRoutes, type RouteTable } from '../../core/config/route-table.ts';
import type { Config, Pool, Route } from '../../core/config/schema.ts';
import type { Balancer } from '../../core/load-balancing/balancer.ts';
import { divideIntoTiers } from '../../core/load-balancing/divide-into-tiers.ts';
import { spreadHotKeys } from '../../core/load-balancing/hot-keys.ts';
import { selectBackend } from '../../core/load-balancing/select-backend.ts';
import type { Tier } from '../../core/load-balancing/selection-layers.ts';
import { strategyKey } from '../../core/load-balancing/strategy-key.ts';
import { type TrafficSplit, trafficSplit } from '../../core/load-balancing/traffic-split.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import type { LoggedRequest } from './access-log.ts';

export interface Destination {
  readonly route: Route;
  readonly pool: string;
  /** Of the pool's strategy; '' = the request has none. */
  readonly key: string;
  /** Its id; null when none takes traffic. */
  readonly backend: string | null;
  /** The same but for the spreading of hot keys, which depends on what came before. */
  readonly home: string | null;
  /** The key, or the configuration alone, decides: the same request goes to the same backend. */
  readonly isPinned: boolean;
}

export interface Router {
  readonly config: Config;
  /** null: no route takes it. */
  route(request: LoggedRequest): Destination | null;
}

const IDLE = { inFlight: () => 0 };

interface ReplayedPool {
  readonly config: Pool;
  readonly balancer: Balancer;
  select(key: string): string | null;
  home(key: string): string | null;
}

function replayedPool(config: Pool, random: Random): ReplayedPool {
  const { backends, strategy, overprovisioning } = config;
  const { type, maxShare, hashSeed, boundedLoad } = strategy;
  const placed = backends.map(({ id, weight, priority, region }) => ({ id, weight, priority, region }));
  const parameters = { type, maxShare, hashSeed };
  const plain = divideIntoTiers(placed, parameters, false, random)(null);
  const hotShare = strategy.hotKeys.maxShare;
  const spread =
    hotShare === 0
      ? plain
      : divideIntoTiers(placed, parameters, false, random, (inner, members) =>
          spreadHotKeys(inner, members, hotShare),
        )(null);
  const balancer = plain[0]?.balancer;
  if (!balancer) throw new Error('Cannot replay a pool without tiers');
  const selecting = (tiers: readonly Tier[]) => (key: string) => {
    const layers = { tiers, overprovisioning, boundedLoad, warmthOf: null, hashSeed, random };
    const selection = selectBackend({
      balancer,
      backends,
      key,
      pool: IDLE,
      healthOf: () => 'healthy',
      layers: tiers.length > 1 || hotShare > 0 ? layers : null,
      tried: [],
    });
    return selection.type === 'backend' ? (backends[selection.backend]?.id ?? null) : null;
  };
  return { config, balancer, select: selecting(spread), home: selecting(plain) };
}

export function createRouter(config: Config, seed: number): Router {
  const random = seededRandom(seed);
  const table: RouteTable = compileRoutes(config.routes);
  const pools = new Map(
    Object.entries(config.pools).map(([name, pool]) => [name, replayedPool(pool, random)]),
  );
  const splits = new Map<Route, TrafficSplit>();
  const poolNamed = (name: string | undefined): ReplayedPool => {
    const pool = name === undefined ? undefined : pools.get(name);
    if (!pool) throw new Error(`Cannot replay: there is no pool "${name}"`);
    return pool;
  };

  const poolFor = (route: Route, request: LoggedRequest): string => {
    if (!route.split?.[0]) return route.pool ?? '';
    const { strategy } = poolNamed(route.split[0].pool).config;
    let split = splits.get(route);
    if (!split) {
      split = trafficSplit(route.split, route.pool, strategy.hashSeed, random);
      splits.set(route, split);
    }
    return split.poolFor(keyOf(request, strategy.key));
  };

  return {
    config,
    route(request) {
      const { target, method } = request;
      const route = table.match(target.host, target.path, method);
      if (!route) return null;
      const name = poolFor(route, request);
      const pool = poolNamed(name);
      const key = keyOf(request, pool.config.strategy.key);
      const isPinned = pool.balancer.isSettled === true || (pool.balancer.usesKey === true && key !== '');
      const backend = pool.select(key);
      return { route, pool: name, key, backend, home: isPinned ? pool.home(key) : backend, isPinned };
    },
  };
}

function keyOf({ target, fields, clientIp }: LoggedRequest, parts: readonly string[]): string {
  return strategyKey({ target, received: fields, clientIp }, parts);
}
