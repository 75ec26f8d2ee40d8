// The bound of the load: nobody above it, hot keys included, and what is over goes where the key's order says.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zipf } from '../../bench/workload.ts';
import { aliasTable } from '../../core/load-balancing/alias-table.ts';
import { loadBound } from '../../core/load-balancing/bounded-load.ts';
import { explainSelection } from '../../core/load-balancing/explain-selection.ts';
import { seededRandom } from '../../core/random.ts';
import { backend, HASHING, layered } from '../support/layered-pools.ts';

describe('loadBound', () => {
  it.each([
    // c, requests in flight, part of the weight, bound.
    [1.25, 100, 0.01, 2],
    [1.25, 8, 0.25, 3],
    [1.25, 1, 0.01, 1],
    [2, 10, 0.1, 2],
    [1.05, 20, 1 / 3, 7],
    // 1.1 · 100 · 0.1 = 11.000000000000002 in floating point.
    [1.1, 100, 0.1, 11],
  ])('%d × %i requests × %d of the weight: %i', (bound, inFlight, part, expected) => {
    expect(loadBound(bound, inFlight, part)).toBe(expected);
  });
});

/**
 * Requests of keys by Zipf's law come and go, `held` at once; the largest load against the average, each time right
 * after a request was placed.
 */
function simulate(type: string, boundedLoad: number, exponent: number, count: number, weights = [1]) {
  const random = seededRandom(9);
  const backends = Array.from({ length: count }, (_, i) =>
    backend(`b${i}`, { weight: weights[i % weights.length] ?? 1 }),
  );
  const totalWeight = backends.reduce((sum, { weight }) => sum + weight, 0);
  const load = new Array<number>(count).fill(0);
  const { pick } = layered({ type, backends, boundedLoad, inFlight: (i) => load[i] ?? 0, random });
  const held = 20 * count;
  const drawKey = aliasTable([...zipf(4_096, exponent)]);
  const placed: number[] = [];
  let worst = 0;
  let overBound = 0;
  for (let i = 0; i < 2 * held; i++) {
    if (placed.length === held) {
      // Any of those in flight ends: loads of long ago do not stay.
      const at = Math.floor(random.next() * held);
      const ended = placed[at] ?? 0;
      placed[at] = placed[held - 1] ?? 0;
      placed.length--;
      load[ended] = (load[ended] ?? 0) - 1;
    }
    const chosen = pick(`key ${drawKey(random)}`);
    load[chosen] = (load[chosen] ?? 0) + 1;
    placed.push(chosen);
    const part = (backends[chosen]?.weight ?? 0) / totalWeight;
    const average = placed.length * part;
    if ((load[chosen] ?? 0) > loadBound(boundedLoad || 1, placed.length, part)) overBound++;
    if (placed.length === held) worst = Math.max(worst, (load[chosen] ?? 0) / average);
  }
  return { worst, overBound };
}

describe('hot keys', () => {
  it.each(HASHING)('of Zipf 0.99 and 1.1 stay within 1.25 × the average on 100 backends: %s', (type) => {
    for (const exponent of [0.99, 1.1]) {
      // 20 requests a backend on average: 1.25 × is a whole number, and rounding up adds nothing.
      expect(simulate(type, 1.25, exponent, 100)).toEqual({ worst: 1.25, overBound: 0 });
    }
  });

  it('overload one backend many times without a bound', () => {
    for (const exponent of [0.99, 1.1]) {
      expect(simulate('consistent-hash', 0, exponent, 100).worst).toBeGreaterThan(6);
    }
  });

  it('stay within the bound of each backend’s weight', () => {
    const { worst, overBound } = simulate('consistent-hash', 1.25, 1.1, 30, [1, 2, 4]);
    expect(overBound).toBe(0);
    // Of weight 1 the average is 8.6: ⌈1.25 × 8.6⌉ = 11 is 1.283 ×.
    expect(worst).toBeLessThan(1.29);
  });
});

describe('a bound of the load', () => {
  const loads = fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 12 });

  it.each(HASHING)('is never exceeded by a pick, and leaves somebody to be picked: %s', (type) => {
    fc.assert(
      fc.property(
        loads,
        fc.constantFrom(1.05, 1.25, 2, 4),
        fc.string(),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 12, maxLength: 12 }),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        fc.array(fc.constantFrom(0.01, 0.5, 1), { minLength: 12, maxLength: 12 }),
        (inFlight, boundedLoad, key, weights, ill, warmths) => {
          const backends = inFlight.map((count, i) =>
            backend(`b${i}`, {
              inFlight: count,
              weight: weights[i] ?? 1,
              warmth: warmths[i] ?? 1,
              health: ill[i] ? 'unhealthy' : 'healthy',
            }),
          );
          const well = backends.filter(({ health }) => health === 'healthy');
          const chosen = backends[layered({ type, backends, boundedLoad }).pick(key)];
          if (well.length === 0) return;
          const all = well.reduce((sum, one) => sum + one.inFlight, 1);
          const part = (chosen?.weight ?? 0) / well.reduce((sum, { weight }) => sum + weight, 0);
          expect(chosen?.health).toBe('healthy');
          expect((chosen?.inFlight ?? 0) + 1).toBeLessThanOrEqual(loadBound(boundedLoad, all, part));
        },
      ),
      { seed: 4, numRuns: 80 },
    );
  });

  it.each(HASHING)('sends what is over to the first of the key’s alternatives that has room: %s', (type) => {
    const ids = ['a', 'b', 'c', 'd', 'e'];
    for (let i = 0; i < 15; i++) {
      const [first, second, third] = [
        ...(layered({ type, backends: ids.map((id) => backend(id)) }).tiers[0]?.balancer.order(`key ${i}`, {
          inFlight: () => 0,
        }) ?? []),
      ];
      const full = ids.map((id, at) => backend(id, { inFlight: at === first || at === second ? 50 : 0 }));
      const { pick, question } = layered({ type, backends: full, boundedLoad: 1.25 });
      expect(pick(`key ${i}`)).toBe(third);
      const { candidates } = explainSelection(question(`key ${i}`));
      expect(candidates.map(({ reason }) => reason)).toEqual([
        'over-bound',
        'over-bound',
        'healthy',
        'healthy',
        'healthy',
      ]);
      expect(candidates[0]?.accepted).toBe(false);
    }
  });

  it('yields when whoever has room was tried or is at its limit', () => {
    const backends = [backend('a', { inFlight: 50 }), backend('b'), backend('c', { inFlight: 49 })];
    const { pick, question } = layered({ type: 'rendezvous', backends, boundedLoad: 1.25 });
    expect(pick('key', { tried: [1] })).toBeGreaterThanOrEqual(0);
    expect(pick('key', { limitOf: (index) => (index === 1 ? 'at-capacity' : null) })).toBeGreaterThanOrEqual(
      0,
    );
    const { candidates, selection } = explainSelection(question('key', { tried: [1] }));
    const chosen = candidates.find(({ accepted }) => accepted);
    expect(chosen?.reason).toBe('over-bound');
    expect(selection).toMatchObject({ backend: chosen?.backend, reason: 'healthy' });
  });

  it('does not count what is in flight at backends that take nothing', () => {
    const backends = [
      backend('a', { inFlight: 2 }),
      backend('b', { inFlight: 2 }),
      backend('down', { inFlight: 1_000, health: 'unhealthy' }),
      backend('draining', { inFlight: 1_000, state: 'draining' }),
    ];
    const { question } = layered({ type: 'rendezvous', backends, boundedLoad: 1.05 });
    // Five requests over two backends: at most ⌈1.05 × 2.5⌉ = 3 each.
    const reasons = explainSelection(question('key')).candidates.map(({ reason }) => reason);
    expect(reasons.filter((reason) => reason === 'healthy')).toHaveLength(2);
    const fuller = backends.map((one) => (one.id === 'a' ? { ...one, inFlight: 3 } : one));
    const asked = layered({ type: 'rendezvous', backends: fuller, boundedLoad: 1.05 }).question('key');
    expect(explainSelection(asked).candidates.find(({ backend: index }) => index === 0)?.reason).toBe(
      'healthy',
    );
    const fullest = backends.map((one) => (one.id === 'a' ? { ...one, inFlight: 5 } : one));
    const refused = layered({ type: 'rendezvous', backends: fullest, boundedLoad: 1.05 }).question('key');
    // Eight over two: ⌈1.05 × 4⌉ = 5, and a has five.
    expect(explainSelection(refused).candidates.find(({ backend: index }) => index === 0)?.reason).toBe(
      'over-bound',
    );
  });
});
