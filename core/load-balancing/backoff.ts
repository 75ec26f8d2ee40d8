// How long to wait before a retry: exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter",
// 2015). Clients that failed together must not come back together, and any fixed part of the pause keeps them in step.
import type { Random } from '../random.ts';

export interface BackoffParameters {
  /** Longest pause before the first retry; it doubles with each. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

/** Whole ms before the n-th retry, n ≥ 1: uniform from 0 up to min(backoffMaxMs, backoffMs × 2ⁿ⁻¹). */
export function backoff(n: number, { backoffMs, backoffMaxMs }: BackoffParameters, random: Random): number {
  const mostMs = Math.min(backoffMaxMs, backoffMs * 2 ** (n - 1));
  return Math.floor(random.next() * (mostMs + 1));
}
