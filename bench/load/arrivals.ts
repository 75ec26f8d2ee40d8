// When requests are due, whatever the answers take.
import { seededRandom } from '../../core/random.ts';

/** `even`: at equal distances; otherwise as users come who know nothing of one another (a Poisson process), by seed. */
export interface Arrivals {
  readonly perSecond: number;
  readonly seed: number | 'even';
}

/** Endless, in ms from the beginning, growing. Equal arguments give equal times. */
export function* dueTimes({ perSecond, seed }: Arrivals): Generator<number, never> {
  const gapMs = 1_000 / perSecond;
  const random = seed === 'even' ? null : seededRandom(seed);
  // From the running number where it can be: a sum of gaps would drift.
  for (let n = 1, at = 0; ; n++) {
    at = random === null ? n * gapMs : at - gapMs * Math.log(1 - random.next());
    yield at;
  }
}
