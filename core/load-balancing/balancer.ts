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
  /** Moving average until the head of an answer, ms; null, and by default, where there is none. */
  latencyMs?(backend: number): number | null;
  /** Requests that failed lately, as so many in flight; by default none. */
  failureLoad?(backend: number): number;
}

export interface BalancerParameters {
  readonly type: string;
  /** Target of the largest share against the average share, 1.01–2; ring only. */
  readonly maxShare: number;
  readonly hashSeed: number;
}

export interface Balancer {
  readonly type: string;
  /** Whether the key decides; whoever does not say so need not be given one. */
  readonly usesKey?: boolean;
  /** Whether the order is the same each time without any key: picks are not shared out. */
  readonly isSettled?: boolean;
  /**
   * Backend indexes, first choice first, then the alternatives in the order in which retries should take them.
   * Never a duplicate, never an index of weight 0, always finite; empty when no backend has a weight. The empty key
   * stands for "none present". Lazy: the caller usually takes one.
   *
   * Whoever stops at an index has picked it; whoever asks for the next one has refused it, and it counts as not
   * having been there: what others get keeps their proportions. Walking to the end picks nothing. So the walk is
   * made in one go, and an order is used once.
   *
   * `isLastResort`: nobody who is well is left. A strategy that puts off those who were refused lately does not then.
   */
  order(key: string, pool: PoolView, isLastResort?: boolean): Iterable<number>;
  /**
   * The first of an order, without making one: −1 when it would be empty. Only where a pick leaves no trace, so that
   * refusing it afterwards needs nothing undone. Allocates nothing.
   */
  first?(key: string, pool: PoolView): number;
  /**
   * For `explain`, by backend index, before an order is asked for: the strategy's own measure of each backend for
   * this key (docs of each strategy say which); null where it has none.
   */
  scores(key: string, pool: PoolView): readonly (number | null)[];
  /** Exact share of the traffic by backend index, together 1, where it is not the weights' proportions by intent. */
  shares?(): readonly number[];
}

/**
 * Builds a balancer whole from an immutable backend set; the same set in any order gives the same answers by id
 * (except where the order is what is asked for: first-available).
 */
export type BalancerFactory = (
  backends: readonly BalancerBackend[],
  parameters: BalancerParameters,
  random: Random,
) => Balancer;
