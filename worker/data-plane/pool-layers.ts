// What stands around a pool's strategy, made ready for a request: its tiers from where it comes, how warm each backend
// is by the snapshot's verdicts and this isolate's ejections, and the bound of the load. null for pools that ask for
// nothing of the kind: they pay nothing.
import type { Backend, Pool } from '../../core/config/schema.ts';
import type { Balancer, BalancerBackend } from '../../core/load-balancing/balancer.ts';
import { divideIntoTiers, type TiersFor } from '../../core/load-balancing/divide-into-tiers.ts';
import { spreadHotKeys } from '../../core/load-balancing/hot-keys.ts';
import type { SelectionLayers } from '../../core/load-balancing/selection-layers.ts';
import type { Random } from '../../core/random.ts';
import type { EdgeSnapshot } from '../config-snapshot.ts';
import { type ClientPlace, clientRegion } from './client-region.ts';
import { ejectedUntil, verdictOf } from './ejections.ts';
import type { RuntimePool } from './pool-registry.ts';

export interface PoolLayers {
  readonly tiersFor: TiersFor;
  /** The edge's own region, where the platform does not tell the client's. */
  readonly ownRegion: string | null;
  readonly random: Random;
}

export function poolLayers(config: Pool, ownRegion: string | null, random: Random): PoolLayers | null {
  const { backends, strategy, slowStart, preferRegion } = config;
  const isTiered = preferRegion || backends.some(({ priority }) => priority !== backends[0]?.priority);
  const { maxShare: hotShare } = strategy.hotKeys;
  if (!isTiered && strategy.boundedLoad === 0 && hotShare === 0 && slowStart.windowMs === 0) return null;
  const placed = backends.map(({ id, weight, priority, region }: Backend) => ({
    id,
    weight,
    priority,
    region,
  }));
  const wrap = (balancer: Balancer, members: readonly BalancerBackend[]) =>
    hotShare === 0 ? balancer : spreadHotKeys(balancer, members, hotShare);
  return { tiersFor: divideIntoTiers(placed, strategy, preferRegion, random, wrap), ownRegion, random };
}

export function selectionLayers(
  asking: { readonly snapshot: EdgeSnapshot } & ClientPlace,
  pool: RuntimePool,
  { tiersFor, ownRegion, random }: PoolLayers,
  nowMs: number,
): SelectionLayers {
  const { strategy, slowStart, overprovisioning, preferRegion } = pool.config;
  return {
    tiers: tiersFor(preferRegion ? (clientRegion(asking) ?? ownRegion) : null),
    overprovisioning,
    boundedLoad: strategy.boundedLoad,
    warmthOf: slowStart.windowMs === 0 ? null : warmthOf(asking.snapshot, pool, nowMs),
    hashSeed: strategy.hashSeed,
    random,
  };
}

function warmthOf(snapshot: EdgeSnapshot, pool: RuntimePool, nowMs: number): (index: number) => number {
  const {
    name,
    config: { health },
    backends,
    state: { slowStart, outliers },
  } = pool;
  if (health) {
    const verdicts = Object.hasOwn(snapshot.health, name) ? (snapshot.health[name] ?? null) : null;
    slowStart.look(verdicts, (id) => verdictOf(snapshot, name, id), health.initial, nowMs);
  }
  return (index) => {
    const id = backends[index]?.id ?? '';
    // An ejection that a verdict has ended is found out by asking for it.
    ejectedUntil(snapshot, pool, id, nowMs);
    return slowStart.warmth(id, outliers.ejectionEndedAt(id, nowMs), nowMs);
  };
}
