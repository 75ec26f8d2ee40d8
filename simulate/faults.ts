// What may go wrong in one run. Each seed draws its own mixture, and some seeds are spared some faults altogether:
// a run with every fault at once hides what a single one would show.
import type { Random } from '../core/random.ts';

export interface Faults {
  /** Probabilities per message. */
  readonly drop: number;
  readonly errorAfterExecution: number;
  readonly duplicate: number;
  /** Of what is lost: how much goes without a word, instead of as a failed call. */
  readonly silent: number;
  /** A message takes seconds, not milliseconds. */
  readonly slow: number;
  /** Probabilities per step: the object is gone before, or after, its writes are durable. */
  readonly crashBeforePersist: number;
  readonly crashAfterPersist: number;
  /** Of these crashes: the share that lasts for seconds. */
  readonly longCrash: number;
  /** Mean time between cuts of one member (one way or both), of all; null = never. */
  readonly cutOneEveryMs: number | null;
  readonly cutAllEveryMs: number | null;
  /** Clocks of the objects differ by up to this much, anew in each life. */
  readonly clockSkewMs: number;
}

export const NO_FAULTS: Faults = {
  drop: 0,
  errorAfterExecution: 0,
  duplicate: 0,
  silent: 0,
  slow: 0,
  crashBeforePersist: 0,
  crashAfterPersist: 0,
  longCrash: 0,
  cutOneEveryMs: null,
  cutAllEveryMs: null,
  clockSkewMs: 0,
};

export function drawFaults(random: Random): Faults {
  const sometimes = (max: number): number => (random.next() < 0.6 ? random.next() * max : 0);
  return {
    drop: sometimes(0.15),
    errorAfterExecution: sometimes(0.1),
    duplicate: sometimes(0.15),
    silent: random.next(),
    slow: sometimes(0.03),
    crashBeforePersist: sometimes(0.01),
    crashAfterPersist: sometimes(0.01),
    longCrash: sometimes(1),
    cutOneEveryMs: random.next() < 0.6 ? 1_000 + random.next() * 4_000 : null,
    cutAllEveryMs: random.next() < 0.4 ? 2_000 + random.next() * 6_000 : null,
    clockSkewMs: sometimes(5_000),
  };
}
