// Puts an origin's response into its shard, off the client's path: under the lease that the lookup gave, so that
// only one of many requests stores it, and only if no purge has come between.
import { keyPartsOf } from '../../core/cache/cache-key.ts';
import { tagsOf } from '../../core/cache/response-tags.ts';
import { decideStorable, type NotStoredReason } from '../../core/cache/storable.ts';
import { encodeStored, type StoredResponse } from '../../core/cache/stored-response.ts';
import type { FillToken } from '../../core/replication/commands.ts';
import type { CacheAnswer, CacheForward } from './cache-lookup.ts';
import { reportProgress } from './hold-lease.ts';
import type { Answered } from './make-attempt.ts';
import type { BodyEnd } from './relay-body.ts';
import type { Visit } from './visit.ts';

export type FillPlan =
  | {
      readonly type: 'fill';
      readonly key: string;
      readonly token: FillToken;
      readonly stored: StoredResponse;
      readonly variant: string;
      readonly keepMs: number;
      readonly tags: readonly string[];
    }
  /** `reason` is told in Cache-Status. */
  | { readonly type: 'none'; readonly reason: string | null };

/** Whether this response will be stored; a lease that is not needed goes back at once. */
export function planFill(visit: Visit, cached: CacheAnswer, origin: Answered): FillPlan {
  if (cached.type !== 'forward') return { type: 'none', reason: null };
  const { request, route, fields, edge } = visit;
  const { response, requestedAt, receivedAt } = origin;
  const exchange = {
    request: { method: request.method, fields },
    response: { status: response.status, fields: response.fields },
    keyParts: keyPartsOf(route.cache.key, fields),
    requestedAt,
    receivedAt,
  };
  const verdict = decideStorable(exchange, route.cache);
  const isTooLarge = response.bodyBytes !== null && response.bodyBytes > route.cache.maxObjectBytes;
  if (verdict.type === 'not-stored' || isTooLarge) {
    if (isTooLarge || verdict.type !== 'not-stored' || !OF_THE_REQUEST.has(verdict.reason)) {
      edge.passMemory.remember(cached.key);
    }
    giveBackLease(visit, cached);
    return { type: 'none', reason: verdict.type === 'not-stored' ? verdict.reason : 'too-large' };
  }
  edge.passMemory.forget(cached.key);
  const { stored, variant, keepMs } = verdict;
  const plan = planToStore(visit, cached, { stored, variant, keepMs });
  if (plan.type === 'none') giveBackLease(visit, cached);
  return plan;
}

/** Under the tags that the response has: the lease must be there. */
export function planToStore(
  { target, route }: Visit,
  { key, lease, reason }: CacheForward,
  stored: Pick<Extract<FillPlan, { type: 'fill' }>, 'stored' | 'variant' | 'keepMs'>,
): FillPlan {
  if (lease === null) return { type: 'none', reason };
  const read = tagsOf(stored.stored.fields, target, route.cache);
  if (read.type === 'refused') return { type: 'none', reason: read.reason };
  return { type: 'fill', key, token: lease, ...stored, tags: read.tags };
}

/** Reasons that say nothing of what others would get: they go on waiting for each other. */
const OF_THE_REQUEST: ReadonlySet<NotStoredReason> = new Set<NotStoredReason>([
  'head',
  'request-no-store',
  'vary-undecodable',
  'error-to-odd-request',
]);

/** Only a body that arrived whole is stored. Undefined when there is nothing to wait for. */
export function finishFill(visit: Visit, plan: FillPlan, end: BodyEnd): Promise<void> | undefined {
  return plan.type === 'none' ? undefined : fill(visit, plan, end);
}

async function fill(visit: Visit, plan: Extract<FillPlan, { type: 'fill' }>, end: BodyEnd): Promise<void> {
  const { edge, snapshot } = visit;
  if (end.type !== 'complete' || end.bytes === null) {
    if (end.type === 'complete') edge.passMemory.remember(plan.key);
    await edge.shards.release(snapshot.shardMap, plan.key, plan.token);
    return;
  }
  const { key, variant, token, keepMs, stored, tags } = plan;
  await edge.shards.write(snapshot.shardMap, key, edge.newRequestId(), {
    type: 'fill',
    key,
    variant,
    meta: encodeStored(stored),
    body: end.bytes,
    token,
    ttlMs: keepMs,
    tags,
  });
}

/** What others wait for while the body comes in: that it does, or that it has become too large for them. */
export function followFill(
  visit: Visit,
  { key, token }: Extract<FillPlan, { type: 'fill' }>,
): { readonly onProgress: () => void; readonly onCopyDropped: () => void } {
  return {
    onProgress: reportProgress(visit, key, token),
    onCopyDropped() {
      visit.edge.passMemory.remember(key);
      visit.context.waitUntil(visit.edge.shards.release(visit.snapshot.shardMap, key, token));
    },
  };
}

export function giveBackLease({ edge, snapshot, context }: Visit, { key, lease }: CacheForward): void {
  if (lease !== null) context.waitUntil(edge.shards.release(snapshot.shardMap, key, lease));
}
