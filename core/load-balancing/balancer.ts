// What every strategy is: a function from a key to an order over the pool's backends. The caller walks that order
// and applies everything that is not the algorithm's business (health, state, caps, exclusions).
import type { Random } from '../random.ts';

/** What a strategy may know of a backend. Its identity is `id`, never its address. */
export interface BalancerBackend {
  readonly id: string;
  /** 0–1000; 0 takes no traffic. */
  readonly weight: number;
}

/** Measurements, kept apart from choosing (by backend index). */
export interface PoolView {
  /** Requests in flight from this isolate. */
  inFlight(backend: number): number;
}

export interface BalancerParameters {
  readonly type: string;
  /** Target of the largest share against the average share, 1.01–2; ring only. */
  readonly maxShare: number;
  readonly hashSeed: number;
}

export interface Balancer {
  readonly type: string;
  /**
   * Backend indexes, first choice first, then the alternatives in the order in which retries should take them.
   * Never a duplicate, never an index of weight 0 (unless every weight is 0: then all are equal), always finite.
   * Lazy: the caller usually takes one.
   */
  order(key: string, pool: PoolView): Iterable<number>;
}

/** Builds a balancer whole from an immutable backend set; the same set in any order gives the same answers by id. */
export type BalancerFactory = (
  backends: readonly BalancerBackend[],
  parameters: BalancerParameters,
  random: Random,
) => Balancer;
