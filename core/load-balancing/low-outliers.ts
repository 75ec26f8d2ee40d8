// Which success rates stand out below the others, by the distance from their mean in standard deviations.

/** Of fewer, one bad rate moves mean and deviation so far that nothing stands out. */
const RATES_MIN = 5;

/**
 * Names whose rate (0–1) is below mean − `deviation` σ, in the order given; none of fewer than 5. σ is that of the
 * whole population: the lowest of n rates is then at most √(n−1) σ below the mean, which for n = 5 is 2 and lets
 * the usual 1.9 be reached; with a sample's σ it would be 1.79. O(n).
 */
export function lowOutliers(rates: ReadonlyMap<string, number>, deviation: number): string[] {
  if (rates.size < RATES_MIN) return [];
  const values = [...rates.values()];
  const mean = values.reduce((sum, rate) => sum + rate, 0) / values.length;
  const variance = values.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / values.length;
  const threshold = mean - deviation * Math.sqrt(variance);
  return [...rates].filter(([, rate]) => rate < threshold).map(([name]) => name);
}
