// What each hashing strategy promises beyond the contract of all balancers: who moves when, and how even shares are.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BalancerBackend, PoolView } from '../../core/load-balancing/balancer.ts';
import { createBalancer } from '../../core/load-balancing/create-balancer.ts';
import { seededRandom } from '../../core/random.ts';

const idle: PoolView = { inFlight: () => 0 };

/** Ids in the order of choice. */
function ordersOf(type: string, backends: readonly BalancerBackend[], keys: readonly string[], hashSeed = 7) {
  const balancer = createBalancer({ type, maxShare: 1.5, hashSeed }, backends, seededRandom(1));
  return keys.map((key) => [...balancer.order(key, idle)].map((index) => backends[index]?.id ?? ''));
}

const keysOf = (count: number): string[] => Array.from({ length: count }, (_, i) => `/path/${i}`);
const pool = fc.uniqueArray(
  fc.record({
    id: fc.stringMatching(/^[a-z0-9]{1,6}$/),
    weight: fc.double({ min: 0.1, max: 10, noNaN: true }),
  }),
  { selector: ({ id }) => id, minLength: 2, maxLength: 10 },
);

describe('rendezvous', () => {
  it('leaves the order of the others as it is when a backend leaves', () => {
    fc.assert(
      fc.property(pool, fc.nat(), (backends, which) => {
        const gone = backends[which % backends.length]?.id;
        const rest = backends.filter(({ id }) => id !== gone);
        const before = ordersOf('rendezvous', backends, keysOf(20));
        const after = ordersOf('rendezvous', rest, keysOf(20));
        expect(after).toEqual(before.map((order) => order.filter((id) => id !== gone)));
      }),
      { seed: 4, numRuns: 100 },
    );
  });

  it('moves keys only to a backend whose weight grows, and only as many as it gains', () => {
    const weights = [1, 2, 3, 4];
    const backends = weights.map((weight, i) => ({ id: `b${i}`, weight }));
    const heavier = backends.map((one, i) => (i === 1 ? { ...one, weight: 5 } : one));
    const keys = keysOf(20_000);
    const before = ordersOf('rendezvous', backends, keys);
    const after = ordersOf('rendezvous', heavier, keys);
    const moved = after.filter(([first], i) => first !== before[i]?.[0]);
    expect(new Set(moved.map(([first]) => first))).toEqual(new Set(['b1']));
    // From 2/10 to 5/13 of the keys: 0.1846, deviation √(0.1846 · 0.8154 / 20,000) = 0.27 %, five of them.
    expect(Math.abs(moved.length / keys.length - (5 / 13 - 2 / 10))).toBeLessThan(0.014);
  });

  it('sends keys elsewhere with another seed', () => {
    const backends = Array.from({ length: 4 }, (_, i) => ({ id: `b${i}`, weight: 1 }));
    const one = ordersOf('rendezvous', backends, keysOf(4000), 1);
    const other = ordersOf('rendezvous', backends, keysOf(4000), 2);
    const moved = one.filter(([first], i) => first !== other[i]?.[0]).length;
    // Two independent choices among four differ three times in four; five deviations of 0.68 %.
    expect(Math.abs(moved / 4000 - 0.75)).toBeLessThan(0.035);
  });

  it('scores highest what it takes first', () => {
    const backends = [1, 2, 3].map((weight, i) => ({ id: `b${i}`, weight }));
    const balancer = createBalancer(
      { type: 'rendezvous', maxShare: 1.1, hashSeed: 0 },
      backends,
      seededRandom(1),
    );
    for (const key of keysOf(50)) {
      const scores = balancer.scores(key, idle).map(Number);
      const byScore = [0, 1, 2].sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
      expect([...balancer.order(key, idle)]).toEqual(byScore);
    }
  });
});

describe('first-available', () => {
  it('goes by the list, whatever ids and weights say', () => {
    const backends = [
      { id: 'z', weight: 0 },
      { id: 'y', weight: 1 },
      { id: 'a', weight: 1000 },
      { id: 'x', weight: 2 },
    ];
    expect(ordersOf('first-available', backends, ['', 'key'])).toEqual([
      ['y', 'a', 'x'],
      ['y', 'a', 'x'],
    ]);
  });
});

describe('maglev', () => {
  const built = (backends: readonly BalancerBackend[]) =>
    createBalancer({ type: 'maglev', maxShare: 1.1, hashSeed: 7 }, backends, seededRandom(1));
  const equal = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `b${i}`, weight: 1 }));

  it.each([
    { count: 1, weights: [1] },
    { count: 10, weights: [1] },
    { count: 100, weights: [1] },
    { count: 100, weights: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] },
    { count: 656, weights: [1] },
  ])('shares within 1 % of the target: $count backends of weights $weights', ({ count, weights }) => {
    const backends = equal(count).map((one, i) => ({ ...one, weight: weights[i % weights.length] ?? 1 }));
    const total = backends.reduce((sum, { weight }) => sum + weight, 0);
    const shares = built(backends).shares?.() ?? [];
    for (const [i, { weight }] of backends.entries()) {
      expect(Math.abs(((shares[i] ?? 0) * total) / weight - 1)).toBeLessThan(0.01);
    }
  });

  it('moves at most 1.3 times the keys that it must when one of ten leaves, whichever', () => {
    const keys = keysOf(20_000);
    const ownersOf = (backends: readonly BalancerBackend[]) => {
      const balancer = built(backends);
      return keys.map((key) => backends[balancer.first?.(key, idle) ?? -1]?.id);
    };
    const before = ownersOf(equal(10));
    for (const { id: gone } of equal(10)) {
      const after = ownersOf(equal(10).filter(({ id }) => id !== gone));
      const must = before.filter((owner) => owner === gone).length;
      const moved = before.filter((owner, i) => owner !== after[i]).length;
      expect(moved / must).toBeLessThanOrEqual(1.3);
    }
  });

  it('builds the same however the backends are listed, and with weights in the same proportion', () => {
    const backends = equal(20).map((one, i) => ({ ...one, weight: 1 + (i % 3) }));
    const reversed = [...backends].reverse();
    const doubled = backends.map((one) => ({ ...one, weight: 2 * one.weight }));
    const keys = keysOf(500);
    expect(ordersOf('maglev', reversed, keys)).toEqual(ordersOf('maglev', backends, keys));
    expect(ordersOf('maglev', doubled, keys)).toEqual(ordersOf('maglev', backends, keys));
  });

  it('still names a backend that is too light to have an entry, last in nearly every order', () => {
    const backends = [...equal(3).map((one) => ({ ...one, weight: 1000 })), { id: 'light', weight: 1e-6 }];
    expect(built(backends).shares?.()[3]).toBe(0);
    for (const order of ordersOf('maglev', backends, keysOf(50))) expect(order[3]).toBe('light');
  });

  it('refuses more backends than its table can hold a hundred entries of', () => {
    expect(() => built(equal(5243))).toThrow(/5243 backends: the limit is 5,242/);
  });
});
