// How many retries and hedges a pool's requests may cause together: where much fails at once, repeating it multiplies
// the load on whatever still lives, and the outage feeds itself. After Finagle's and Envoy's retry budgets; a limit for
// each request alone does not help, since all of them fail together.
import { RollingPair } from './rolling-pair.ts';

export interface RetryBudgetParameters {
  /** Of the requests in the window, 0–1. */
  readonly ratio: number;
  /** So many in a window are allowed however few requests there were. */
  readonly min: number;
  readonly windowMs: number;
}

export class RetryBudget {
  #parameters: RetryBudgetParameters;
  /** Of all requests to the pool, and of what they caused beyond their first attempts. */
  #counts: RollingPair;

  constructor(parameters: RetryBudgetParameters) {
    this.#parameters = parameters;
    this.#counts = new RollingPair(parameters.windowMs);
  }

  /** For a new version: what was counted stays, unless the window is another. */
  redefine(parameters: RetryBudgetParameters): void {
    this.#parameters = parameters;
    if (parameters.windowMs !== this.#counts.windowMs) this.#counts = new RollingPair(parameters.windowMs);
  }

  /** One request's first attempt. O(1). */
  request(nowMs: number): void {
    this.#counts.add(1, 0, nowMs);
  }

  /**
   * Whether one more may be sent; true counts as sent. Of the window that ends now there are then at most max(ratio ×
   * requests, min): requests count up to a slot too short, retries and hedges up to a slot too long. O(1).
   */
  take(nowMs: number): boolean {
    if (this.left(nowMs) < 1) return false;
    this.#counts.add(0, 1, nowMs);
    return true;
  }

  /** How many more may be sent now; may be a fraction, never below 0. O(1). */
  left(nowMs: number): number {
    const { ratio, min } = this.#parameters;
    const allowed = Math.max(ratio * this.#counts.allAtLeast(nowMs), min);
    return Math.max(0, allowed - this.#counts.atMost(nowMs).some);
  }
}
