// The better of two by the time that a request is likely to take there: the moving average of its latency (load-meter.ts),
// times the requests that are ahead of it. After Finagle's and tower's "P2C Peak EWMA".
import type { BalancerFactory, PoolView } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { scoresByIndex } from './scores-by-index.ts';
import { twoChoices } from './two-choices.ts';

/**
 * O(1) a pick. Score: latency, ms × (1 + load/relative weight), the load being the requests in flight with those that
 * failed lately; lower is better. The weight is relative to the pool's average, and divides the load only: divided by
 * it, the latency of an idle backend would count the weight that the draw has counted already. A backend whose latency
 * is not known is taken for as quick as the one that it is compared with: then the load alone decides, so it is neither
 * shunned nor run over.
 */
export const peakEwma: BalancerFactory = (backends, _parameters, random) => {
  const eligible = eligibleBackends(backends);
  const average = eligible.reduce((sum, { weight }) => sum + weight, 0) / eligible.length;
  const queueOf = (place: number, pool: PoolView): number => {
    const { index = -1, weight = 1 } = eligible[place] ?? {};
    return 1 + ((pool.inFlight(index) + (pool.failureLoad?.(index) ?? 0)) * average) / weight;
  };
  const latencyOf = (place: number, pool: PoolView): number | null =>
    pool.latencyMs?.(eligible[place]?.index ?? -1) ?? null;

  return {
    type: 'peak-ewma',
    ...twoChoices(eligible, random, (other, one, pool) => {
      const latencyOther = latencyOf(other, pool);
      const latencyOne = latencyOf(one, pool);
      const isComparable = latencyOther !== null && latencyOne !== null;
      return (
        queueOf(other, pool) * (isComparable ? latencyOther : 1) <
        queueOf(one, pool) * (isComparable ? latencyOne : 1)
      );
    }),
    scores(_key, pool) {
      const known = eligible.flatMap((_, place) => latencyOf(place, pool) ?? []);
      const typicalMs = known.length === 0 ? 1 : known.reduce((sum, ms) => sum + ms, 0) / known.length;
      return scoresByIndex(
        backends.length,
        eligible,
        (place) => queueOf(place, pool) * (latencyOf(place, pool) ?? typicalMs),
      );
    },
  };
};
