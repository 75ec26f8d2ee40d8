// What the edge would do with a request, by the same functions and without doing it: nothing is sent to an origin, no
// lease is taken, and no strategy takes a turn.

import { cacheKeyOf, keyPartsOf } from '../../core/cache/cache-key.ts';
import type { Route } from '../../core/config/schema.ts';
import type { Fields } from '../../core/http/fields.ts';
import { parseTarget, type Target } from '../../core/http/target.ts';
import { type ExplainedTier, explainSelection } from '../../core/load-balancing/explain-selection.ts';
import { type PlannedAttempts, plannedAttempts } from '../../core/load-balancing/planned-attempts.ts';
import type { Edge, EdgeSnapshot } from '../edge.ts';
import { cannotAsk, discard, interpret, reusePolicyOf } from './cache-lookup.ts';
import { selectionQuestion } from './choose-backend.ts';
import { choosePool, type PoolStep } from './choose-pool.ts';
import { withoutAffinityCookies } from './client-affinity.ts';
import type { ClientPlace } from './client-region.ts';
import { hedgeDelayMs } from './hedge.ts';
import { outboundFields } from './outbound-fields.ts';
import type { RuntimePool } from './pool-registry.ts';
import { notRepeatableAs } from './repetition.ts';
import { routeTableOf } from './route-table.ts';

/** Its place is that of whoever asks, where `region` names no other. */
export interface ExplainInput extends ClientPlace {
  /** Absolute, as a request has it. */
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clientIp?: string | undefined;
}

export interface ExplainedCandidate {
  readonly backend: string;
  /** 1 = the strategy's first choice; those that it leaves out come last. */
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

/** What could not be told because an earlier step ended the request is null, or empty. */
export interface Explained {
  readonly configVersion: number;
  readonly healthEpoch: number;
  readonly route: string | null;
  readonly cacheKey: string | null;
  readonly slot: number | null;
  readonly shard: number | null;
  readonly cache: { readonly decision: string; readonly reason: string };
  /** The one chosen. */
  readonly pool: string | null;
  /** Those looked at on the way to it, in order, and what led to each. */
  readonly poolPath: readonly PoolStep[];
  /** In the order of preference; empty where the pool has but one. */
  readonly tiers: readonly TierLine[];
  readonly candidates: readonly ExplainedCandidate[];
  readonly chosen: string | null;
  /** What may follow the first attempt, and on which conditions. */
  readonly attempts: PlannedAttempts | null;
}

export async function explain(edge: Edge, snapshot: EdgeSnapshot, input: ExplainInput): Promise<Explained> {
  const { version: configVersion, healthEpoch } = snapshot;
  const nothing = {
    configVersion,
    healthEpoch,
    route: null,
    cacheKey: null,
    slot: null,
    shard: null,
    pool: null,
    poolPath: [],
    tiers: [],
    candidates: [],
    chosen: null,
    attempts: null,
  };
  const target = parseTarget(input.url);
  if (target.type !== 'target') return { ...nothing, cache: { decision: 'refused', reason: target.type } };
  const route = routeTableOf(snapshot.config).match(target.host, target.path, input.method);
  if (!route) return { ...nothing, cache: { decision: 'refused', reason: 'no-route' } };

  const received = Object.entries(input.headers).map(([name, value]) => [name.toLowerCase(), value] as const);
  const clientIp = input.clientIp ?? '';
  const outbound = outboundFields(route, target, received, clientIp);
  if (outbound.type === 'loop')
    return { ...nothing, route: route.id, cache: { decision: 'refused', reason: 'loop' } };
  const fields = withoutAffinityCookies(snapshot.config, outbound.fields);
  const place = placeOf(edge, snapshot, target, route);
  const cache = await explainCache(edge, snapshot, route, input.method, fields, place.cacheKey);
  const { region, request } = input;
  const asking = { snapshot, target, received, clientIp, region, ...(request && { request }) };
  const { pool, path, affinity } = await choosePool(edge, asking, route, edge.now());
  const { candidates, selection, tiers } = explainSelection(
    selectionQuestion({ ...asking, affinity }, pool, [], edge.now()),
  );
  const idOf = (index: number): string => pool.backends[index]?.id ?? String(index);
  return {
    ...nothing,
    ...place,
    route: route.id,
    cache,
    pool: pool.name,
    poolPath: path,
    tiers: tiers.map((tier) => tierLine(tier, pool.config.overprovisioning, idOf)),
    candidates: candidates.map(({ backend, score, accepted, reason }, at) => ({
      backend: idOf(backend),
      order: at + 1,
      score,
      accepted,
      reason,
    })),
    chosen: selection.type === 'backend' ? idOf(selection.backend) : null,
    attempts: planOf(edge, pool, input.method, received),
  };
}

function tierLine(
  { tier, healthyRatio, load, isHome }: ExplainedTier,
  overprovisioning: number,
  idOf: (index: number) => string,
): TierLine {
  const { priority, distanceKm, members } = tier;
  const percent = (ratio: number): string => `${Math.round(100 * ratio)} %`;
  return {
    priority,
    distanceKm:
      distanceKm === null || distanceKm === Number.POSITIVE_INFINITY ? null : Math.round(distanceKm),
    backends: members.map(idOf),
    healthyRatio,
    load,
    isHome,
    reason: `${percent(healthyRatio)} healthy × ${overprovisioning}: takes ${percent(load)} of the traffic`,
  };
}

function planOf(edge: Edge, pool: RuntimePool, method: string, fields: Fields): PlannedAttempts {
  const { config, state } = pool;
  const notRepeatable = notRepeatableAs(method, fields, config.retry.bodyBytesMax);
  const nowMs = edge.now();
  const hedgeAfterMs = config.hedge.enabled ? hedgeDelayMs(pool, nowMs) : null;
  return plannedAttempts(config.retry, notRepeatable, hedgeAfterMs, state.retryBudget.left(nowMs));
}

function placeOf(edge: Edge, { shardMap }: EdgeSnapshot, target: Target, route: Route) {
  if (!route.cache.enabled) return { cacheKey: null, slot: null, shard: null };
  const cacheKey = cacheKeyOf(target, route.cache.key);
  return { cacheKey, slot: edge.shards.slotOf(cacheKey), shard: edge.shards.shardOf(shardMap, cacheKey) };
}

async function explainCache(
  edge: Edge,
  snapshot: EdgeSnapshot,
  route: Route,
  method: string,
  fields: Fields,
  key: string | null,
): Promise<Explained['cache']> {
  if (key === null) return { decision: 'off', reason: 'the route does not cache' };
  let answer = cannotAsk(method, fields, { hasBody: false, isUpgrade: false });
  if (answer === null) {
    const lookup = await edge.shards.lookup(snapshot.shardMap, {
      key,
      method,
      fields,
      keyParts: keyPartsOf(route.cache.key, fields),
      policy: reusePolicyOf(route),
      wantLease: false,
    });
    answer = interpret(lookup, key);
  }
  if (answer.type === 'hit') {
    discard(answer.body);
    const { ttlSeconds } = answer;
    const isFresh = ttlSeconds >= 0;
    return {
      decision: 'hit',
      reason: isFresh ? `fresh for ${ttlSeconds} s` : `stale since ${-ttlSeconds} s`,
    };
  }
  if (answer.type === 'forward') {
    discard(answer.stale?.body ?? null);
    return { decision: answer.forward, reason: answer.reason };
  }
  if (answer.type === 'bypass') {
    return { decision: answer.forward, reason: answer.reason ?? `${method} is not answered from the cache` };
  }
  return { decision: answer.type, reason: answer.type === 'not-cached' ? answer.detail : 'no cache' };
}
