// When an attempt is so late that a second one is worth its while: after the time in which 95 % of answers come (Dean
// and Barroso, "The Tail at Scale", 2013), which costs about 5 % more requests. The pool's p95 is the median of its
// backends' own: one backend that is slow would else make slowness the rule for all, and nobody would be helped.
import { LatencyQuantile } from './latency-quantile.ts';

const QUANTILE = 0.95;
const KNOWN_FOR_MS = 250;

export class HedgeDelay {
  readonly #latencies = new Map<string, LatencyQuantile>();
  #delayMs: number | null = null;
  #knownAt = Number.NEGATIVE_INFINITY;

  /**
   * An attempt's time until its head; of one that was given up for another, the time it had by then: it is beyond the
   * quantile either way. O(1).
   */
  record(backend: string, ms: number, nowMs: number): void {
    let latency = this.#latencies.get(backend);
    if (!latency) {
      latency = new LatencyQuantile(QUANTILE);
      this.#latencies.set(backend, latency);
    }
    latency.record(ms, nowMs);
  }

  /** ms; null while too little is known. O(1), every 250 ms O(backends). */
  delayMs(nowMs: number): number | null {
    if (nowMs - this.#knownAt >= KNOWN_FOR_MS) {
      this.#knownAt = nowMs;
      const known = [...this.#latencies.values()].flatMap((latency) => latency.value() ?? []);
      known.sort((a, b) => a - b);
      // Of an even number the lower: of two backends, one of which is slow, the other is right.
      this.#delayMs = known[Math.floor((known.length - 1) / 2)] ?? null;
    }
    return this.#delayMs;
  }

  /** Backends of another version: the others are forgotten. O(n). */
  keepOnly(backends: readonly string[]): void {
    const known = new Set(backends);
    for (const backend of this.#latencies.keys()) if (!known.has(backend)) this.#latencies.delete(backend);
  }
}
