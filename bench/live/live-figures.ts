// What the rounds of the live lab say together: pure arithmetic.
import type { Turn } from '../overhead/taking-turns.ts';
import { quantile } from '../resilience/figures.ts';

/** One turn of a contender in a closed loop. */
export interface ClosedTurn
  extends Pick<Turn, 'requests' | 'failures' | 'perSecond' | 'cpuMicros' | 'loadCpuMicros'> {
  /** How many requests came to each origin. */
  readonly atOrigins: readonly number[];
}

/** One turn of a contender in an open loop. */
export interface OpenTurn {
  readonly tookMs: readonly number[];
  readonly failures: number;
  readonly lateMs: readonly number[];
}

export interface Throughput {
  /** Medians over the turns; the ratio, to the base, is made within each round. */
  readonly perSecond: number;
  readonly ratio: number;
  readonly requests: number;
  readonly failures: number;
  readonly cpuMicros: number | null;
  /** The part of one core that the load took: near 1 the load is what was measured. */
  readonly loadCores: number;
  /** Requests that an origin saw, for each request. */
  readonly originRatio: number;
  /** The busiest of the origins that were asked against their average; null where only one was, or none. */
  readonly busiestOrigin: number | null;
}

export interface Latency {
  readonly requests: number;
  readonly failures: number;
  /** ms, from when a request was due; null where so many have failed, or where there are too few to tell. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  /**
   * Median of the turns' own p99: a stall of some ten ms in one turn makes the p99 of all turns together, whoever had it.
   * null where half of the turns have none.
   */
  readonly p99Turn: number | null;
  /** Against the base's p50 and p99Turn; null where either is not known. */
  readonly p50Ratio: number | null;
  readonly p99Ratio: number | null;
  /** ms that 99 % were sent within: what is not the contender's. */
  readonly lateP99: number;
}

const median = (values: readonly number[]): number => quantile(values, 0.5);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Turns of both in the order of the rounds. */
export function throughputOf(turns: readonly ClosedTurn[], base: readonly ClosedTurn[]): Throughput {
  const requests = sum(turns.map((turn) => turn.requests));
  const cpu = turns.flatMap(({ cpuMicros }) => cpuMicros ?? []);
  const atOrigins = (turns[0]?.atOrigins ?? []).map((_, i) =>
    sum(turns.map((turn) => turn.atOrigins[i] ?? 0)),
  );
  // The few requests by which a cache was filled, or a health check, make no origin a busy one.
  const asked = atOrigins.filter((count) => count > 0.01 * requests);
  return {
    perSecond: median(turns.map(({ perSecond }) => perSecond)),
    ratio: median(turns.map(({ perSecond }, i) => perSecond / (base[i]?.perSecond ?? Number.NaN))),
    requests,
    failures: sum(turns.map(({ failures }) => failures)),
    cpuMicros: cpu.length === 0 ? null : median(cpu),
    loadCores: median(turns.map(({ perSecond, loadCpuMicros }) => (perSecond * loadCpuMicros) / 1e6)),
    originRatio: sum(atOrigins) / requests,
    busiestOrigin: asked.length < 2 ? null : (Math.max(...asked) * asked.length) / sum(asked),
  };
}

/**
 * The q-quantile of all requests, of which `failures` had no good answer: they have waited for longer than any other.
 * Null where that reaches the quantile, or where fewer than one request lies beyond it.
 */
export function waitedQuantile(tookMs: readonly number[], failures: number, q: number): number | null {
  const all = tookMs.length + failures;
  const rank = Math.ceil(q * all);
  if (all * (1 - q) < 1 - 1e-9 || rank > tookMs.length) return null;
  return [...tookMs].sort((a, b) => a - b)[rank - 1] ?? null;
}

const over = (own: number | null, base: number | null): number | null =>
  own === null || base === null ? null : own / base;

export function latencyOf(turns: readonly OpenTurn[], base: readonly OpenTurn[]): Latency {
  const quantilesOf = (of: readonly OpenTurn[]) => {
    const tookMs = of.flatMap((turn) => turn.tookMs);
    const failures = sum(of.map((turn) => turn.failures));
    const at = (q: number) => waitedQuantile(tookMs, failures, q);
    // Unknown counts as longer than any other.
    const turns99 = of.map(
      (turn) => waitedQuantile(turn.tookMs, turn.failures, 0.99) ?? Number.POSITIVE_INFINITY,
    );
    const middle = median(turns99);
    return {
      requests: tookMs.length + failures,
      failures,
      p50: at(0.5),
      p99: at(0.99),
      p999: at(0.999),
      p99Turn: Number.isFinite(middle) ? middle : null,
    };
  };
  const own = quantilesOf(turns);
  const ofBase = quantilesOf(base);
  return {
    ...own,
    p50Ratio: over(own.p50, ofBase.p50),
    p99Ratio: over(own.p99Turn, ofBase.p99Turn),
    lateP99: quantile(
      turns.flatMap(({ lateMs }) => lateMs),
      0.99,
    ),
  };
}
