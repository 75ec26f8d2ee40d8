// Two drawn at random in proportion to the weights, and the better of them. Two are nearly as good as all (Mitzenmacher
// 2001), and better where many isolates look at the same: whoever always takes the least of all sends everybody to the
// same one. Of two that are as good, the first drawn wins, which leaves the weights' own proportions: whatever measures
// load must not count the weight a second time in an idle pool.
import type { Random } from '../random.ts';
import { aliasTable } from './alias-table.ts';
import type { Balancer, PoolView } from './balancer.ts';
import type { EligibleBackend } from './eligible-backends.ts';

/** Draws of a second one that differs, before it is drawn among the others by name. */
const DRAWS_MAX = 8;

/**
 * `isBetter`: whether `other` is to be preferred to `one`, by place in `eligible`. O(1) a pick, which compares two once;
 * O(n) when one backend has nearly all of the weight, O(n log n) once more than the two are asked for (drawn without
 * replacement).
 */
export function twoChoices(
  eligible: readonly EligibleBackend[],
  random: Random,
  isBetter: (other: number, one: number, pool: PoolView) => boolean,
): Pick<Balancer, 'order'> & Required<Pick<Balancer, 'first'>> {
  const draw = eligible.length > 0 ? aliasTable(eligible.map(({ weight }) => weight)) : null;
  const indexOf = (place: number): number => eligible[place]?.index ?? -1;

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
    first(_key, pool) {
      if (draw === null) return -1;
      const one = draw(random);
      const other = drawOther(one);
      return indexOf(other !== one && isBetter(other, one, pool) ? other : one);
    },
    *order(_key, pool) {
      if (draw === null) return;
      const one = draw(random);
      const other = drawOther(one);
      const otherFirst = other !== one && isBetter(other, one, pool);
      yield indexOf(otherFirst ? other : one);
      if (other === one) return;
      yield indexOf(otherFirst ? one : other);
      yield* drawRest(one, other).map(indexOf);
    },
  };
}
