// The arithmetic of the resilience lab: what a load and the ledgers of the origins say, without a clock of its own.
import type { LoopRequest } from '../open-loop.ts';

/** Requests that showed their client an error: no whole answer, or a status of 500 and more. */
export function failures(requests: readonly Pick<LoopRequest, 'status'>[]): number {
  return requests.filter(({ status }) => status === null || status >= 500).length;
}

/** The q-quantile, 0–1, by nearest rank; NaN of nothing. O(n log n). */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/**
 * The median of the q-quantiles of each whole second in [fromAt, toAt): a stall of the machine in one of them does not
 * make the figure. NaN without a whole second.
 */
export function quantileOfSeconds(
  requests: readonly Pick<LoopRequest, 'at' | 'tookMs'>[],
  { fromAt, toAt }: { readonly fromAt: number; readonly toAt: number },
  q: number,
): number {
  const seconds = Array.from({ length: Math.floor((toAt - fromAt) / 1_000) }, (_, i) => fromAt + 1_000 * i);
  const each = seconds.map((from) =>
    quantile(
      requests.filter(({ at }) => at >= from && at < from + 1_000).map(({ tookMs }) => tookMs),
      q,
    ),
  );
  return quantile(each, 0.5);
}

/** How many of these instants lie in [from, to). */
export function countBetween(instants: readonly number[], fromAt: number, toAt: number): number {
  return instants.filter((at) => at >= fromAt && at < toAt).length;
}

/** From `startedAt` to the last of the instants, ms; 0 when none is later. */
export function lastAfterMs(instants: readonly number[], startedAt: number): number {
  return Math.max(0, ...instants.map((at) => at - startedAt));
}

/**
 * One member's share of all requests against a fair one (1 = its part of `members`), in each whole second from
 * `fromAt`. `all` holds the instants of everybody's requests, its own included. A second without any is 0.
 */
export function fairnessPerSecond(
  own: readonly number[],
  all: readonly number[],
  members: number,
  fromAt: number,
  seconds: number,
): number[] {
  return Array.from({ length: seconds }, (_, second) => {
    const [from, to] = [fromAt + 1_000 * second, fromAt + 1_000 * (second + 1)];
    const total = countBetween(all, from, to);
    return total === 0 ? 0 : (members * countBetween(own, from, to)) / total;
  });
}

/** The same over one window. */
export function fairness(
  own: readonly number[],
  all: readonly number[],
  members: number,
  fromAt: number,
  toAt: number,
): number {
  const total = countBetween(all, fromAt, toAt);
  return total === 0 ? 0 : (members * countBetween(own, fromAt, toAt)) / total;
}
