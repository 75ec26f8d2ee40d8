// Percentages between pools: the shares that they get, and which keys a change of them moves.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBalancer } from '../../core/load-balancing/create-balancer.ts';
import { type SplitPart, trafficSplit } from '../../core/load-balancing/traffic-split.ts';
import { seededRandom } from '../../core/random.ts';

const KEYS = Array.from({ length: 20_000 }, (_, i) => `198.51.${i >> 8}.${i & 255}`);

const poolsOf = (
  parts: Readonly<Record<string, number>>,
  { rest, keys = KEYS }: { readonly rest?: string; readonly keys?: readonly string[] } = {},
): string[] => {
  const list = Object.entries(parts).map(([pool, weight]): SplitPart => ({ pool, weight }));
  const split = trafficSplit(list, rest, 0, seededRandom(1));
  return keys.map((key) => split.poolFor(key));
};

const shareOf = (pool: string, pools: readonly string[]) =>
  pools.filter((name) => name === pool).length / pools.length;
const movedRatio = (before: readonly string[], after: readonly string[]) =>
  after.filter((pool, i) => pool !== before[i]).length / after.length;
/** Five standard deviations of a share `p` of 20,000 keys. */
const tolerance = (p: number) => 5 * Math.sqrt((p * (1 - p)) / KEYS.length);

describe('trafficSplit', () => {
  it('gives each pool its percentage, and the rest to the pool of the route', () => {
    const pools = poolsOf({ canary: 10, next: 25.5 }, { rest: 'stable' });
    for (const [pool, share] of [
      ['canary', 0.1],
      ['next', 0.255],
      ['stable', 0.645],
    ] as const) {
      expect(Math.abs(shareOf(pool, pools) - share)).toBeLessThan(tolerance(share));
    }
  });

  it('takes weights as proportions where no pool gets the rest', () => {
    const pools = poolsOf({ a: 1, b: 3 });
    expect(Math.abs(shareOf('a', pools) - 0.25)).toBeLessThan(tolerance(0.25));
  });

  it('gives nothing to 0 % and everything to 100 %', () => {
    expect(new Set(poolsOf({ canary: 0 }, { rest: 'stable' }))).toEqual(new Set(['stable']));
    expect(new Set(poolsOf({ canary: 100 }, { rest: 'stable' }))).toEqual(new Set(['canary']));
  });

  it('adds the rest to a pool that is listed too', () => {
    const pools = poolsOf({ stable: 20, canary: 10 }, { rest: 'stable' });
    expect(Math.abs(shareOf('stable', pools) - 0.9)).toBeLessThan(tolerance(0.9));
  });

  it('leaves a key in its pool whatever the order of the list, and draws for a request without one', () => {
    expect(poolsOf({ a: 30, b: 30 }, { rest: 'c' })).toEqual(poolsOf({ b: 30, a: 30 }, { rest: 'c' }));
    const drawn = poolsOf({ a: 50, b: 50 }, { keys: KEYS.map(() => '') });
    expect(Math.abs(shareOf('a', drawn) - 0.5)).toBeLessThan(tolerance(0.5));
  });

  it('moves exactly the percentage by which one of two pools grows, and only to it', () => {
    const before = poolsOf({ canary: 10 }, { rest: 'stable' });
    const after = poolsOf({ canary: 15 }, { rest: 'stable' });
    expect(after.every((pool, i) => before[i] !== 'canary' || pool === 'canary')).toBe(true);
    expect(Math.abs(movedRatio(before, after) - 0.05)).toBeLessThan(tolerance(0.05));
  });

  const percentages = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 3, maxLength: 3 });
  it('moves a key only to a pool that grew against the one it leaves, and few of them', () => {
    fc.assert(
      fc.property(percentages, percentages, (a, b) => {
        const named = (weights: readonly number[]) =>
          Object.fromEntries(weights.map((weight, i) => ['xyz'[i] ?? '', weight]));
        const [weightsBefore, weightsAfter] = [named(a), named(b)];
        const growth = (pool: string) => (weightsAfter[pool] ?? 0) / (weightsBefore[pool] ?? 0);
        const keys = KEYS.slice(0, 2_000);
        const before = poolsOf(weightsBefore, { keys });
        const after = poolsOf(weightsAfter, { keys });
        for (const [i, to] of after.entries()) {
          const from = before[i] ?? '';
          if (from !== to) expect(growth(to)).toBeGreaterThan(growth(from));
        }
        const share = (weights: readonly number[], i: number) =>
          (weights[i] ?? 0) / weights.reduce((sum, weight) => sum + weight, 0);
        const ideal = a.reduce((sum, _, i) => sum + Math.abs(share(a, i) - share(b, i)), 0) / 2;
        // Six deviations, at most √(0.25/2,000) = 1.1 % each, for a hundred tries.
        expect(movedRatio(before, after)).toBeLessThan((2 * ideal) / (1 + ideal) + 0.067);
      }),
      { seed: 11, numRuns: 100 },
    );
  });

  it.each(['consistent-hash', 'maglev', 'rendezvous'])(
    'hands a pool keys that %s spreads as evenly as all others',
    (type) => {
      const backends = Array.from({ length: 4 }, (_, i) => ({ id: `b${i}`, weight: 1 }));
      const balancer = createBalancer({ type, maxShare: 1.01, hashSeed: 0 }, backends, seededRandom(1));
      // Pools that are called as backends are must not run the same race.
      const pools = poolsOf({ b0: 10 }, { rest: 'b1' });
      const counts = [0, 0, 0, 0];
      for (const [i, key] of KEYS.entries()) {
        if (pools[i] !== 'b0') continue;
        const first = balancer.first?.(key, { inFlight: () => 0 }) ?? -1;
        counts[first] = (counts[first] ?? 0) + 1;
      }
      const mean = counts.reduce((sum, count) => sum + count, 0) / 4;
      // Some 2,000 keys: five deviations of a count, √(500 · 0.75) = 19, and the ring's own 1 %.
      for (const count of counts) expect(Math.abs(count - mean)).toBeLessThan(5 * 19.4 + 0.01 * mean);
    },
  );
});
