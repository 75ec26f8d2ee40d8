// Spreads the keys that are asked for so often that one backend would get more than its part: such a key goes to the first
// of its alternatives that is below its part of the requests of late. All others stay where they are, so few keys are held
// twice; and since a key's alternatives are always the same, a hot one is held by no more backends than it needs. Each
// edge bounds the shares of its own requests, and with them those of the sum.
import type { Balancer, BalancerBackend, PoolView } from './balancer.ts';
import { type FrequentKey, FrequentKeys } from './frequent-keys.ts';

/** A key is hot from this part of an average backend's requests: what is below is spread by being many. */
const HOT_RATIO = 0.1;
/** Below, a count is chance. */
const HOT_COUNT_MIN = 8;
/** Keys that are watched: counts are short by a quarter of what makes a key hot, at most. */
const WATCHED_MIN = 256;
const WATCHED_PER_BACKEND = 40;
/** Alternatives of a hot key, when it is asked for the first. */
const ALTERNATIVES_MIN = 4;
/** Requests of late, for each backend: then all counts are halved. */
const REQUESTS_PER_BACKEND = 512;

/**
 * Around a strategy that hashes. `maxShare`: the largest part of the requests against the average by weight, above 1;
 * it holds as far as the keys that are not hot leave room. O(1) a pick on average, for hot keys O(alternatives that
 * are full).
 */
export function spreadHotKeys(
  balancer: Balancer,
  backends: readonly BalancerBackend[],
  maxShare: number,
): Balancer {
  const weights = backends.map(({ weight }) => weight);
  const totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
  const eligible = Math.max(1, weights.filter((weight) => weight > 0).length);
  const counts = new Float64Array(backends.length);
  const keys = new FrequentKeys(Math.max(WATCHED_MIN, WATCHED_PER_BACKEND * eligible));
  let total = 0;

  const isHot = (known: FrequentKey | null): known is FrequentKey =>
    known !== null && known.count >= HOT_COUNT_MIN && known.count * eligible >= HOT_RATIO * total;
  const isFull = (index: number): boolean =>
    (counts[index] as number) + 1 > (maxShare * (total + 1) * (weights[index] as number)) / totalWeight;

  const count = (index: number, by: number): void => {
    counts[index] = Math.max(0, (counts[index] as number) + by);
    total = Math.max(0, total + by);
  };
  const forget = (): void => {
    if (total < REQUESTS_PER_BACKEND * eligible) return;
    for (let i = 0; i < counts.length; i++) counts[i] = (counts[i] as number) / 2;
    total /= 2;
    keys.halve();
  };

  /** What a hashing strategy says of a key is always the same: it is asked for as far as it was ever needed. */
  function* alternativesOf(key: string, known: FrequentKey, pool: PoolView): Iterable<number> {
    for (let at = 0; ; at++) {
      if (at === known.alternatives.length) {
        known.alternatives = take(balancer.order(key, pool), Math.max(ALTERNATIVES_MIN, 2 * at));
        if (at === known.alternatives.length) return;
      }
      yield known.alternatives[at] as number;
    }
  }

  function* spread(key: string, known: FrequentKey, pool: PoolView): Iterable<number> {
    const full: number[] = [];
    for (const index of alternativesOf(key, known, pool)) {
      if (isFull(index)) full.push(index);
      else yield index;
    }
    yield* full;
  }

  const { type, usesKey = false, isSettled = false, shares } = balancer;
  return {
    type,
    usesKey,
    isSettled,
    scores: (key, pool) => balancer.scores(key, pool),
    ...(shares ? { shares } : {}),
    *order(key, pool) {
      if (key === '') {
        yield* balancer.order(key, pool);
        return;
      }
      forget();
      const known = keys.add(key);
      const isSpread = isHot(known);
      const first = isSpread ? -1 : (balancer.first?.(key, pool) ?? -1);
      if (first >= 0) {
        // Most requests end here, without an order made.
        count(first, 1);
        yield first;
        count(first, -1);
      }
      for (const index of isSpread ? spread(key, known, pool) : balancer.order(key, pool)) {
        if (index === first) continue;
        // Whoever asks on has not picked it.
        count(index, 1);
        yield index;
        count(index, -1);
      }
      keys.remove(key);
    },
  };
}

function take(order: Iterable<number>, count: number): number[] {
  const taken: number[] = [];
  for (const index of order) {
    taken.push(index);
    if (taken.length === count) break;
  }
  return taken;
}
