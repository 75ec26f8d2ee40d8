// The arithmetic of the counters: quantiles within their error, sums that stay right beyond every bound.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CounterKey } from '../../durable-objects/interfaces/telemetry.ts';
import {
  addDuration,
  addHistogram,
  type DurationHistogram,
  quantileMs,
} from '../../durable-objects/telemetry/duration-histogram.ts';
import {
  countInSecond,
  decodeSecond,
  emptySecond,
  encodeSecond,
} from '../../durable-objects/telemetry/second-counters.ts';
import { buildStats } from '../../durable-objects/telemetry/stats.ts';

const key = (change: Partial<CounterKey> = {}): CounterKey => ({
  route: 'main',
  pool: 'web',
  backend: 'a',
  status: '200',
  cache: 'none',
  ...change,
});

describe('durations', () => {
  it('give quantiles at most 5 % off', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 3_600_000 }), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.9, 0.99, 1),
        (durations, ratio) => {
          const histogram: DurationHistogram = new Map();
          for (const durationMs of durations) addDuration(histogram, durationMs, 1);
          const sorted = [...durations].sort((a, b) => a - b);
          const exact = sorted[Math.ceil(ratio * sorted.length) - 1] ?? 0;
          // 5 % by the width of a bucket, and half a tenth by rounding to tenths.
          expect(Math.abs((quantileMs(histogram, ratio) ?? 0) - exact)).toBeLessThanOrEqual(
            exact * 0.05 + 0.051,
          );
        },
      ),
    );
  });

  it('count what took less than a millisecond as nothing, and what took longer than an hour as an hour', () => {
    const histogram: DurationHistogram = new Map();
    for (const durationMs of [0, 0.4, -1, Number.NaN]) addDuration(histogram, durationMs, 1);
    expect(quantileMs(histogram, 1)).toBe(0);
    addDuration(histogram, 1e12, 1);
    expect(quantileMs(histogram, 1)).toBeGreaterThan(3_400_000);
    expect(quantileMs(histogram, 1)).toBeLessThan(3_800_000);
  });

  it('are null where nothing was measured', () => {
    expect(quantileMs(new Map(), 0.5)).toBeNull();
  });

  it('weigh samples by what they stand for', () => {
    const histogram: DurationHistogram = new Map();
    addDuration(histogram, 10, 99);
    addDuration(histogram, 1_000, 1);
    expect(quantileMs(histogram, 0.5)).toBeLessThan(11);
    const other: DurationHistogram = new Map();
    addDuration(other, 1_000, 300);
    addHistogram(histogram, other);
    expect(quantileMs(histogram, 0.5)).toBeGreaterThan(900);
  });
});

describe('a second of the ring', () => {
  it('comes back from its text as it was', () => {
    const second = emptySecond();
    countInSecond(second, key(), 3, [1, 2, 3]);
    countInSecond(second, key({ pool: '__proto__', status: '502' }), 1, []);
    expect(decodeSecond(encodeSecond(second))).toEqual(second);
  });

  it('loses no request when there are more series than it keeps', () => {
    const second = emptySecond();
    for (let i = 0; i < 1_000; i++) countInSecond(second, key({ backend: `b${i}` }), 2, [5]);
    expect(second.series.size).toBe(501);
    expect([...second.series.values()].reduce((sum, { count }) => sum + count, 0)).toBe(2_000);
  });
});

describe('stats', () => {
  it('sum up by route, pool and backend, whatever the names', () => {
    const second = emptySecond();
    countInSecond(second, key({ cache: 'hit', backend: '' }), 2, [1]);
    countInSecond(second, key({ status: '502' }), 1, [100]);
    countInSecond(second, key({ route: '__proto__', backend: '__proto__' }), 4, []);
    countInSecond(second, key({ route: '', pool: '', backend: '', status: '404' }), 1, []);
    const stats = buildStats(5_000, 1_000, second.series.values(), [[4, second]], {
      operations: 4,
      objectCalls: 9,
      rowsWritten: 31,
    });

    expect(stats.totals.requests).toBe(8);
    expect(stats.totals.statuses).toEqual({ '200': 6, '404': 1, '502': 1 });
    expect(stats.totals.cache).toEqual({ hit: 2, none: 6 });
    expect(Object.keys(stats.totals.routes)).toEqual(['main', '__proto__']);
    expect(stats.totals.pools.web?.requests).toBe(7);
    expect(
      Object.entries(stats.totals.pools.web?.backends ?? {}).map(([id, { requests }]) => [id, requests]),
    ).toEqual([
      ['a', 1],
      ['__proto__', 4],
    ]);
    expect(stats.seconds).toEqual([
      {
        second: 4,
        requests: 8,
        statuses: { '200': 6, '404': 1, '502': 1 },
        cache: { hit: 2, none: 6 },
        pools: { web: 7 },
      },
    ]);
    expect(stats.shards).toEqual({
      operations: 4,
      objectCalls: 9,
      rowsWritten: 31,
      objectCallsPerOperation: 2.25,
      rowsWrittenPerOperation: 7.75,
    });
    expect(stats.durations.pools.web?.maxMs).toBeGreaterThan(90);
    // JSON keeps the odd names as members of their own.
    expect(JSON.stringify(stats.totals.routes)).toContain('"__proto__":{"requests":4');
  });
});
