// What is kept of a run: how long answers took, how many requests failed, how much work the busiest backend got, and
// what part of its share went to a backend in trouble.
import { SERVICE_MS } from './workloads.ts';

export interface Measures {
  /** Requests that counted. */
  readonly requests: number;
  /** In mean service times, of requests that were answered well; NaN without any. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** 0–1. */
  readonly failureRatio: number;
  /** Of the backend with most work: work in the time that there was for it. From 1 on its queue grows without end. */
  readonly busiest: number;
  /** What backends in trouble got against their fair share, while they were watched; null without any. */
  readonly troubledShare: number | null;
}

export interface MeasuringOptions {
  readonly requests: number;
  readonly backends: number;
  /** The first so many are in trouble. */
  readonly troubled: number;
  /** What comes earlier does not count. */
  readonly fromMs: number;
  readonly watchFromMs: number;
  readonly watchUntilMs: number;
}

export function measuring({ requests, backends, troubled, fromMs, ...watch }: MeasuringOptions) {
  const latencies = new Float64Array(requests);
  const work = new Float64Array(backends);
  let good = 0;
  let failures = 0;
  let watched = 0;
  let ofTroubled = 0;
  return {
    /** Nobody could be taken. */
    refused(nowMs: number): void {
      if (nowMs >= fromMs) failures++;
    },
    sent(nowMs: number, backend: number, latencyMs: number, serviceMs: number, isFailure: boolean): void {
      if (nowMs < fromMs) return;
      work[backend] = (work[backend] as number) + serviceMs;
      if (isFailure) failures++;
      else latencies[good++] = latencyMs;
      if (nowMs < watch.watchFromMs || nowMs >= watch.watchUntilMs) return;
      watched++;
      if (backend < troubled) ofTroubled++;
    },
    result(untilMs: number): Measures {
      const sorted = latencies.subarray(0, good).sort();
      const quantile = (q: number) => (sorted[Math.ceil(q * good) - 1] ?? Number.NaN) / SERVICE_MS;
      return {
        requests: good + failures,
        p50: quantile(0.5),
        p99: quantile(0.99),
        p999: quantile(0.999),
        failureRatio: failures / Math.max(1, good + failures),
        busiest: work.reduce((most, ms) => Math.max(most, ms), 0) / (untilMs - fromMs),
        troubledShare: troubled === 0 ? null : (ofTroubled / watched) * (backends / troubled),
      };
    },
  };
}
