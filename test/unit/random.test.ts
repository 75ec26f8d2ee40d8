// Seeded chance, and weighted draws from it.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aliasTable } from '../../core/load-balancing/alias-table.ts';
import { seededRandom } from '../../core/random.ts';

const sequence = (seed: number, length: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length }, () => random.next());
};

/** Sum of (observed − expected)² / expected. */
function chiSquare(counts: readonly number[], shares: readonly number[], draws: number): number {
  return shares.reduce((sum, share, i) => sum + ((counts[i] ?? 0) - draws * share) ** 2 / (draws * share), 0);
}

describe('seeded chance', () => {
  it('repeats for a seed and differs between seeds, near ones too', () => {
    expect(sequence(1, 20)).toEqual(sequence(1, 20));
    const firsts = new Set(Array.from({ length: 1000 }, (_, seed) => sequence(seed, 1)[0]));
    expect(firsts.size).toBe(1000);
  });

  it('is uniform in [0, 1), over one sequence and over the first draws of many', () => {
    const draws = 100_000;
    for (const values of [
      sequence(7, draws),
      Array.from({ length: draws }, (_, seed) => sequence(seed, 1)[0] ?? -1),
    ]) {
      expect(Math.min(...values.slice(0, 1000))).toBeGreaterThanOrEqual(0);
      const counts = Array<number>(100).fill(0);
      for (const value of values)
        counts[Math.floor(value * 100)] = (counts[Math.floor(value * 100)] ?? 0) + 1;
      // χ² of 99 degrees of freedom: mean 99, deviation 14; six deviations.
      expect(chiSquare(counts, Array(100).fill(0.01), draws)).toBeLessThan(99 + 6 * 14.1);
    }
  });
});

describe('the alias table', () => {
  it.each([
    { weights: [1] },
    { weights: [1, 1, 1] },
    { weights: [3, 1, 1] },
    { weights: [0.001, 1000, 1, 1, 7] },
    { weights: Array.from({ length: 100 }, (_, i) => 1 + (i % 10)) },
  ])('draws in proportion to $weights', ({ weights }) => {
    const draw = aliasTable(weights);
    const random = seededRandom(3);
    const draws = 200_000;
    const counts = weights.map(() => 0);
    for (let i = 0; i < draws; i++) {
      const drawn = draw(random);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const expectable = weights.flatMap((weight, i) => ((draws * weight) / total >= 5 ? [i] : []));
    const freedom = Math.max(1, expectable.length - 1);
    // Only cells that expect 5 draws or more, as χ² wants; six deviations of √2k.
    expect(
      chiSquare(
        expectable.map((i) => counts[i] ?? 0),
        expectable.map((i) => (weights[i] ?? 0) / total),
        draws,
      ),
    ).toBeLessThan(freedom + 6 * Math.sqrt(2 * freedom));
    for (const [i, count] of counts.entries()) if (!expectable.includes(i)) expect(count).toBeLessThan(30);
  });

  it('is exact, not only on average: the columns add up to the weights', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }), (weights) => {
        const draw = aliasTable(weights);
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        // A sweep of the unit interval instead of chance: each of n columns has one border, which a step may straddle.
        const steps = 100 * total * weights.length;
        const counts = weights.map(() => 0);
        for (let i = 0; i < steps; i++) {
          const drawn = draw({ next: () => (i + 0.5) / steps });
          counts[drawn] = (counts[drawn] ?? 0) + 1;
        }
        for (const [i, weight] of weights.entries()) {
          expect(Math.abs((counts[i] ?? 0) - (steps * weight) / total)).toBeLessThanOrEqual(weights.length);
        }
      }),
      { seed: 1, numRuns: 30 },
    );
  });
});
