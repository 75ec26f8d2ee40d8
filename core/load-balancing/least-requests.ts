// The better of two by requests in flight. A request that failed counts for a while as if it were still in flight
// (load-meter.ts): who fails fast has nothing in flight, and would look like the best of all.
import type { BalancerFactory, PoolView } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { scoresByIndex } from './scores-by-index.ts';
import { twoChoices } from './two-choices.ts';

/** O(1) a pick. Score: requests in flight, with those that failed lately, divided by the weight. */
export const leastRequests: BalancerFactory = (backends, _parameters, random) => {
  const eligible = eligibleBackends(backends);
  const loadOf = (place: number, pool: PoolView): number => {
    const { index = -1, weight = 1 } = eligible[place] ?? {};
    return (pool.inFlight(index) + (pool.failureLoad?.(index) ?? 0)) / weight;
  };

  return {
    type: 'least-requests',
    ...twoChoices(eligible, random, (other, one, pool) => loadOf(other, pool) < loadOf(one, pool)),
    scores: (_key, pool) => scoresByIndex(backends.length, eligible, (place) => loadOf(place, pool)),
  };
};
