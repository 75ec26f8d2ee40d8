// Scores as explain wants them: one of each backend that the pool lists, null for those the strategy leaves out.
import type { EligibleBackend } from './eligible-backends.ts';

/** O(n). `count` is the number of all backends, `scoreOf` is asked by place among the eligible ones. */
export function scoresByIndex(
  count: number,
  eligible: readonly EligibleBackend[],
  scoreOf: (place: number) => number,
): (number | null)[] {
  const scores = new Array<number | null>(count).fill(null);
  for (const [place, { index }] of eligible.entries()) scores[index] = scoreOf(place);
  return scores;
}
