// When to send a second request, and what becomes of a pool with one slow backend: quantiles of latencies, the delay
// made of them, and both with the product's own strategies and budget in a simulation with injected time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBalancer } from '../../core/load-balancing/create-balancer.ts';
import { HedgeDelay } from '../../core/load-balancing/hedge-delay.ts';
import { LatencyQuantile } from '../../core/load-balancing/latency-quantile.ts';
import { LoadMeter } from '../../core/load-balancing/load-meter.ts';
import { RetryBudget } from '../../core/load-balancing/retry-budget.ts';
import { seededRandom } from '../../core/random.ts';

const START = 1_790_000_000_000;

describe('a quantile of latencies', () => {
  it('is within 10 % above the exact one, for values from 0.1 ms to a minute', () => {
    const values = fc.array(fc.double({ min: 0.1, max: 60_000, noNaN: true }), {
      minLength: 20,
      maxLength: 400,
    });
    fc.assert(
      fc.property(values, fc.constantFrom(0.5, 0.9, 0.95, 0.99), (list, q) => {
        const quantile = new LatencyQuantile(q);
        for (const ms of list) quantile.record(ms, START);
        const sorted = [...list].sort((a, b) => a - b);
        const exact = sorted[Math.ceil(q * list.length - 1e-9) - 1] ?? 0;
        const next = sorted[Math.min(Math.floor(q * list.length + 1e-9), list.length - 1)] ?? 0;
        const value = quantile.value() ?? 0;
        expect(value).toBeGreaterThanOrEqual(exact * 0.999);
        expect(value).toBeLessThanOrEqual(Math.max(next, 0.1) * 1.101);
      }),
    );
  });

  it('says nothing of few samples, and forgets', () => {
    const quantile = new LatencyQuantile(0.95);
    for (let i = 0; i < 19; i++) quantile.record(10, START);
    expect(quantile.value()).toBeNull();
    for (let i = 0; i < 1_000; i++) quantile.record(10, START);
    expect(quantile.value()).toBeCloseTo(10, -0.5);
    // Slower by ten from now on: within 30 s that is what counts.
    for (let i = 0; i < 3_000; i++) quantile.record(100, START + i * 10);
    expect(quantile.value() ?? 0).toBeGreaterThan(95);
    for (let i = 0; i < 6_000; i++) quantile.record(10, START + 30_000 + i * 10);
    expect(quantile.value() ?? 0).toBeLessThan(12);
  });

  it('takes any number', () => {
    const quantile = new LatencyQuantile(0.5);
    for (const ms of [0, -1, 1e9, ...Array(30).fill(0)]) quantile.record(ms, START);
    expect(quantile.value()).toBe(0.1);
  });
});

describe('the delay before a hedge', () => {
  const learn = (latencies: Record<string, number>) => {
    const delay = new HedgeDelay();
    for (const [backend, ms] of Object.entries(latencies)) {
      for (let i = 0; i < 100; i++) delay.record(backend, ms, START);
    }
    return delay;
  };

  it('is not made longer by a minority of slow backends', () => {
    expect(learn({ a: 20, b: 20, c: 20, d: 400 }).delayMs(START)).toBeLessThan(23);
    expect(learn({ a: 20, b: 400 }).delayMs(START)).toBeLessThan(23);
    expect(learn({ a: 400, b: 400, c: 20 }).delayMs(START)).toBeGreaterThan(390);
  });

  it('is not known at first, and forgets who left', () => {
    expect(new HedgeDelay().delayMs(START)).toBeNull();
    const delay = learn({ a: 20, b: 400 });
    delay.keepOnly(['b']);
    expect(delay.delayMs(START)).toBeGreaterThan(390);
  });
});

interface Simulated {
  readonly healthyP95: number;
  readonly p99: number;
  readonly hedgedRatio: number;
  readonly slowShare: number;
}

/** Four backends under 200 requests/s; the last one becomes 20 × slower after 2 s. What is measured begins 1 s later. */
function simulate(type: 'round-robin' | 'consistent-hash' | 'least-requests' | 'peak-ewma'): Simulated {
  const random = seededRandom(3);
  const ids = ['a', 'b', 'c', 'd'];
  const balancer = createBalancer(
    { type, maxShare: 1.1, hashSeed: 0 },
    ids.map((id) => ({ id, weight: 1 })),
    random,
  );
  const states = ids.map(() => ({ inFlight: 0, meter: new LoadMeter(), requests: 0 }));
  const delay = new HedgeDelay();
  const budget = new RetryBudget({ ratio: 0.2, min: 3, windowMs: 10_000 });
  const events: { at: number; run: () => void }[] = [];
  let now = START;
  const schedule = (at: number, run: () => void): void => {
    let place = events.length;
    while (place > 0 && (events[place - 1]?.at ?? 0) < at) place--;
    events.splice(place, 0, { at, run });
  };
  const stateOf = (index: number) => {
    const state = states[index];
    if (!state) throw new Error(`No backend ${index}`);
    return state;
  };
  const view = {
    inFlight: (index: number) => stateOf(index).inFlight,
    latencyMs: (index: number) => stateOf(index).meter.latencyMs(now),
    failureLoad: (index: number) => stateOf(index).meter.failureLoad(now),
  };
  const serviceMs = (index: number): number => {
    const isSlow = index === 3 && now >= START + 2_000;
    return (isSlow ? 400 : 20) * (0.9 + 0.2 * random.next()) - 2 * Math.log(1 - random.next());
  };
  const tookMs: { begunAt: number; ms: number }[] = [];
  let hedges = 0;
  const request = (n: number): void => {
    budget.request(now);
    const begunAt = now;
    const running: { index: number; at: number }[] = [];
    let isDone = false;
    const send = (avoided: number): number => {
      let index = -1;
      for (const candidate of balancer.order(`key ${n}`, view)) {
        if (candidate === avoided) continue;
        index = candidate;
        break;
      }
      const own = { index, at: now };
      running.push(own);
      stateOf(index).inFlight++;
      stateOf(index).requests++;
      schedule(now + serviceMs(index), () => {
        if (isDone) return;
        isDone = true;
        for (const { index: ended, at } of running) {
          stateOf(ended).inFlight--;
          delay.record(ids[ended] ?? '', now - at, now);
          if (ended === index && at === own.at) stateOf(ended).meter.record(now - at, false, now);
          else stateOf(ended).meter.lost(now - at, now);
        }
        tookMs.push({ begunAt, ms: now - begunAt });
      });
      return index;
    };
    const first = send(-1);
    const delayMs = delay.delayMs(now);
    if (delayMs === null) return;
    schedule(now + delayMs, () => {
      if (isDone || !budget.take(now)) return;
      hedges++;
      send(first);
    });
  };
  const count = 200 * 30;
  for (let n = 0; n < count; n++) schedule(START + n * 5 + 3 * random.next(), () => request(n));
  for (let event = events.pop(); event; event = events.pop()) {
    now = event.at;
    event.run();
  }
  const quantile = (list: readonly { readonly ms: number }[], q: number): number => {
    const sorted = list.map(({ ms }) => ms).sort((a, b) => a - b);
    return sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN;
  };
  return {
    healthyP95: quantile(
      tookMs.filter(({ begunAt }) => begunAt < START + 1_900),
      0.95,
    ),
    p99: quantile(
      tookMs.filter(({ begunAt }) => begunAt >= START + 3_000),
      0.99,
    ),
    hedgedRatio: hedges / count,
    slowShare: stateOf(3).requests / (count + hedges),
  };
}

describe('hedging with one backend 20 times slower', () => {
  it.each(['least-requests', 'peak-ewma'] as const)('keeps the p99 near the healthy p95 under %s', (type) => {
    const { healthyP95, p99, hedgedRatio, slowShare } = simulate(type);
    expect(p99).toBeLessThanOrEqual(2 * healthyP95);
    expect(hedgedRatio).toBeLessThan(0.12);
    // Who loses races counts as loaded, so it is hardly chosen any more.
    expect(slowShare).toBeLessThan(0.08);
  });

  it.each(['round-robin', 'consistent-hash'] as const)('stays within the budget under %s', (type) => {
    const { hedgedRatio } = simulate(type);
    expect(hedgedRatio).toBeLessThanOrEqual(0.2);
    expect(hedgedRatio).toBeGreaterThan(0.15);
  });
});
