// The edge's decisions about one request as data, in the words of both: `explain`, which works them out without doing
// anything, and decision-record.ts, which writes them down while they are made.
import { cacheKeyOf } from '../../core/cache/cache-key.ts';
import type { Route } from '../../core/config/schema.ts';
import type { Target } from '../../core/http/target.ts';
import type { Candidate, ExplainedTier } from '../../core/load-balancing/explain-selection.ts';
import type { PlannedAttempts } from '../../core/load-balancing/planned-attempts.ts';
import type { Edge, EdgeSnapshot } from '../edge.ts';
import type { CacheAnswer } from './cache-lookup.ts';
import type { PoolStep } from './choose-pool.ts';
import type { RuntimePool } from './pool-registry.ts';

export interface ExplainedCandidate {
  readonly backend: string;
  /** 1 = the strategy's first choice; those that it leaves out, or were not reached, come last. */
  readonly order: number;
  readonly score: number | null;
  readonly accepted: boolean;
  readonly reason: string;
}

export interface TierLine {
  readonly priority: number;
  /** From the request, km; null where nearness does not count or is not known. */
  readonly distanceKm: number | null;
  readonly backends: readonly string[];
  /** By weight, of those that may take traffic: 0–1. */
  readonly healthyRatio: number;
  /** Its part of the traffic, 0–1. */
  readonly load: number;
  /** Whether this request begins there. */
  readonly isHome: boolean;
  readonly reason: string;
}

export interface CacheDecision {
  readonly decision: string;
  readonly reason: string;
}

export interface AttemptPlan extends PlannedAttempts {
  /** Who would be tried, in order, where every attempt failed; of a live request only those tried are known. */
  readonly backends?: readonly string[];
}

/** What could not be told because an earlier step ended the request is null, or empty. */
export interface Explained {
  readonly configVersion: number;
  readonly healthEpoch: number;
  readonly route: string | null;
  readonly cacheKey: string | null;
  readonly slot: number | null;
  readonly shard: number | null;
  readonly cache: CacheDecision;
  /** The one chosen. */
  readonly pool: string | null;
  /** Those looked at on the way to it, in order, and what led to each. */
  readonly poolPath: readonly PoolStep[];
  /** In the order of preference; empty where the pool has but one. */
  readonly tiers: readonly TierLine[];
  readonly candidates: readonly ExplainedCandidate[];
  readonly chosen: string | null;
  /** What may follow the first attempt, and on which conditions. */
  readonly plan: AttemptPlan | null;
}

/** Before anything is decided. */
export const NOTHING_EXPLAINED: Explained = {
  configVersion: 0,
  healthEpoch: 0,
  route: null,
  cacheKey: null,
  slot: null,
  shard: null,
  cache: { decision: 'not-asked', reason: 'the request did not come so far' },
  pool: null,
  poolPath: [],
  tiers: [],
  candidates: [],
  chosen: null,
  plan: null,
};

/** Where the cache would keep the response. */
export function placeOf(
  edge: Edge,
  { shardMap }: EdgeSnapshot,
  target: Target,
  route: Route,
): Pick<Explained, 'cacheKey' | 'slot' | 'shard'> {
  if (!route.cache.enabled) return { cacheKey: null, slot: null, shard: null };
  const cacheKey = cacheKeyOf(target, route.cache.key);
  return { cacheKey, slot: edge.shards.slotOf(cacheKey), shard: edge.shards.shardOf(shardMap, cacheKey) };
}

export function cacheDecisionOf(method: string, answer: CacheAnswer): CacheDecision {
  switch (answer.type) {
    case 'off':
      return { decision: 'off', reason: 'the route does not cache' };
    case 'hit': {
      const { ttlSeconds } = answer;
      const reason = ttlSeconds >= 0 ? `fresh for ${ttlSeconds} s` : `stale since ${-ttlSeconds} s`;
      return { decision: 'hit', reason };
    }
    case 'forward':
      return { decision: answer.forward, reason: answer.reason };
    case 'bypass':
      return {
        decision: answer.forward,
        reason: answer.reason ?? `${method} is not answered from the cache`,
      };
    case 'not-cached':
      return { decision: 'not-cached', reason: answer.detail };
    default:
      answer satisfies never;
      throw new Error(`Cannot explain what the cache answered: ${JSON.stringify(answer)}`);
  }
}

export function candidateLines(
  pool: Pick<RuntimePool, 'backends'>,
  candidates: readonly Candidate[],
): ExplainedCandidate[] {
  return candidates.map(({ backend, score, accepted, reason }, at) => ({
    backend: pool.backends[backend]?.id ?? String(backend),
    order: at + 1,
    score,
    accepted,
    reason,
  }));
}

export function tierLines(
  pool: Pick<RuntimePool, 'backends' | 'config'>,
  tiers: readonly ExplainedTier[],
): TierLine[] {
  const percent = (ratio: number): string => `${Math.round(100 * ratio)} %`;
  return tiers.map(({ tier: { priority, distanceKm, members }, healthyRatio, load, isHome }) => ({
    priority,
    distanceKm:
      distanceKm === null || distanceKm === Number.POSITIVE_INFINITY ? null : Math.round(distanceKm),
    backends: members.map((index) => pool.backends[index]?.id ?? String(index)),
    healthyRatio,
    load,
    isHome,
    reason: `${percent(healthyRatio)} healthy × ${pool.config.overprovisioning}: takes ${percent(load)} of the traffic`,
  }));
}
