// What stands around a pool's strategy where its configuration asks for it: tiers, a bound of the load, slow start. A
// pool that asks for none of them has no layers, and pays nothing.
import type { Random } from '../random.ts';
import type { Balancer } from './balancer.ts';

/** Backends that are tried before others: of one priority and, where nearness counts, one distance. */
export interface Tier {
  /** Lower first. */
  readonly priority: number;
  /** From the request, km; null where nearness does not count, Infinity where it is not known. */
  readonly distanceKm: number | null;
  /** Indexes into the pool's backends. */
  readonly members: readonly number[];
  /** Built from all of the pool's backends, those of other tiers without weight. */
  readonly balancer: Balancer;
}

export interface SelectionLayers {
  /** In the order of preference; at least one, and every backend in exactly one. */
  readonly tiers: readonly Tier[];
  /** A tier keeps all traffic while its healthy share times this is 1 or more. */
  readonly overprovisioning: number;
  /** Most requests in flight of a backend against the average; 0 = no bound. */
  readonly boundedLoad: number;
  /** Above 0, up to 1 for whoever takes his whole share, by backend index; null without slow start. */
  readonly warmthOf: ((backend: number) => number) | null;
  /** Of the strategy: hostile keys shall not be aimed at a tier either. */
  readonly hashSeed: number;
  /** For requests without a key. */
  readonly random: Random;
}
