// The first of the list that may be tried: a main backend and its stand-ins. The one strategy for which the order in
// the configuration is the point.
import type { BalancerFactory } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { scoresByIndex } from './scores-by-index.ts';

/** Weights count only as 0 or not. O(1) a pick, no state. Score: how many that have a weight are listed before it. */
export const firstAvailable: BalancerFactory = (backends) => {
  const listed = eligibleBackends(backends).sort((a, b) => a.index - b.index);
  const indexes = listed.map(({ index }) => index);

  return {
    type: 'first-available',
    isSettled: true,
    first: () => indexes[0] ?? -1,
    order: () => indexes.values(),
    scores: () => scoresByIndex(backends.length, listed, (place) => place),
    shares: () => backends.map((_, index) => (index === indexes[0] ? 1 : 0)),
  };
};
