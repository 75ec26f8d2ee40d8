// What one isolate's requests tell of a backend's load, beside how many are in flight: how long its answers take, and how
// much of what it got lately went wrong. Measuring, apart from choosing by it (tower's balance).

/** With the time constant of Finagle's Peak EWMA; what is older says nothing any more. */
const LATENCY_MEMORY_MS = 10_000;
/** A failure costs a client about this much: it counts as a request that is in flight so long, on average. */
const FAILURE_MEMORY_MS = 2_000;
/** Below, a failure is forgotten: else one that is an hour old would still decide between two idle backends. */
const FAILURE_LOAD_MIN = 0.1;
/** A clock in whole milliseconds says 0 of what took less. */
const LATENCY_MS_MIN = 0.1;

export class LoadMeter {
  #latencyMs = 0;
  #sampledAt = Number.NEGATIVE_INFINITY;
  #failureLoad = 0;
  #failedAt = 0;

  /**
   * One attempt that ended now, after `elapsedMs` until the head of its answer. The latency rises at once and falls
   * slowly, by e in 10 s: a peak is news, a single quick answer is not. A failure never lowers it. O(1).
   */
  record(elapsedMs: number, isFailure: boolean, nowMs: number): void {
    const sampleMs = Math.max(elapsedMs, LATENCY_MS_MIN);
    const knownMs = this.latencyMs(nowMs);
    if (isFailure) {
      this.fail(nowMs);
      if (knownMs === null || sampleMs <= knownMs) return;
    }
    const kept =
      knownMs === null || sampleMs >= knownMs ? 0 : Math.exp((this.#sampledAt - nowMs) / LATENCY_MEMORY_MS);
    this.#latencyMs = (knownMs ?? 0) * kept + sampleMs * (1 - kept);
    this.#sampledAt = nowMs;
  }

  /** A failure that says nothing of its latency: of a body whose head came in good time. O(1). */
  fail(nowMs: number): void {
    this.#failureLoad = this.#decayedFailures(nowMs) + 1;
    this.#failedAt = nowMs;
  }

  /**
   * An attempt that was given up after `elapsedMs`, since another was quicker: it would have taken longer, and what it
   * asked for may go on there. So it counts as load for as long as a failure does, and is none. O(1).
   */
  lost(elapsedMs: number, nowMs: number): void {
    this.record(elapsedMs, false, nowMs);
    this.fail(nowMs);
  }

  /** ms; null while nothing has been answered within the last 10 s. O(1). */
  latencyMs(nowMs: number): number | null {
    return nowMs - this.#sampledAt < LATENCY_MEMORY_MS ? this.#latencyMs : null;
  }

  /** The failures of late, as so many requests in flight; 0 = none. O(1). */
  failureLoad(nowMs: number): number {
    const load = this.#decayedFailures(nowMs);
    return load < FAILURE_LOAD_MIN ? 0 : load;
  }

  #decayedFailures(nowMs: number): number {
    return this.#failureLoad * Math.exp((this.#failedAt - nowMs) / FAILURE_MEMORY_MS);
  }
}
