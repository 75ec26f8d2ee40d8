// What a change would do to the distribution of keys, pool by pool, before it is made.

export interface PoolPreview {
  /** 0–1: share of the keys that would go to another backend than now. */
  readonly keysMovedRatio: number;
  /** Largest backend's share against the average share (1 = perfectly even); null where there was no backend. */
  readonly maxShareBefore: number | null;
  readonly maxShareAfter: number | null;
}

export interface ConfigPreview {
  readonly pools: Record<string, PoolPreview>;
}
