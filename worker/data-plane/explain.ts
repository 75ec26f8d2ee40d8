// What the edge would do with a request, by the same functions and without doing it: nothing is sent to an origin, no
// lease is taken, and no strategy takes a turn.

import { keyPartsOf } from '../../core/cache/cache-key.ts';
import { routeTableOf } from '../../core/config/route-table.ts';
import type { Route } from '../../core/config/schema.ts';
import type { Fields } from '../../core/http/fields.ts';
import { parseTarget } from '../../core/http/target.ts';
import { explainSelection } from '../../core/load-balancing/explain-selection.ts';
import type { Edge, EdgeSnapshot } from '../edge.ts';
import { cannotAsk, discard, discardBodies, interpret, reusePolicyOf } from './cache-lookup.ts';
import { selectionQuestion } from './choose-backend.ts';
import { choosePool } from './choose-pool.ts';
import { withoutAffinityCookies } from './client-affinity.ts';
import type { ClientPlace } from './client-region.ts';
import {
  cacheDecisionOf,
  candidateLines,
  type Explained,
  NOTHING_EXPLAINED,
  placeOf,
  tierLines,
} from './explained.ts';
import { outboundFields } from './outbound-fields.ts';
import { plannedBackends, planOf } from './plan-attempts.ts';
import { notRepeatableAs } from './repetition.ts';

/** Its place is that of whoever asks, where `region` names no other. */
export interface ExplainInput extends ClientPlace {
  /** Absolute, as a request has it. */
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly clientIp?: string | undefined;
}

export async function explain(edge: Edge, snapshot: EdgeSnapshot, input: ExplainInput): Promise<Explained> {
  const { version: configVersion, healthEpoch } = snapshot;
  const nothing = { ...NOTHING_EXPLAINED, configVersion, healthEpoch };
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
  const nowMs = edge.now();
  const { candidates, selection, tiers } = explainSelection(
    selectionQuestion({ ...asking, affinity }, pool, [], nowMs),
  );
  const chosen = selection.type === 'backend' ? selection.backend : null;
  const once = notRepeatableAs(input.method, received, pool.config.retry.bodyBytesMax);
  const plan = planOf(pool, once, nowMs);
  return {
    ...nothing,
    ...place,
    route: route.id,
    cache,
    pool: pool.name,
    poolPath: path,
    tiers: tierLines(pool, tiers),
    candidates: candidateLines(pool, candidates),
    chosen: chosen === null ? null : (pool.backends[chosen]?.id ?? null),
    plan: {
      ...plan,
      backends:
        chosen === null
          ? []
          : plannedBackends({ ...asking, affinity }, pool, chosen, plan.attemptsMax, nowMs),
    },
  };
}

async function explainCache(
  edge: Edge,
  snapshot: EdgeSnapshot,
  route: Route,
  method: string,
  fields: Fields,
  key: string | null,
): Promise<Explained['cache']> {
  if (key === null) return cacheDecisionOf(method, { type: 'off' });
  let answer = cannotAsk(method, fields, { hasBody: false, isUpgrade: false });
  if (answer === null) {
    const lookup = await edge.shards.lookup(snapshot.shardMap, {
      key,
      method,
      fields,
      keyParts: keyPartsOf(route.cache.key, fields),
      policy: reusePolicyOf(route),
      wish: { level: route.cache.consistency, bookmark: {} },
      wantLease: false,
    });
    answer = interpret(lookup, key);
  }
  if (answer.type === 'hit') discard(answer.body);
  if (answer.type === 'forward') discardBodies(answer);
  return cacheDecisionOf(method, answer);
}
