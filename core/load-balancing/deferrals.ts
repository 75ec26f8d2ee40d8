// Why a backend that is well is passed over for now: it has its part already, or takes only a part of its share while it
// warms up. Unlike a refusal this yields when nobody else of its tier is left.
import { overBound } from './bounded-load.ts';
import { keyChanceAt } from './key-chance.ts';
import { refusal, type SelectionQuestion } from './refusals.ts';
import type { SelectionLayers, Tier } from './selection-layers.ts';

export type Deferral = 'over-bound' | 'warming-up';

/** Another chance than those that decide where a key goes. */
const WARM_UP_SEED = 0x3a2b;

/**
 * Judges members of the tier that nothing else speaks against. A backend of warmth r takes the part r of what comes
 * to it, against the warmest that may be taken: where all are as cold, nobody is. A key that it takes at r it takes
 * at every greater r. O(1); once O(members) where one is over its bound or warming up.
 */
export function deferralsIn(
  question: SelectionQuestion,
  layers: SelectionLayers,
  { members }: Tier,
): (backend: number) => Deferral | null {
  const { boundedLoad, warmthOf, hashSeed, random } = layers;
  const isOver = boundedLoad > 0 ? overBound(question, members, boundedLoad) : null;
  let warmest = 0;
  const isTooCold = (backend: number): boolean => {
    const warmth = warmthOf?.(backend) ?? 1;
    if (warmth >= 1) return false;
    if (warmest === 0) {
      for (const index of members) {
        if (refusal(question, index) === null) warmest = Math.max(warmest, warmthOf?.(index) ?? 1);
      }
    }
    if (warmth >= warmest) return false;
    const id = question.backends[backend]?.id ?? '';
    return keyChanceAt(question.key, id, WARM_UP_SEED ^ hashSeed, random) * warmest >= warmth;
  };
  return (backend) => {
    if (isOver?.(backend)) return 'over-bound';
    return isTooCold(backend) ? 'warming-up' : null;
  };
}
