// What a pool's traffic looks like by configuration alone, every backend healthy: shares of the backends, and how
// many keys a change sends elsewhere. For dry runs, before anything is applied.
import { seededRandom } from '../random.ts';
import type { Balancer, PoolView } from './balancer.ts';
import { createBalancer } from './create-balancer.ts';
import type { SelectableBackend } from './refusals.ts';

/** The part of a pool's configuration that decides where keys go. */
export interface PreviewedPool {
  readonly backends: readonly (SelectableBackend & {
    /** Lower first; by default 0. */
    readonly priority?: number;
  })[];
  readonly strategy: {
    readonly type: string;
    /** Where a request's key comes from. */
    readonly key: readonly string[];
    readonly maxShare: number;
    readonly hashSeed: number;
  };
}

export interface PoolSharesPreview {
  /** 0–1: keys that would go to another backend than now. */
  readonly keysMovedRatio: number;
  /** Largest share against the average share, 1 = even; null without a backend that takes traffic. */
  readonly maxShareBefore: number | null;
  readonly maxShareAfter: number | null;
}

/** A moved ratio r is known to ± 2·√(r(1 − r)/SAMPLE_KEYS), 0.3 % at most points of interest; 0 and 1 exactly. */
const SAMPLE_KEYS = 32_768;

const IDLE: PoolView = { inFlight: () => 0 };
/** Strategies that give every backend with a weight the same. */
const UNWEIGHTED = ['round-robin', 'random'];

/** Those that take new keys, every one of them healthy: the first tier, wherever requests come from. */
function takers({ backends }: PreviewedPool): PreviewedPool['backends'] {
  const active = backends.filter(({ state, weight }) => state === 'active' && weight > 0);
  const first = active.reduce(
    (least, { priority = 0 }) => Math.min(least, priority),
    Number.POSITIVE_INFINITY,
  );
  return active.filter(({ priority = 0 }) => priority === first);
}

/** A drained or disabled backend's keys go where they would go without it: a balancer of the others says where. */
function balancerOf(pool: PreviewedPool): Balancer {
  return createBalancer(pool.strategy, takers(pool), seededRandom(0));
}

/** Whether it is settled where a request goes, by its key or for all alike. */
function isPinned({ usesKey, isSettled }: Balancer): boolean {
  return usesKey === true || isSettled === true;
}

/**
 * Share of the new keys (of the requests, for strategies without keys) by backend id; only backends that take any,
 * together 1. Costs what building the balancer does.
 */
export function sharesOf(pool: PreviewedPool): Map<string, number> {
  const active = takers(pool);
  const exact = balancerOf(pool).shares?.();
  if (exact) return new Map(active.map(({ id }, i) => [id, exact[i] ?? 0]));
  const weights = active.map(({ weight }) => (UNWEIGHTED.includes(pool.strategy.type) ? 1 : weight));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return new Map(active.map(({ id }, i) => [id, (weights[i] ?? 0) / total]));
}

function maxShareOf(shares: ReadonlyMap<string, number>): number | null {
  return shares.size === 0 ? null : Math.max(...shares.values()) * shares.size;
}

/**
 * Share of the keys that go to another backend after the change than before: measured on a fixed sample where both
 * pin keys of the same kind, 0 where neither does (there is nothing to move), otherwise the chance that two
 * independent choices differ. A pool that gains its first backends moves nothing, one that loses all its pinned
 * keys moves everything.
 */
export function keysMovedRatio(before: PreviewedPool, after: PreviewedPool): number {
  const balancerBefore = balancerOf(before);
  const balancerAfter = balancerOf(after);
  const bothPin = isPinned(balancerBefore) && isPinned(balancerAfter);
  if (!isPinned(balancerBefore) && !isPinned(balancerAfter)) return 0;
  const sharesBefore = sharesOf(before);
  if (sharesBefore.size === 0) return 0;

  const sameKeys = before.strategy.key.join() === after.strategy.key.join();
  if (!(bothPin && sameKeys)) {
    const sharesAfter = sharesOf(after);
    let staying = 0;
    for (const [id, share] of sharesBefore) staying += share * (sharesAfter.get(id) ?? 0);
    return 1 - staying;
  }

  const idsBefore = takers(before).map(({ id }) => id);
  const idsAfter = takers(after).map(({ id }) => id);
  let moved = 0;
  for (let i = 0; i < SAMPLE_KEYS; i++) {
    const key = `sample ${i}`;
    const from = idsBefore[balancerBefore.first?.(key, IDLE) ?? -1];
    const to = idsAfter[balancerAfter.first?.(key, IDLE) ?? -1];
    if (from !== to) moved++;
  }
  return moved / SAMPLE_KEYS;
}

/** What a dry run tells of one pool; null stands for a pool that is not there before, or after. */
export function previewPool(before: PreviewedPool | null, after: PreviewedPool | null): PoolSharesPreview {
  const maxShareBefore = before && maxShareOf(sharesOf(before));
  const maxShareAfter = after && maxShareOf(sharesOf(after));
  const gone = after ?? (before && { ...before, backends: [] });
  return {
    keysMovedRatio: before && gone ? keysMovedRatio(before, gone) : 0,
    maxShareBefore,
    maxShareAfter,
  };
}
