// Draws from the run's one source of chance.
import type { Random } from '../../core/random.ts';

export class Chance implements Random {
  private readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  next(): number {
    return this.random.next();
  }

  /** True with this probability; draws nothing where the answer is certain. */
  hits(probability: number): boolean {
    return probability > 0 && this.random.next() < probability;
  }

  between(min: number, max: number): number {
    return min + this.random.next() * (max - min);
  }

  /** A whole number from 0 to `below - 1`. */
  below(below: number): number {
    return Math.floor(this.random.next() * below);
  }

  /** Mostly small, now and then much larger: a Pareto tail, the heavier the smaller its exponent, cut at `max`. */
  heavyTailed(min: number, max: number, exponent = 1.1): number {
    return Math.min(max, min * (1 - this.random.next()) ** (-1 / exponent));
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.below(from.length)];
    if (picked === undefined) throw new Error('There is nothing to pick from');
    return picked;
  }
}
