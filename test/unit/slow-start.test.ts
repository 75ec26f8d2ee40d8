// Slow start: how warm a backend is by the clock, and what that makes of its share under every strategy.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { explainSelection } from '../../core/load-balancing/explain-selection.ts';
import { SlowStart } from '../../core/load-balancing/slow-start.ts';
import { seededRandom } from '../../core/random.ts';
import { ALL_TYPES, backend, HASHING, layered } from '../support/layered-pools.ts';

const NEVER = Number.NEGATIVE_INFINITY;

describe('SlowStart', () => {
  const WINDOW = { windowMs: 10_000, fromRatio: 0.1 };
  const healthy = (since: number) => ({ state: 'healthy' as const, since });
  const unhealthy = (since: number) => ({ state: 'unhealthy' as const, since });
  type Verdict = ReturnType<typeof healthy> | ReturnType<typeof unhealthy>;

  function startOf(ids: readonly string[], nowMs: number, eligible = ids) {
    const slowStart = new SlowStart();
    slowStart.redefine(WINDOW, ids, eligible, nowMs);
    const look = (
      verdicts: Record<string, Verdict>,
      at: number,
      initial: 'healthy' | 'unhealthy' = 'healthy',
    ) => slowStart.look(verdicts, (id) => verdicts[id] ?? null, initial, at);
    return { slowStart, look };
  }

  it('grows evenly from the first ratio to the whole', () => {
    const { slowStart, look } = startOf(['a'], 0);
    look({ a: unhealthy(0) }, 1_000);
    look({ a: healthy(2_000) }, 2_000);
    const at = (ms: number) => slowStart.warmth('a', NEVER, 2_000 + ms);
    expect([at(0), at(5_000), at(10_000), at(20_000)]).toEqual([0.1, 0.55, 1, 1]);
  });

  it('takes what the first version has for warm, and starts what a later one adds or enables', () => {
    const { slowStart } = startOf(['a', 'b'], 0, ['a']);
    expect([slowStart.warmth('a', NEVER, 0), slowStart.warmth('b', NEVER, 0)]).toEqual([1, 1]);
    slowStart.redefine(WINDOW, ['a', 'b', 'c'], ['a', 'b', 'c'], 50_000);
    const warmths = (at: number) => ['a', 'b', 'c'].map((id) => slowStart.warmth(id, NEVER, at));
    expect(warmths(50_000)).toEqual([1, 0.1, 0.1]);
    // Another version, the same backends: what has begun goes on.
    slowStart.redefine(WINDOW, ['c', 'b', 'a'], ['a', 'b', 'c'], 55_000);
    expect(warmths(55_000)).toEqual([1, 0.55, 0.55]);
    // Gone and come again: new.
    slowStart.redefine(WINDOW, ['b', 'c'], ['b', 'c'], 90_000);
    slowStart.redefine(WINDOW, ['a', 'b', 'c'], ['a', 'b', 'c'], 91_000);
    expect(warmths(91_000)).toEqual([0.1, 1, 1]);
  });

  it('believes `since` in an isolate that has seen nothing else', () => {
    const { slowStart, look } = startOf(['a', 'b'], 100_000);
    look({ a: healthy(97_500), b: healthy(3_000) }, 100_000);
    expect(slowStart.warmth('a', NEVER, 100_000)).toBeCloseTo(0.325, 12);
    expect(slowStart.warmth('b', NEVER, 100_000)).toBe(1);
  });

  it('takes those that were healthy first for warm, which is how a pool begins', () => {
    const { slowStart, look } = startOf(['a', 'b', 'c'], 100_000);
    look({ a: healthy(93_000), b: healthy(94_500), c: healthy(99_000) }, 100_000);
    const warmths = ['a', 'b', 'c'].map((id) => slowStart.warmth(id, NEVER, 100_000));
    expect(warmths).toEqual([1, 1, expect.closeTo(0.19, 12)]);
  });

  it.each([
    ['far in the past', -1_000_000],
    ['far in the future', 1_000_000],
    ['about right', 700],
  ])('keeps to its own clock when `since` is %s: it saw the change', (_what, skewMs) => {
    const { slowStart, look } = startOf(['a'], 0);
    look({ a: unhealthy(0) }, 50_000);
    look({ a: unhealthy(0) }, 59_000);
    look({ a: healthy(60_000 + skewMs) }, 60_000);
    const start = slowStart.warmth('a', NEVER, 60_000);
    // It came back between the last look and this one.
    expect(start).toBeGreaterThanOrEqual(0.1);
    expect(start).toBeLessThanOrEqual(0.1 + 0.9 * 0.1 + 1e-9);
    expect(slowStart.warmth('a', NEVER, 70_000)).toBe(1);
  });

  it('does not begin with the first verdict on whoever took traffic before', () => {
    const { slowStart, look } = startOf(['a'], 0);
    look({}, 0);
    look({ a: healthy(1_500) }, 2_000);
    expect(slowStart.warmth('a', NEVER, 2_000)).toBe(1);
    const cautious = startOf(['a'], 0);
    cautious.look({}, 0, 'unhealthy');
    cautious.look({ a: healthy(1_500) }, 2_000, 'unhealthy');
    expect(cautious.slowStart.warmth('a', NEVER, 2_000)).toBeCloseTo(0.145, 12);
  });

  it('notices a fall that it slept through, and no new reason for the same state', () => {
    const { slowStart, look } = startOf(['a'], 0);
    look({ a: healthy(0) }, 20_000);
    look({ a: healthy(0) }, 30_000);
    expect(slowStart.warmth('a', NEVER, 30_000)).toBe(1);
    look({ a: healthy(89_000) }, 90_000);
    expect(slowStart.warmth('a', NEVER, 90_000)).toBeCloseTo(0.19, 12);
  });

  it('begins where an ejection ended', () => {
    const { slowStart } = startOf(['a'], 0);
    expect(slowStart.warmth('a', 40_000, 41_000)).toBeCloseTo(0.19, 12);
    expect(slowStart.warmth('a', 40_000, 50_000)).toBe(1);
  });
});

const UNWEIGHTED = ['round-robin', 'random', 'first-available'];
const SPREADING = ALL_TYPES.filter((type) => type !== 'first-available');

describe('a backend that warms up', () => {
  const PICKS = 6_000;

  function shares(type: string, weights: readonly number[], warmths: readonly number[]): number[] {
    const backends = weights.map((weight, i) => backend(`b${i}`, { weight, warmth: warmths[i] ?? 1 }));
    const { pick } = layered({ type, backends, random: seededRandom(3) });
    const counts = weights.map(() => 0);
    for (let i = 0; i < PICKS; i++) {
      const chosen = pick(`key ${i}`);
      counts[chosen] = (counts[chosen] ?? 0) + 1;
    }
    return counts.map((count) => count / PICKS);
  }

  it.each(SPREADING)('gets its part of its share, and the others theirs in proportion: %s', (type) => {
    for (const [weights, warmths] of [
      [
        [1, 1, 1, 1],
        [1, 1, 1, 0.1],
      ],
      [
        [1, 1, 1, 1],
        [1, 1, 1, 0.5],
      ],
      [
        [4, 2, 1, 1],
        [0.2, 1, 1, 1],
      ],
      [
        [3, 1, 1, 5],
        [1, 0.3, 1, 0.6],
      ],
    ] as const) {
      const isHashing = (HASHING as readonly string[]).includes(type);
      const weightOf = (i: number) => (UNWEIGHTED.includes(type) ? 1 : (weights[i] ?? 0));
      const plain = shares(type, weights, [1, 1, 1, 1]);
      const got = shares(type, weights, warmths);
      const effective = weights.map((_, i) => weightOf(i) * (warmths[i] ?? 1));
      const total = effective.reduce((sum, weight) => sum + weight, 0);
      for (const [i, share] of got.entries()) {
        if (isHashing && (warmths[i] ?? 1) < 1 && warmths.filter((one) => one < 1).length === 1) {
          // Of its own keys, which are what they were: five deviations of the count.
          const expected = (plain[i] ?? 0) * (warmths[i] ?? 1);
          expect(Math.abs(share - expected)).toBeLessThan(5 * Math.sqrt(expected / PICKS));
        } else if (!isHashing) {
          // Five binomial deviations: exceeded once in 10^6.
          const expected = (effective[i] ?? 0) / total;
          expect(Math.abs(share - expected)).toBeLessThan(5 * Math.sqrt((expected * (1 - expected)) / PICKS));
        }
      }
    }
  });

  it('gets its part of the requests where the list decides', () => {
    expect(shares('first-available', [1, 1, 1], [0.3, 1, 1])[0]).toBeCloseTo(0.3, 1);
    expect(shares('first-available', [1, 1, 1], [0.3, 1, 1])[2]).toBe(0);
  });

  it.each(HASHING)('keeps every key that it has taken, and takes nobody else’s: %s', (type) => {
    const at = (warmth: number) => {
      const backends = ['a', 'b', 'c', 'd'].map((id) => backend(id, { warmth: id === 'c' ? warmth : 1 }));
      const { pick } = layered({ type, backends });
      return Array.from({ length: 1_000 }, (_, i) => pick(`key ${i}`));
    };
    const down = ['a', 'b', 'c', 'd'].map((id) =>
      backend(id, { health: id === 'c' ? 'unhealthy' : 'healthy' }),
    );
    const { pick } = layered({ type, backends: down });
    let before = Array.from({ length: 1_000 }, (_, i) => pick(`key ${i}`));
    for (const warmth of [0.1, 0.2, 0.5, 0.9, 1]) {
      const now = at(warmth);
      for (const [i, chosen] of now.entries()) if (chosen !== before[i]) expect(chosen).toBe(2);
      before = now;
    }
  });

  it.each(HASHING)('counts against the warmest that may be had, and each for itself: %s', (type) => {
    const cold = (...warmths: number[]) => warmths.map((warmth, i) => backend(`b${i}`, { warmth }));
    const ownKeys = (warmths: number[], pool = layered({ type, backends: cold(...warmths) })) =>
      Array.from({ length: 1_000 }, (_, i) => {
        const asked = pool.question(`key ${i}`);
        return { first: asked.balancer.first?.(asked.key, asked.pool), chosen: pool.pick(`key ${i}`) };
      });
    const keptBy = (keys: ReturnType<typeof ownKeys>, index: number) => {
      const own = keys.filter(({ first }) => first === index);
      return own.filter(({ chosen }) => chosen === index).length / own.length;
    };
    // Half of about 500 keys, five deviations of 2.2 %.
    const two = ownKeys([0.1, 0.2]);
    expect(Math.abs(keptBy(two, 0) - 0.5)).toBeLessThan(0.11);
    expect(keptBy(two, 1)).toBe(1);
    // What one as cold refuses, about 167, the other takes as if asked first: half of half; five deviations of 3.4 %.
    const three = ownKeys([0.5, 0.5, 1]);
    const passed = three.filter(({ first, chosen }) => first === 0 && chosen === 1).length;
    const refused = three.filter(({ first, chosen }) => first === 0 && chosen !== 0).length;
    expect(Math.abs(passed / refused - 0.25)).toBeLessThan(0.17);
  });

  it.each(ALL_TYPES)('changes nothing where all are as cold: %s', (type) => {
    const warm = shares(type, [1, 2, 3], [1, 1, 1]);
    expect(shares(type, [1, 2, 3], [0.1, 0.1, 0.1])).toEqual(warm);
  });

  it.each(ALL_TYPES)('is taken when nobody else may be: %s', (type) => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('cold', 'down', 'off', 'tried', 'full'), { maxLength: 6 }),
        fc.string(),
        (states, key) => {
          const backends = ['cold', ...states].map((state, i) =>
            backend(`b${i}`, {
              warmth: 0.01,
              health: state === 'down' ? 'unhealthy' : 'healthy',
              state: state === 'off' ? 'disabled' : 'active',
            }),
          );
          const all = ['cold', ...states];
          const more = {
            tried: all.flatMap((state, i) => (state === 'tried' ? [i] : [])),
            limitOf: (index: number) => (all[index] === 'full' ? ('at-capacity' as const) : null),
          };
          expect(all[layered({ type, backends }).pick(key, more)]).toBe('cold');
        },
      ),
      { seed: 5, numRuns: 50 },
    );
  });

  it('is taken by nearly nobody who has the choice even if it has nearly all of the weight', () => {
    // Of 1,000 + 1 at a warmth of 0.01: 10 : 1, and not what the weights say.
    const [cold = 0] = shares('weighted-random', [1_000, 1], [0.01, 1]);
    // Given up after 32 picks in vain, of which each fails with 0.99: (0.99·1000/1001)^32 = 0.70 of the time.
    expect(cold).toBeGreaterThan(0.9);
    expect(shares('weighted-random', [1, 1], [0.01, 1])[0]).toBeLessThan(0.02);
  });

  it('is shown by explain', () => {
    const backends = [backend('a', { warmth: 0.01 }), backend('b')];
    const { question } = layered({ type: 'rendezvous', backends });
    const lines = Array.from({ length: 50 }, (_, i) => explainSelection(question(`key ${i}`)));
    const cold = lines.flatMap(({ candidates }) => candidates.filter(({ backend: index }) => index === 0));
    expect(new Set(cold.map(({ reason }) => reason))).toContain('warming-up');
    expect(cold.every(({ reason, accepted }) => accepted === (reason === 'healthy'))).toBe(true);
  });
});
