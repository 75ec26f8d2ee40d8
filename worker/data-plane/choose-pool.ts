// Which pool a request goes to: the route's, or one of its split by the key, and on along the chain of fallback pools
// to the first where a healthy backend can be taken, or the one that the client is pinned to. Where there is none, the
// first pool's own panic rules decide.
import type { Route } from '../../core/config/schema.ts';
import { hasHealthyChoice, selectPinned } from '../../core/load-balancing/select-backend.ts';
import { strategyKey } from '../../core/load-balancing/strategy-key.ts';
import { type TrafficSplit, trafficSplit } from '../../core/load-balancing/traffic-split.ts';
import type { Random } from '../../core/random.ts';
import type { AffinitySigner } from './affinity-signer.ts';
import { type Asking, selectionQuestion } from './choose-backend.ts';
import { type ClientAffinity, clientAffinity } from './client-affinity.ts';
import type { PoolRegistry, RuntimePool } from './pool-registry.ts';

export interface PoolChoice {
  readonly pool: RuntimePool;
  /** Where the path begins; another than `pool` when that is a fallback. */
  readonly first: RuntimePool;
  /** Every pool that was looked at, in order, and what led to it; `pool` is the last, or the first. */
  readonly path: readonly PoolStep[];
  /** In `pool`; null where that is none of this request's business. */
  readonly affinity: ClientAffinity | null;
}

export interface PoolStep {
  readonly pool: string;
  readonly reason: 'route' | 'split' | 'fallback';
}

/** Of an edge. */
interface Pools {
  readonly pools: PoolRegistry;
  readonly random: Random;
  readonly affinitySigner: AffinitySigner | null;
}

/** At once for pools without affinity or fallback. O(pools of the split) + O(backends) for each pool that has a fallback. */
export function choosePool(
  edge: Pools,
  asking: Asking,
  route: Route,
  nowMs: number,
): PoolChoice | Promise<PoolChoice> {
  const first = poolNamed(edge, asking, firstPool(edge, asking, route));
  const finding = affinityIn(edge, asking, first, nowMs);
  const path: PoolStep[] = [{ pool: first.name, reason: route.split ? 'split' : 'route' }];
  if (finding === null && first.config.fallbackPool === undefined) {
    return { pool: first, first, path, affinity: null };
  }
  return chooseAlong(edge, asking, first, finding, path, nowMs);
}

async function chooseAlong(
  edge: Pools,
  asking: Asking,
  first: RuntimePool,
  finding: Promise<ClientAffinity | null> | null,
  path: PoolStep[],
  nowMs: number,
): Promise<PoolChoice> {
  const affinity = await finding;
  const own = { pool: first, first, path, affinity };
  let next = first.config.fallbackPool;
  if (next === undefined || canTake(asking, affinity, first, nowMs)) return own;
  while (next !== undefined) {
    const pool = poolNamed(edge, asking, next);
    path.push({ pool: next, reason: 'fallback' });
    if (canTake(asking, null, pool, nowMs)) {
      // Who is to come back keeps the cookie that says where to.
      const isAway = affinity?.held && first.config.affinity.onUnavailable === 'temporary';
      return { pool, first, path, affinity: isAway ? null : await affinityIn(edge, asking, pool, nowMs) };
    }
    next = pool.config.fallbackPool;
  }
  return own;
}

/** At once for pools without affinity. */
function affinityIn(
  { affinitySigner }: Pools,
  { received }: Asking,
  pool: RuntimePool,
  nowMs: number,
): Promise<ClientAffinity | null> | null {
  return pool.config.affinity.type === 'none' ? null : clientAffinity(affinitySigner, pool, received, nowMs);
}

function poolNamed(edge: Pools, { snapshot }: Asking, name: string): RuntimePool {
  const pool = edge.pools.get(snapshot, name);
  if (!pool) throw new Error(`Cannot find pool "${name}": version ${snapshot.version} lacks it`);
  return pool;
}

/** Whether the pool's own rules say who gets the request, without any last resort. */
function canTake(asking: Asking, affinity: ClientAffinity | null, pool: RuntimePool, nowMs: number): boolean {
  const question = selectionQuestion(asking, pool, [], nowMs, affinity);
  return selectPinned(question) !== null || hasHealthyChoice(question);
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
