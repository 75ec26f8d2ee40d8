// Two choices by load: how often each backend is taken, exactly as counting pairs says, and what is asked for it.
import { describe, expect, it } from 'vitest';
import { createBalancer } from '../../core/load-balancing/create-balancer.ts';
import { seededRandom } from '../../core/random.ts';

function balancerOf(weights: readonly number[]) {
  const backends = weights.map((weight, i) => ({ id: `b${i}`, weight }));
  return createBalancer({ type: 'least-requests', maxShare: 1.1, hashSeed: 0 }, backends, seededRandom(9));
}

const PICKS = 20_000;

describe('least-requests', () => {
  it.each(['first', 'order'] as const)('takes the less loaded of two, whichever two: by %s', (by) => {
    const loads = [3, 1, 0, 2];
    const pool = { inFlight: (index: number) => loads[index] ?? 0 };
    const balancer = balancerOf([1, 1, 1, 1]);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < PICKS; i++) {
      const [first = -1, second = -1] = balancer.order('', pool);
      const pick = by === 'order' ? first : (balancer.first?.('', pool) ?? -1);
      counts[pick] = (counts[pick] ?? 0) + 1;
      expect(loads[first]).toBeLessThan(loads[second] ?? 0);
    }
    // Of the six pairs the least loaded is the better one in 3, the next in 2, then 1, and the most loaded in none.
    for (const [i, load] of loads.entries()) {
      const chance = (3 - load) / 6;
      // Five standard deviations of a binomial count: exceeded once in 10^6.
      const tolerance = 5 * Math.sqrt(PICKS * chance * (1 - chance));
      expect(Math.abs((counts[i] ?? 0) - PICKS * chance)).toBeLessThanOrEqual(tolerance);
    }
  });

  it('measures load against weight', () => {
    const loads = [4, 2];
    const pool = { inFlight: (index: number) => loads[index] ?? 0 };
    const balancer = balancerOf([4, 1]);
    for (let i = 0; i < 200; i++) expect([...balancer.order('', pool)]).toEqual([0, 1]);
    expect(balancer.scores('', pool)).toEqual([1, 2]);
  });

  it('asks for the load of two backends, however many there are', () => {
    let asked = 0;
    const pool = { inFlight: () => ++asked };
    balancerOf(Array.from({ length: 1000 }, () => 1)).first?.('', pool);
    expect(asked).toBe(2);
  });

  it('takes the other at once when nearly all of the weight is busy', () => {
    const pool = { inFlight: (index: number) => (index === 0 ? 1_000_000 : 0) };
    const balancer = balancerOf([1000, 0.01, 0, 0.01]);
    for (let i = 0; i < 200; i++) expect([1, 3]).toContain(balancer.first?.('', pool));
  });
});
