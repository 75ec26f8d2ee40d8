// A pool's tiers: its backends by priority, and within one priority by distance from the request where nearness counts.
// Each tier has a balancer of its own, built whole; tiers of the same backends, for requests from elsewhere, share it.
import type { Random } from '../random.ts';
import type { Balancer, BalancerBackend, BalancerParameters } from './balancer.ts';
import { createBalancer } from './create-balancer.ts';
import { regionDistanceKm } from './region-distance.ts';
import type { Tier } from './selection-layers.ts';

export interface PlacedBackend extends BalancerBackend {
  /** Lower first. */
  readonly priority: number;
  readonly region?: string | undefined;
}

/** The tiers for requests from `region`; null = not known, then nearness does not count. O(1) but for the first. */
export type TiersFor = (region: string | null) => readonly Tier[];

/** Places that requests come from are few: regions, continents, and what the edge calls its own. */
const REMEMBERED_MAX = 64;

/** Balancers are built when a request from such a place comes. A pool without backends has one tier, empty. */
export function divideIntoTiers(
  backends: readonly PlacedBackend[],
  parameters: BalancerParameters,
  preferRegion: boolean,
  random: Random,
  /** Around each tier's balancer; by default nothing. */
  wrap: (balancer: Balancer, backends: readonly BalancerBackend[]) => Balancer = (balancer) => balancer,
): TiersFor {
  const balancers = new Map<string, Balancer>();
  const known = new Map<string | null, readonly Tier[]>();

  const balancerOf = (members: readonly number[]): Balancer => {
    const name = members.join();
    let balancer = balancers.get(name);
    if (!balancer) {
      const isMember = new Set(members);
      const weighted = backends.map(({ id, weight }, index) => ({
        id,
        weight: isMember.has(index) ? weight : 0,
      }));
      balancer = wrap(createBalancer(parameters, weighted, random), weighted);
      balancers.set(name, balancer);
    }
    return balancer;
  };
  const divide = (region: string | null): Tier[] => {
    const distanceOf = ({ region: own }: PlacedBackend): number | null => {
      if (region === null) return null;
      return own === undefined ? Number.POSITIVE_INFINITY : regionDistanceKm(region, own);
    };
    const groups = new Map<string, { priority: number; distanceKm: number | null; members: number[] }>();
    for (const [index, backend] of backends.entries()) {
      const { priority } = backend;
      const distanceKm = distanceOf(backend);
      const name = `${priority} ${distanceKm}`;
      const group = groups.get(name) ?? { priority, distanceKm, members: [] };
      group.members.push(index);
      groups.set(name, group);
    }
    if (groups.size === 0) groups.set('', { priority: 0, distanceKm: null, members: [] });
    return [...groups.values()]
      .sort((a, b) => a.priority - b.priority || compareDistances(a.distanceKm, b.distanceKm))
      .map((group) => ({ ...group, balancer: balancerOf(group.members) }));
  };

  return (from) => {
    const region = preferRegion ? from : null;
    let tiers = known.get(region);
    if (!tiers) {
      tiers = divide(region);
      if (known.size < REMEMBERED_MAX) known.set(region, tiers);
    }
    return tiers;
  };
}

function compareDistances(one: number | null, other: number | null): number {
  if (one === other || one === null || other === null) return 0;
  return one - other;
}
