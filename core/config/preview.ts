// What a change would do to the distribution of keys, pool by pool, before it is made.
import type { Config, Pool } from './schema.ts';

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

/** How a pool's keys move; null = the pool is not there. Balancing is not this folder's business: it is handed in. */
export type PreviewPool = (before: Pool | null, after: Pool | null) => PoolPreview;

/** Every pool that is there before or after. Costs one `previewPool` a pool. */
export function previewConfig(before: Config, after: Config, previewPool: PreviewPool): ConfigPreview {
  const names = new Set([...Object.keys(before.pools), ...Object.keys(after.pools)]);
  return {
    pools: Object.fromEntries(
      [...names].map((name) => [name, previewPool(ownPool(before, name), ownPool(after, name))]),
    ),
  };
}

function ownPool(config: Config, name: string): Pool | null {
  return (Object.hasOwn(config.pools, name) ? config.pools[name] : undefined) ?? null;
}
