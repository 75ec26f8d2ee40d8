// The two strategies that take turns: exact counts, the start, the interleaving, and what a refusal does.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Balancer, PoolView } from '../../core/load-balancing/balancer.ts';
import { roundRobin } from '../../core/load-balancing/round-robin.ts';
import { weightedRoundRobin } from '../../core/load-balancing/weighted-round-robin.ts';
import { seededRandom } from '../../core/random.ts';

const idle: PoolView = { inFlight: () => 0 };
const parameters = { type: '', maxShare: 1.1, hashSeed: 0 };
const pool = (...weights: number[]) => weights.map((weight, i) => ({ id: `b${i}`, weight }));

/** The backend picked by each of `count` requests. */
function picks(balancer: Balancer, count: number, accept: (index: number) => boolean = () => true): number[] {
  return Array.from({ length: count }, () => {
    for (const index of balancer.order('', idle)) if (accept(index)) return index;
    return -1;
  });
}

const countsOf = (sequence: readonly number[], size: number): number[] =>
  Array.from({ length: size }, (_, i) => sequence.filter((pick) => pick === i).length);

describe('round robin', () => {
  it('gives exactly 1/n over any n·k picks, wherever they begin', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat({ max: 50 }),
        fc.nat(),
        (n, k, skip, seed) => {
          const balancer = roundRobin(pool(...Array<number>(n).fill(1)), parameters, seededRandom(seed));
          picks(balancer, skip);
          expect(countsOf(picks(balancer, n * k), n)).toEqual(Array(n).fill(k));
        },
      ),
      { seed: 1 },
    );
  });

  it('begins at a random backend', () => {
    const starts = Array.from(
      { length: 400 },
      (_, seed) => picks(roundRobin(pool(1, 1, 1, 1), parameters, seededRandom(seed)), 1)[0] ?? -1,
    );
    // 100 expected each, standard deviation 8.7: five of them.
    for (const count of countsOf(starts, 4)) expect(Math.abs(count - 100)).toBeLessThan(44);
  });

  it('keeps the others even while some are refused', () => {
    const balancer = roundRobin(pool(1, 1, 1, 1, 1), parameters, seededRandom(1));
    // The next in line after the two dead ones must not get their turns.
    const sequence = picks(balancer, 300, (index) => index !== 1 && index !== 2);
    expect(countsOf(sequence, 5)).toEqual([100, 0, 0, 100, 100]);
  });

  it('is even when everything is refused by a first walk and taken by a second', () => {
    const balancer = roundRobin(pool(1, 1, 1, 1), parameters, seededRandom(1));
    const sequence = Array.from({ length: 40 }, () => {
      picks(balancer, 1, () => false);
      return picks(balancer, 1)[0] ?? -1;
    });
    expect(countsOf(sequence, 4)).toEqual([10, 10, 10, 10]);
  });
});

describe('smooth weighted round robin', () => {
  const weightSets = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 7 });
  const sumOf = (weights: readonly number[]) => weights.reduce((sum, weight) => sum + weight, 0);

  it('gives exact proportions over any Σw picks, wherever they begin', () => {
    fc.assert(
      fc.property(weightSets, fc.nat({ max: 60 }), fc.nat(), (weights, skip, seed) => {
        const balancer = weightedRoundRobin(pool(...weights), parameters, seededRandom(seed));
        picks(balancer, skip);
        expect(countsOf(picks(balancer, sumOf(weights)), weights.length)).toEqual(weights);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('never takes a backend twice in a row that has at most half of the weight', () => {
    fc.assert(
      fc.property(weightSets, fc.nat(), (weights, seed) => {
        const balancer = weightedRoundRobin(pool(...weights), parameters, seededRandom(seed));
        const sequence = picks(balancer, 4 * sumOf(weights));
        const twice = sequence.filter((pick, i) => i > 0 && pick === sequence[i - 1]);
        for (const pick of twice) expect(2 * (weights[pick] ?? 0)).toBeGreaterThan(sumOf(weights));
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  it.each([
    { weights: [5, 1, 1], runMax: 3 },
    { weights: [2, 1, 1], runMax: 1 },
    { weights: [7, 1, 1], runMax: 4 },
    { weights: [3, 2], runMax: 2 },
  ])('spreads the heavy one of $weights as widely as can be', ({ weights, runMax }) => {
    const sequence = picks(weightedRoundRobin(pool(...weights), parameters, seededRandom(1)), 100).join('');
    expect(Math.max(...(sequence.match(/0+/g) ?? []).map((run) => run.length))).toBe(runMax);
  });

  it('is never further than one pick a backend from its share', () => {
    fc.assert(
      fc.property(weightSets, (weights) => {
        const balancer = weightedRoundRobin(pool(...weights), parameters, seededRandom(1));
        const sequence = picks(balancer, 2 * sumOf(weights));
        for (const [i, weight] of weights.entries()) {
          let count = 0;
          for (const [at, pick] of sequence.entries()) {
            if (pick === i) count++;
            expect(Math.abs(count - ((at + 1) * weight) / sumOf(weights))).toBeLessThan(weights.length);
          }
        }
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  it('keeps the proportions of the rest while a backend is refused: 3,1,1 without the 3 is half and half', () => {
    const balancer = weightedRoundRobin(pool(3, 1, 1), parameters, seededRandom(1));
    const sequence = picks(balancer, 1000, (index) => index !== 0);
    expect(countsOf(sequence, 3)).toEqual([0, 500, 500]);
  });

  it('shares within a pick a backend among those that are left, whichever are refused and whenever', () => {
    fc.assert(
      fc.property(weightSets, fc.nat({ max: 40 }), fc.nat(), (weights, before, mask) => {
        const balancer = weightedRoundRobin(pool(...weights), parameters, seededRandom(1));
        picks(balancer, before);
        const up = (index: number) => ((mask >> index) & 1) === 1;
        const left = sumOf(weights.filter((_, index) => up(index)));
        const counts = countsOf(picks(balancer, 5 * left, up), weights.length);
        for (const [index, weight] of weights.entries()) {
          const share = up(index) ? 5 * weight : 0;
          expect(Math.abs((counts[index] ?? 0) - share)).toBeLessThanOrEqual(up(index) ? weights.length : 0);
        }
      }),
      { seed: 1 },
    );
  });

  it('does not give one that comes back the next turn of every isolate at once', () => {
    const isolates = 200;
    const weights = new Array<number>(20).fill(1);
    const firsts = Array.from({ length: isolates }, (_, seed) => {
      const balancer = weightedRoundRobin(pool(...weights), parameters, seededRandom(seed));
      picks(balancer, 100, (index) => index !== 0);
      return picks(balancer, 20);
    });
    // One in twenty is expected, 10; standard deviation 3.1: five of them. All 200 without it.
    expect(firsts.filter(([first]) => first === 0).length).toBeLessThan(26);
    // Within one round it has had its turn in each.
    for (const sequence of firsts) expect(sequence.filter((pick) => pick === 0).length).toBeGreaterThan(0);
  });

  it('asks those that were refused lately when nobody else is left', () => {
    const balancer = weightedRoundRobin(pool(1, 1, 1), parameters, seededRandom(1));
    picks(balancer, 10, (index) => index === 2);
    expect(picks(balancer, 6, (index) => index !== 2)).not.toContain(-1);
    for (let i = 0; i < 4; i++) expect([...balancer.order('', idle)].sort()).toEqual([0, 1, 2]);
  });

  it('gives those that are not well their turns too, as a last resort', () => {
    fc.assert(
      fc.property(fc.nat({ max: 40 }), fc.nat(), (before, seed) => {
        const balancer = weightedRoundRobin(pool(1, 1, 1), parameters, seededRandom(seed));
        picks(balancer, before);
        // Each request asks the only one that is well, in vain, and then anyone else.
        const second = Array.from({ length: 40 }, () => {
          picks(balancer, 1, (index) => index === 0);
          picks(balancer, 1, () => false);
          for (const index of balancer.order('', idle, true)) if (index !== 0) return index;
          return -1;
        });
        expect(countsOf(second, 3)).toEqual([0, 20, 20]);
      }),
      { seed: 1 },
    );
  });

  it('takes fractions exactly', () => {
    const balancer = weightedRoundRobin(pool(0.1, 0.2, 0.3), parameters, seededRandom(1));
    expect(countsOf(picks(balancer, 600), 3)).toEqual([100, 200, 300]);
  });

  it('does not begin every isolate with the heaviest', () => {
    const first = Array.from(
      { length: 200 },
      (_, seed) => picks(weightedRoundRobin(pool(2, 1, 1, 1, 1), parameters, seededRandom(seed)), 1)[0],
    );
    // A third of the starts at most is expected there: 67 of 200, standard deviation 6.7.
    expect(first.filter((pick) => pick === 0).length).toBeLessThan(100);
  });
});
