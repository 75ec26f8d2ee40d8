// From counters to what `GET stats` tells: sums by route, pool and backend since counting began, quantiles of the
// last five minutes, and one point a second. Names come from configurations, so maps are built as maps.
import type { Counts, DurationQuantiles, ShardWork, Stats, StatsSecond } from '../interfaces/telemetry.ts';
import { addHistogram, type DurationHistogram, quantileMs } from './duration-histogram.ts';
import type { SecondCounters, Series } from './second-counters.ts';

class Tally {
  requests = 0;
  private readonly statuses = new Map<string, number>();
  private readonly cache = new Map<string, number>();

  add({ status, cache, count }: Series): void {
    this.requests += count;
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + count);
    this.cache.set(cache, (this.cache.get(cache) ?? 0) + count);
  }

  counts(): Counts {
    return {
      requests: this.requests,
      statuses: Object.fromEntries(this.statuses),
      cache: Object.fromEntries(this.cache),
    };
  }
}

class Tallies {
  private readonly byName = new Map<string, Tally>();

  add(name: string, series: Series): void {
    let tally = this.byName.get(name);
    if (!tally) {
      tally = new Tally();
      this.byName.set(name, tally);
    }
    tally.add(series);
  }

  counts(): Record<string, Counts> {
    return Object.fromEntries([...this.byName].map(([name, tally]) => [name, tally.counts()]));
  }
}

function totalsOf(totals: Iterable<Series>): Stats['totals'] {
  const all = new Tally();
  const routes = new Tallies();
  const pools = new Tallies();
  const backends = new Map<string, Tallies>();
  for (const series of totals) {
    all.add(series);
    if (series.route !== '') routes.add(series.route, series);
    if (series.pool === '') continue;
    pools.add(series.pool, series);
    if (series.backend === '') continue;
    const ofPool = backends.get(series.pool) ?? new Tallies();
    backends.set(series.pool, ofPool);
    ofPool.add(series.backend, series);
  }
  return {
    ...all.counts(),
    routes: routes.counts(),
    pools: Object.fromEntries(
      Object.entries(pools.counts()).map(([pool, counts]) => [
        pool,
        { ...counts, backends: backends.get(pool)?.counts() ?? {} },
      ]),
    ),
  };
}

function quantilesOf(histogram: DurationHistogram): DurationQuantiles {
  return {
    p50Ms: quantileMs(histogram, 0.5),
    p90Ms: quantileMs(histogram, 0.9),
    p95Ms: quantileMs(histogram, 0.95),
    p99Ms: quantileMs(histogram, 0.99),
    maxMs: quantileMs(histogram, 1),
  };
}

function pointOf(second: number, counters: SecondCounters): StatsSecond {
  const all = new Tally();
  const pools = new Map<string, number>();
  for (const series of counters.series.values()) {
    all.add(series);
    if (series.pool !== '') pools.set(series.pool, (pools.get(series.pool) ?? 0) + series.count);
  }
  return { second, ...all.counts(), pools: Object.fromEntries(pools) };
}

function amplificationOf(work: ShardWork): Stats['shards'] {
  const { operations, objectCalls, rowsWritten } = work;
  const each = (count: number) =>
    operations === 0 ? null : Math.round((count / operations) * 1_000) / 1_000;
  return {
    ...work,
    objectCallsPerOperation: each(objectCalls),
    rowsWrittenPerOperation: each(rowsWritten),
  };
}

/** `seconds` ascending. O(series + seconds × series of a second). */
export function buildStats(
  atMs: number,
  countedSince: number,
  totals: Iterable<Series>,
  seconds: readonly (readonly [second: number, counters: SecondCounters])[],
  shardWork: ShardWork,
): Stats {
  const all: DurationHistogram = new Map();
  const byPool = new Map<string, DurationHistogram>();
  for (const [, counters] of seconds) {
    for (const [pool, histogram] of counters.durations) {
      addHistogram(all, histogram);
      if (pool === '') continue;
      const ofPool = byPool.get(pool) ?? new Map();
      byPool.set(pool, ofPool);
      addHistogram(ofPool, histogram);
    }
  }
  return {
    at: atMs,
    since: countedSince,
    totals: totalsOf(totals),
    shards: amplificationOf(shardWork),
    durations: {
      all: quantilesOf(all),
      pools: Object.fromEntries([...byPool].map(([pool, histogram]) => [pool, quantilesOf(histogram)])),
    },
    seconds: seconds.map(([second, counters]) => pointOf(second, counters)),
  };
}
