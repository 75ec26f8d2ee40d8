// What is kept of a run: how long answers took, how well that is known, how many requests failed, how much work the
// busiest backend got, and what part of its share went to a backend in trouble.
import { SERVICE_MS } from './workloads.ts';

export interface Measures {
  /** Requests that counted. */
  readonly requests: number;
  /** In mean service times, of requests that were answered well; NaN without any. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** p99 is known to this part of it, up and down, with 95 % confidence; null: not known, from one story alone. */
  readonly p99Within: number | null;
  /** False: the busiest backend got more than it can do, surely not by chance: the longer the run, the longer the waits. */
  readonly isStable: boolean;
  /** 0–1. */
  readonly failureRatio: number;
  /** Of the backend with most work: work in the time that there was for it. */
  readonly busiest: number;
  /** What backends in trouble got against their fair share, while they were watched; null without any. */
  readonly troubledShare: number | null;
}

export interface MeasuringOptions {
  readonly backends: number;
  /** The first so many are in trouble. */
  readonly troubled: number;
  /** When their share counts. */
  readonly watchFromMs: number;
  readonly watchUntilMs: number;
  /** Overload has an end of its own. */
  readonly isStory: boolean;
}

/** So many parts of a run tell by their differences how well its p99 is known. */
export const BATCHES = 10;
/** Student's t, two-sided 95 %, BATCHES − 1 degrees of freedom. */
const T = 2.262;
/** Standard deviations: the busiest of some hundred is by chance so much above what it gets in the long run. */
const SCATTERS = 3;

/** The q-quantile of what is sorted, by nearest rank. */
const quantileOf = (sorted: Float64Array, q: number): number =>
  sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN;

export class Measuring {
  readonly #options: MeasuringOptions;
  readonly #work: Float64Array;
  /** Requests that were worked on. */
  readonly #served: Int32Array;
  #latencies = new Float64Array(65_536);
  #good = 0;
  /** Ends of batches in `#latencies`. */
  #ends: number[] = [];
  #failures = 0;
  #watched = 0;
  #ofTroubled = 0;
  #ms = 0;
  #fromMs = Number.POSITIVE_INFINITY;

  constructor(options: MeasuringOptions) {
    this.#options = options;
    this.#work = new Float64Array(options.backends);
    this.#served = new Int32Array(options.backends);
  }

  get batches(): number {
    return this.#ends.length;
  }

  /** What comes before does not count. */
  begin(nowMs: number): void {
    this.#fromMs = nowMs;
  }

  /** What came since the last batch, or since `begin`, is one. What comes now counts if it is within the next. */
  endBatch(nowMs: number): void {
    this.#ends.push(this.#good);
    this.#ms += nowMs - this.#fromMs;
    this.#fromMs = nowMs;
  }

  /** Batches twice as long: of each two one. */
  pairBatches(): void {
    this.#ends = this.#ends.filter((_, i) => i % 2 === 1);
  }

  /** Nobody could be taken. */
  refused(nowMs: number): void {
    if (nowMs >= this.#fromMs) this.#failures++;
  }

  sent(nowMs: number, backend: number, latencyMs: number, serviceMs: number, isFailure: boolean): void {
    if (nowMs < this.#fromMs) return;
    this.#work[backend] = (this.#work[backend] as number) + serviceMs;
    if (serviceMs > 0) this.#served[backend] = (this.#served[backend] as number) + 1;
    if (isFailure) this.#failures++;
    else this.#keep(latencyMs);
    const { troubled, watchFromMs, watchUntilMs } = this.#options;
    if (nowMs < watchFromMs || nowMs >= watchUntilMs) return;
    this.#watched++;
    if (backend < troubled) this.#ofTroubled++;
  }

  /** See `Measures`. O(n log n). */
  p99Within(): number | null {
    if (this.#ends.length < BATCHES) return null;
    const parts = this.#ends.map((end, i) =>
      quantileOf(this.#latencies.slice(this.#ends[i - 1] ?? 0, end).sort(), 0.99),
    );
    const mean = parts.reduce((sum, part) => sum + part, 0) / parts.length;
    const squares = parts.reduce((sum, part) => sum + (part - mean) ** 2, 0);
    return (T * Math.sqrt(squares / (parts.length - 1) / parts.length)) / mean;
  }

  /** See `Measures`. O(backends). */
  isStable(): boolean {
    if (this.#options.isStory) return true;
    const busiest = this.#busiest();
    // A sum of so many services, each as scattered as it is long, of so many arrivals at random.
    const scatter = Math.sqrt(2 / (this.#served[this.#work.indexOf(busiest)] as number));
    return (busiest / this.#ms) * (1 - SCATTERS * scatter) < 1;
  }

  /** The measuring is over: it must not be asked for anything afterwards. O(n log n). */
  result(): Measures {
    const { backends, troubled } = this.#options;
    const p99Within = this.p99Within();
    const sorted = this.#latencies.subarray(0, this.#good).sort();
    const requests = this.#good + this.#failures;
    return {
      requests,
      p50: quantileOf(sorted, 0.5) / SERVICE_MS,
      p99: quantileOf(sorted, 0.99) / SERVICE_MS,
      p999: quantileOf(sorted, 0.999) / SERVICE_MS,
      p99Within,
      isStable: this.isStable(),
      failureRatio: this.#failures / Math.max(1, requests),
      busiest: this.#busiest() / this.#ms,
      troubledShare: troubled === 0 ? null : (this.#ofTroubled / this.#watched) * (backends / troubled),
    };
  }

  /** In ms of work. */
  #busiest(): number {
    return this.#work.reduce((most, ms) => Math.max(most, ms), 0);
  }

  #keep(latencyMs: number): void {
    if (this.#good === this.#latencies.length) {
      const longer = new Float64Array(2 * this.#good);
      longer.set(this.#latencies);
      this.#latencies = longer;
    }
    this.#latencies[this.#good++] = latencyMs;
  }
}
