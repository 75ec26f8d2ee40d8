// Any backend, all alike (a weight of 0 is left out). The alternatives are a shuffle of the rest.
import type { BalancerFactory } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { scoresByIndex } from './scores-by-index.ts';

/** O(1) a pick, O(n) once alternatives are asked for (Fisher and Yates, as far as needed). Score: the chance. */
export const uniformRandom: BalancerFactory = (backends, _parameters, random) => {
  const eligible = eligibleBackends(backends);
  const indexes = eligible.map(({ index }) => index);
  const count = indexes.length;
  const pick = (): number => indexes[Math.floor(random.next() * count)] ?? -1;

  return {
    type: 'random',
    first: pick,
    *order() {
      if (count === 0) return;
      const first = pick();
      yield first;
      const rest = indexes.filter((index) => index !== first);
      for (let end = rest.length; end > 0; end--) {
        const at = Math.floor(random.next() * end);
        yield rest[at] as number;
        rest[at] = rest[end - 1] as number;
      }
    },
    scores: () => scoresByIndex(backends.length, eligible, () => 1 / count),
  };
};
