// Two drawn at random in proportion to the weights, and the one with fewer requests in flight for its weight. Two are
// nearly as good as all (Mitzenmacher 2001), and better where many isolates look at the same: whoever always takes the
// least of all sends everybody to the same one. Equally loaded, the first drawn wins, which leaves the weights' own
// proportions: comparing (in flight + 1)/weight would count the weight twice in an idle pool.
import { aliasTable } from './alias-table.ts';
import type { BalancerFactory, PoolView } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { scoresByIndex } from './scores-by-index.ts';

/** Draws of a second one that differs, before it is drawn among the others by name. */
const DRAWS_MAX = 8;

/**
 * O(1) a pick, which asks for the load of two; O(n) when one backend has nearly all of the weight, O(n log n) once more
 * than the two are asked for (drawn without replacement). Score: requests in flight divided by the weight.
 */
export const leastRequests: BalancerFactory = (backends, _parameters, random) => {
  const eligible = eligibleBackends(backends);
  const draw = eligible.length > 0 ? aliasTable(eligible.map(({ weight }) => weight)) : null;
  const indexOf = (place: number): number => eligible[place]?.index ?? -1;
  const loadOf = (place: number, pool: PoolView): number =>
    pool.inFlight(indexOf(place)) / (eligible[place]?.weight ?? 1);

  /** The places not among `taken`, in the order of a draw without replacement (Efraimidis and Spirakis 2006). */
  const drawRest = (...taken: number[]): number[] =>
    eligible
      .map(({ weight }, place) => ({ place, wait: -Math.log(1 - random.next()) / weight }))
      .filter(({ place }) => !taken.includes(place))
      .sort((a, b) => a.wait - b.wait)
      .map(({ place }) => place);

  /** Another than `first`, in proportion to the weights of the others; `first` when there is none. */
  const drawOther = (first: number): number => {
    if (draw === null || eligible.length < 2) return first;
    for (let i = 0; i < DRAWS_MAX; i++) {
      const other = draw(random);
      if (other !== first) return other;
    }
    return drawRest(first)[0] ?? first;
  };

  return {
    type: 'least-requests',
    first(_key, pool) {
      if (draw === null) return -1;
      const one = draw(random);
      const other = drawOther(one);
      return indexOf(loadOf(other, pool) < loadOf(one, pool) ? other : one);
    },
    *order(_key, pool) {
      if (draw === null) return;
      const one = draw(random);
      const other = drawOther(one);
      const otherFirst = loadOf(other, pool) < loadOf(one, pool);
      yield indexOf(otherFirst ? other : one);
      if (other === one) return;
      yield indexOf(otherFirst ? one : other);
      yield* drawRest(one, other).map(indexOf);
    },
    scores: (_key, pool) => scoresByIndex(backends.length, eligible, (place) => loadOf(place, pool)),
  };
};
