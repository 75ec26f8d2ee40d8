// Durations as a histogram with exponential buckets, so that histograms of many isolates and seconds add up and still
// give quantiles with a known relative error. Source: DDSketch (Masson, Rim, Lee 2019, §2). Averages of quantiles
// were rejected: they are no quantiles.

/** Buckets grow by this factor, so a quantile is at most 5 % off: (1 + α) / (1 − α) with α = 0.05. */
const GROWTH = 1.05 / 0.95;
const LOG_GROWTH = Math.log(GROWTH);
/** 1 h: what takes longer counts as that. 151 buckets reach it. */
const DURATION_MAX_MS = 3_600_000;

/** Weight by bucket: 0 holds what took less than 1 ms, k what took (GROWTH^(k−2), GROWTH^(k−1)] ms. */
export type DurationHistogram = Map<number, number>;

function bucketOf(durationMs: number): number {
  if (!(durationMs >= 1)) return 0;
  return Math.ceil(Math.log(Math.min(durationMs, DURATION_MAX_MS)) / LOG_GROWTH) + 1;
}

/** The value within 5 % of everything in the bucket; 0 for the first. */
function estimateMs(bucket: number): number {
  return bucket === 0 ? 0 : (2 * GROWTH ** (bucket - 1)) / (GROWTH + 1);
}

/** `weight`: how many requests the duration stands for, above 0 (samples stand for more than one). O(1). */
export function addDuration(histogram: DurationHistogram, durationMs: number, weight: number): void {
  const bucket = bucketOf(durationMs);
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + weight);
}

export function addHistogram(into: DurationHistogram, from: DurationHistogram): void {
  for (const [bucket, weight] of from) into.set(bucket, (into.get(bucket) ?? 0) + weight);
}

/** `ratio` 0–1; null when nothing was measured. In ms, at most 5 % off (1 ms below 1 ms). O(buckets log buckets). */
export function quantileMs(histogram: DurationHistogram, ratio: number): number | null {
  const buckets = [...histogram].sort(([a], [b]) => a - b);
  const total = buckets.reduce((sum, [, weight]) => sum + weight, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [bucket, weight] of buckets) {
    below += weight;
    if (below >= ratio * total) return Math.round(estimateMs(bucket) * 10) / 10;
  }
  // Only rounding of the sum can lead here.
  return Math.round(estimateMs(buckets.at(-1)?.[0] ?? 0) * 10) / 10;
}
