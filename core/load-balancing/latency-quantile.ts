// A quantile of latencies as they come, in fixed memory: counts in buckets whose bounds grow geometrically, so that each
// value is known to 5 % however small or large (Masson, Rim and Lee, "DDSketch", 2019), and which are halved now and then,
// so that what was forgotten long ago does not decide.

/** Bounds grow by this: a value stands for its bucket with an error of at most 5 %. */
const GROWTH = 1.1;
const MS_MIN = 0.1;
/** Up to about two minutes. */
const BUCKETS = 148;
const HALVED_EVERY_MS = 5_000;
/** Fewer say nothing about a tail. */
const SAMPLES_MIN = 20;

export class LatencyQuantile {
  readonly #q: number;
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #halvedAt = Number.NEGATIVE_INFINITY;

  /** `q`: 0–1. */
  constructor(q: number) {
    this.#q = q;
  }

  /** O(1); O(buckets) every 5 s. */
  record(ms: number, nowMs: number): void {
    if (nowMs - this.#halvedAt >= HALVED_EVERY_MS) this.#halve(nowMs);
    const bucket = Math.ceil(Math.log(Math.max(ms, MS_MIN) / MS_MIN) / Math.log(GROWTH));
    const at = Math.min(bucket, BUCKETS - 1);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#total++;
  }

  /** ms, the upper bound of its bucket; null while too little is known. O(buckets). */
  value(): number | null {
    if (this.#total < SAMPLES_MIN) return null;
    let left = this.#total * (1 - this.#q);
    for (let at = BUCKETS - 1; at > 0; at--) {
      left -= this.#counts[at] ?? 0;
      if (left < 0) return MS_MIN * GROWTH ** at;
    }
    return MS_MIN;
  }

  #halve(nowMs: number): void {
    if (this.#halvedAt !== Number.NEGATIVE_INFINITY) {
      this.#total = 0;
      for (let at = 0; at < BUCKETS; at++) {
        const half = (this.#counts[at] ?? 0) / 2;
        this.#counts[at] = half;
        this.#total += half;
      }
    }
    this.#halvedAt = nowMs;
  }
}
