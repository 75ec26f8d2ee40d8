// How large a simulated cache is: a share of the trace's distinct bytes, that is of what a cache would hold that never
// had to let anything go.

export interface Capacity {
  /** As the caller wrote it: `10%`. */
  readonly text: string;
  /** 0–1. */
  readonly share: number;
}

/** null: not a list of percentages over 0 and up to 100. */
export function parseCapacities(text: string): Capacity[] | null {
  const parts = text.split(',').map((part) => part.trim());
  const capacities = parts.map((part) => ({ text: part, share: Number(part.slice(0, -1)) / 100 }));
  const areAllGood = capacities.every(
    (one) => /^\d{1,3}(\.\d{1,9})?%$/.test(one.text) && one.share > 0 && one.share <= 1,
  );
  return areAllGood ? capacities : null;
}

export function capacityBytes({ share }: Capacity, distinctBytes: number): number {
  return Math.max(1, Math.round(share * distinctBytes));
}
