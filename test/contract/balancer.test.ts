// What every strategy promises, whatever it is: one line per strategy, exceptions named with their reason.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Balancer, BalancerBackend, PoolView } from '../../core/load-balancing/balancer.ts';
import { BALANCERS, type BalancerType, createBalancer } from '../../core/load-balancing/create-balancer.ts';
import { divideIntoTiers } from '../../core/load-balancing/divide-into-tiers.ts';
import { seededRandom } from '../../core/random.ts';

interface Promises {
  /** Share of traffic in proportion to the weights, or the same for every backend that has one. */
  readonly weighted: boolean;
  /** The same key gives the same order. */
  readonly stable: boolean;
  /**
   * Relative deviation of a share from the wished one that is by design, not by chance: a ring's arcs (1.8 % at
   * 1,600 points; four times that is exceeded once in 10,000).
   */
  readonly arcs: number;
  /** The first in the list takes everything: its order counts, and nothing is shared. */
  readonly byPlace?: true;
}

const STRATEGIES: Record<BalancerType, Promises> = {
  'round-robin': { weighted: false, stable: false, arcs: 0 },
  random: { weighted: false, stable: false, arcs: 0 },
  'weighted-round-robin': { weighted: true, stable: false, arcs: 0 },
  'weighted-random': { weighted: true, stable: false, arcs: 0 },
  'consistent-hash': { weighted: true, stable: true, arcs: 0.08 },
  maglev: { weighted: true, stable: true, arcs: 0 },
  rendezvous: { weighted: true, stable: true, arcs: 0 },
  'first-available': { weighted: false, stable: true, arcs: 0, byPlace: true },
  'least-requests': { weighted: true, stable: false, arcs: 0 },
  'peak-ewma': { weighted: true, stable: false, arcs: 0 },
};

const drawsLots = (type: string): boolean =>
  type.includes('random') || type === 'least-requests' || type === 'peak-ewma';

const idle: PoolView = { inFlight: () => 0 };
/** Few points keep the ring's building out of the time of property tests; proportions are tested at full size. */
const COARSE = { maxShare: 1.5, hashSeed: 7 };
const FINE = { maxShare: 1.1, hashSeed: 7 };

const backendSets = fc
  .uniqueArray(
    fc.record({
      id: fc.stringMatching(/^[a-z0-9.-]{1,8}$/),
      weight: fc.double({ min: 0.01, max: 1000, noNaN: true }),
    }),
    {
      selector: ({ id }) => id,
      maxLength: 12,
    },
  )
  .chain((backends) =>
    fc
      .array(fc.boolean(), { minLength: backends.length, maxLength: backends.length })
      .map((zero) => backends.map((backend, i) => (zero[i] ? { ...backend, weight: 0 } : backend))),
  );

function firstAccepted(balancer: Balancer, key: string, accept: (index: number) => boolean): number | null {
  for (const index of balancer.order(key, idle)) if (accept(index)) return index;
  return null;
}

describe.each(Object.entries(STRATEGIES))('a balancer of type %s', (type, promises) => {
  const build = (backends: readonly BalancerBackend[], seed = 1, settings = COARSE): Balancer =>
    createBalancer({ type, ...settings }, backends, seededRandom(seed));

  it('says its type', () => {
    expect(build([]).type).toBe(type);
  });

  it('orders exactly the backends that have a weight, each once', () => {
    fc.assert(
      fc.property(backendSets, fc.string(), (backends, key) => {
        const balancer = build(backends);
        const withWeight = backends.flatMap(({ weight }, index) => (weight > 0 ? [index] : []));
        for (let i = 0; i < 3; i++) {
          expect([...balancer.order(key, idle)].sort((a, b) => a - b)).toEqual(withWeight);
          firstAccepted(balancer, key, () => true);
        }
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('has an empty order, and no first, without a backend that has a weight', () => {
    for (const backends of [[], [{ id: 'a', weight: 0 }]]) {
      const balancer = build(backends);
      expect([...balancer.order('key', idle)]).toEqual([]);
      expect(balancer.first?.('key', idle) ?? -1).toBe(-1);
    }
  });

  it.skipIf(promises.byPlace)('gives the same answers by id, however the backends are listed', () => {
    fc.assert(
      fc.property(backendSets, fc.nat(), (backends, rotation) => {
        const by = backends.length === 0 ? 0 : rotation % backends.length;
        const rotated = [...backends.slice(by), ...backends.slice(0, by)];
        const one = build(backends);
        const other = build(rotated);
        for (let i = 0; i < 10; i++) {
          const pick = firstAccepted(one, `key ${i}`, () => true);
          const otherPick = firstAccepted(other, `key ${i}`, () => true);
          expect(otherPick === null ? null : rotated[otherPick]?.id).toBe(
            pick === null ? null : backends[pick]?.id,
          );
        }
      }),
      { seed: 2, numRuns: 40 },
    );
  });

  it('repeats itself for the same seed', () => {
    const backends = [3, 1, 4, 1, 5].map((weight, i) => ({ id: `b${i}`, weight }));
    const picks = () => {
      const balancer = build(backends, 42);
      return Array.from({ length: 50 }, (_, i) => [...balancer.order(`key ${i}`, idle)]);
    };
    expect(picks()).toEqual(picks());
  });

  it('takes no turn when an order is walked to its end', () => {
    const backends = [3, 1, 2].map((weight, i) => ({ id: `b${i}`, weight }));
    const shares = [0, 0, 0];
    const balancer = build(backends, 3, FINE);
    const plain = build(backends, 3, FINE);
    for (let i = 0; i < 600; i++) {
      Array.from(balancer.order(`key ${i}`, idle));
      const pick = firstAccepted(balancer, `key ${i}`, () => true) ?? -1;
      shares[pick] = (shares[pick] ?? 0) + 1;
      // Strategies that draw lots draw anew after the walk; the others pick as if it had not been made.
      if (!drawsLots(type)) expect(pick).toBe(firstAccepted(plain, `key ${i}`, () => true));
    }
    // With both turns taken a round robin of three would skip every other backend, and one of six go uneven.
    if (!promises.byPlace) expect(Math.min(...shares)).toBeGreaterThan(60);
  });

  it.runIf(promises.stable)('orders a key the same way every time, and as `first` says', () => {
    const balancer = build([1, 2, 3, 4].map((weight) => ({ id: `b${weight}`, weight })));
    for (let i = 0; i < 200; i++) {
      const order = [...balancer.order(`key ${i}`, idle)];
      expect([...balancer.order(`key ${i}`, idle)]).toEqual(order);
      expect(balancer.first?.(`key ${i}`, idle)).toBe(order[0]);
    }
  });

  it('says whether its order is settled, so that slow start may go on to the alternatives', () => {
    const { usesKey, isSettled } = build([{ id: 'a', weight: 1 }]);
    expect(usesKey === true || isSettled === true).toBe(promises.stable);
  });

  it('orders in each tier that tier’s backends and no others, as in a pool of their own', () => {
    const backends = [1, 2, 3, 4, 5].map((weight, i) => ({ id: `b${i}`, weight, priority: i % 2 }));
    const tiers = divideIntoTiers(backends, { type, ...COARSE }, false, seededRandom(1))(null);
    for (const [priority, { balancer, members }] of tiers.entries()) {
      expect(members).toEqual([0, 1, 2, 3, 4].filter((i) => i % 2 === priority));
      const alone = build(members.map((index) => backends[index] as BalancerBackend));
      for (let i = 0; i < 50; i++) {
        const order = [...balancer.order(`key ${i}`, idle)];
        expect([...order].sort()).toEqual(members);
        if (!promises.stable) continue;
        expect(order).toEqual([...alone.order(`key ${i}`, idle)].map((place) => members[place]));
      }
    }
  });

  it.skipIf(promises.byPlace)('takes the empty key for "no key": some backend, not always the same', () => {
    const balancer = build([1, 1, 1].map((weight, i) => ({ id: `b${i}`, weight })));
    const picks = new Set(Array.from({ length: 100 }, () => firstAccepted(balancer, '', () => true)));
    // 100 independent picks that all miss one of three: 3 · (2/3)^100 < 10^-16.
    expect(picks.size).toBe(3);
  });

  it.skipIf(promises.byPlace).each([
    { weights: [1, 1, 1, 1], down: [] },
    { weights: [1, 2, 4, 8], down: [] },
    { weights: [3, 1, 1], down: [0] },
    { weights: [1, 1, 1, 1, 1], down: [2] },
    { weights: [1, 1, 1, 1, 1, 1], down: [1, 2] },
    { weights: [5, 3, 2, 10], down: [3] },
    { weights: [8, 1, 2, 3], down: [0, 2] },
  ])('shares traffic in proportion among those that are up: $weights without $down', ({ weights, down }) => {
    const backends = weights.map((weight, i) => ({ id: `backend-${i}`, weight }));
    const balancer = build(backends, 5, FINE);
    const counts = weights.map(() => 0);
    const picks = 20_000;
    for (let i = 0; i < picks; i++) {
      const pick = firstAccepted(balancer, `key ${i}`, (index) => !down.includes(index));
      if (pick !== null) counts[pick] = (counts[pick] ?? 0) + 1;
    }
    const effective = weights.map((weight, i) => (down.includes(i) ? 0 : promises.weighted ? weight : 1));
    const total = effective.reduce((sum, weight) => sum + weight, 0);
    for (const [i, weight] of effective.entries()) {
      const expected = (picks * weight) / total;
      // Five standard deviations of a binomial count: exceeded once in 10^6; and the arcs where there are any.
      const tolerance = 5 * Math.sqrt(expected * (1 - weight / total)) + promises.arcs * expected;
      expect(Math.abs((counts[i] ?? 0) - expected)).toBeLessThanOrEqual(tolerance);
    }
  });

  it('scores the backends that it orders and no others', () => {
    const scores = build([1, 0, 2].map((weight, i) => ({ id: `b${i}`, weight }))).scores('key', idle);
    expect(scores).toEqual([expect.any(Number), null, expect.any(Number)]);
  });

  it('refuses two backends of one id, and weights that are none', () => {
    expect(() =>
      build([
        { id: 'a', weight: 1 },
        { id: 'a', weight: 1 },
      ]),
    ).toThrow(/two backends have the id "a"/);
    for (const weight of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => build([{ id: 'a', weight }])).toThrow(/weight of backend "a"/);
    }
  });
});

describe('the list of strategies', () => {
  it('is covered here', () => {
    expect(Object.keys(STRATEGIES)).toEqual(Object.keys(BALANCERS));
  });

  it('refuses a type that it does not know', () => {
    for (const type of ['nonsense', 'toString']) {
      expect(() => createBalancer({ type, ...COARSE }, [], seededRandom(1))).toThrow(/no strategy/);
    }
  });
});
