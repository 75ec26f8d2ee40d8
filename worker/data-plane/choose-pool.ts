// Which pool a request goes to: the route's, or one of its split by the key, and on along the chain of fallback pools
// to the first where a healthy backend can be taken. Where none has one, the first pool's own panic rules decide.
import type { Route } from '../../core/config/schema.ts';
import { hasHealthyChoice } from '../../core/load-balancing/select-backend.ts';
import { type TrafficSplit, trafficSplit } from '../../core/load-balancing/traffic-split.ts';
import type { Random } from '../../core/random.ts';
import { type Asking, selectionQuestion } from './choose-backend.ts';
import type { PoolRegistry, RuntimePool } from './pool-registry.ts';
import { strategyKey } from './strategy-key.ts';

export interface PoolChoice {
  readonly pool: RuntimePool;
  /** Where the path begins; another than `pool` when that is a fallback. */
  readonly first: RuntimePool;
  /** Every pool that was looked at, in order, and what led to it; `pool` is the last, or the first. */
  readonly path: readonly PoolStep[];
}

export interface PoolStep {
  readonly pool: string;
  readonly reason: 'route' | 'split' | 'fallback';
}

/** Of an edge. */
interface Pools {
  readonly pools: PoolRegistry;
  readonly random: Random;
}

/** O(pools of the split) + O(backends) for each pool that has a fallback. */
export function choosePool(edge: Pools, asking: Asking, route: Route, nowMs: number): PoolChoice {
  const first = poolNamed(edge, asking, firstPool(edge, asking, route));
  const path: PoolStep[] = [{ pool: first.name, reason: route.split ? 'split' : 'route' }];
  for (let pool = first; ; ) {
    const next = pool.config.fallbackPool;
    // Who has nobody to fall back to need not be asked, unless it is the last hope of another.
    if ((next === undefined && pool === first) || hasHealthy(asking, pool, nowMs))
      return { pool, first, path };
    if (next === undefined) return { pool: first, first, path };
    pool = poolNamed(edge, asking, next);
    path.push({ pool: next, reason: 'fallback' });
  }
}

function poolNamed(edge: Pools, { snapshot }: Asking, name: string): RuntimePool {
  const pool = edge.pools.get(snapshot, name);
  if (!pool) throw new Error(`Cannot find pool "${name}": version ${snapshot.version} lacks it`);
  return pool;
}

function hasHealthy(asking: Asking, pool: RuntimePool, nowMs: number): boolean {
  return hasHealthyChoice(selectionQuestion(asking, pool, [], nowMs));
}

const splits = new WeakMap<Route, TrafficSplit>();

function firstPool({ random }: Pools, asking: Asking, route: Route): string {
  const strategy = route.split && splitStrategy(asking, route.split);
  if (!route.split || !strategy) {
    if (route.pool === undefined) throw new Error(`Cannot choose a pool: route "${route.id}" names none`);
    return route.pool;
  }
  let split = splits.get(route);
  if (!split) {
    split = trafficSplit(route.split, route.pool, strategy.hashSeed, random);
    splits.set(route, split);
  }
  return split.poolFor(strategyKey(asking, strategy.key));
}

function splitStrategy({ snapshot }: Asking, [first]: NonNullable<Route['split']>) {
  return first && snapshot.config.pools[first.pool]?.strategy;
}
