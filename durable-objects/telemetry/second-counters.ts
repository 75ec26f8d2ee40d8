// What was counted in one second, as kept in the ring of the last five minutes: one row a second, whatever the number
// of isolates that report it.
import type { CounterKey } from '../interfaces/telemetry.ts';
import { addDuration, type DurationHistogram } from './duration-histogram.ts';

/** Distinct series a second may hold; what comes later is counted under OTHER. */
const SERIES_MAX = 500;
const POOLS_MAX = 200;

/** Stands for everything beyond a bound, so that sums stay right. */
export const OTHER = '(other)';
export const OTHER_SERIES: CounterKey = {
  route: OTHER,
  pool: OTHER,
  backend: OTHER,
  status: OTHER,
  cache: OTHER,
};

export interface Series extends CounterKey {
  count: number;
}

export interface SecondCounters {
  readonly series: Map<string, Series>;
  readonly durations: Map<string, DurationHistogram>;
}

export function seriesKey(key: CounterKey): string {
  return JSON.stringify([key.route, key.pool, key.backend, key.status, key.cache]);
}

export function emptySecond(): SecondCounters {
  return { series: new Map(), durations: new Map() };
}

/** `durationsMs` may be a sample: each then stands for its share of `count`. O(durations). */
export function countInSecond(
  second: SecondCounters,
  key: CounterKey,
  count: number,
  durationsMs: readonly number[],
): void {
  addToSeries(second.series, key, count, SERIES_MAX);
  if (durationsMs.length === 0) return;
  const pool = second.durations.has(key.pool) || second.durations.size < POOLS_MAX ? key.pool : OTHER;
  let histogram = second.durations.get(pool);
  if (!histogram) {
    histogram = new Map();
    second.durations.set(pool, histogram);
  }
  const weight = count / durationsMs.length;
  for (const durationMs of durationsMs) addDuration(histogram, durationMs, weight);
}

/** Adds to the series, or to OTHER when `max` series are there already; tells to which. O(1). */
export function addToSeries(
  series: Map<string, Series>,
  key: CounterKey,
  count: number,
  max: number,
): CounterKey {
  const full = series.size >= max && !series.has(seriesKey(key));
  const counted = full ? OTHER_SERIES : key;
  const name = seriesKey(counted);
  const known = series.get(name);
  if (known) known.count += count;
  else {
    const { route, pool, backend, status, cache } = counted;
    series.set(name, { route, pool, backend, status, cache, count });
  }
  return counted;
}

type Stored = {
  readonly series: readonly (readonly [string, string, string, string, string, number])[];
  readonly durations: readonly (readonly [string, readonly (readonly [number, number])[]])[];
};

export function encodeSecond(second: SecondCounters): string {
  const stored: Stored = {
    series: [...second.series.values()].map(({ route, pool, backend, status, cache, count }) => [
      route,
      pool,
      backend,
      status,
      cache,
      count,
    ]),
    durations: [...second.durations].map(([pool, histogram]) => [pool, [...histogram]]),
  };
  return JSON.stringify(stored);
}

/** Only of text that `encodeSecond` made. */
export function decodeSecond(text: string): SecondCounters {
  const stored: Stored = JSON.parse(text);
  const second = emptySecond();
  for (const [route, pool, backend, status, cache, count] of stored.series) {
    addToSeries(second.series, { route, pool, backend, status, cache }, count, Number.POSITIVE_INFINITY);
  }
  for (const [pool, buckets] of stored.durations) second.durations.set(pool, new Map(buckets));
  return second;
}
