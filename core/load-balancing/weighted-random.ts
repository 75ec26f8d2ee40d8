// At random in proportion to the weights. The alternatives are drawn without replacement, so that when some are
// refused the others share the traffic in their own proportions.
import { aliasTable } from './alias-table.ts';
import type { BalancerFactory } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { scoresByIndex } from './scores-by-index.ts';

/**
 * O(1) a pick; O(n log n) once alternatives are asked for: sorted by an exponential draw of rate `weight` each, which
 * is drawing without replacement (Efraimidis and Spirakis 2006). Score: the chance.
 */
export const weightedRandom: BalancerFactory = (backends, _parameters, random) => {
  const eligible = eligibleBackends(backends);
  const totalWeight = eligible.reduce((sum, { weight }) => sum + weight, 0);
  const draw = eligible.length > 0 ? aliasTable(eligible.map(({ weight }) => weight)) : null;
  const indexes = eligible.map(({ index }) => index);
  const pick = (): number => (draw === null ? -1 : (indexes[draw(random)] as number));

  return {
    type: 'weighted-random',
    first: pick,
    *order() {
      const first = pick();
      if (first < 0) return;
      yield first;
      yield* eligible
        .filter(({ index }) => index !== first)
        .map(({ index, weight }) => ({ index, wait: -Math.log(1 - random.next()) / weight }))
        .sort((a, b) => a.wait - b.wait)
        .map(({ index }) => index);
    },
    scores: () =>
      scoresByIndex(backends.length, eligible, (place) => (eligible[place]?.weight ?? 0) / totalWeight),
  };
};
