// What a request that waits may take of another's answer while that comes in (replication: "joining a flight"): it was
// confirmed that no purge lies between, and the response would answer it out of the cache as well.
import type { Confirmation } from '../../core/cache/flights.ts';
import { decideReuse } from '../../core/cache/reuse.ts';
import type { WaitForFlight } from '../../core/cache/wait-for-flight.ts';
import type { SelectingFields } from '../../core/http/vary.ts';
import type { CacheHit } from './cache-lookup.ts';
import { ReadAlong } from './send-shared.ts';
import type { Visit } from './visit.ts';

export type Joined =
  | { readonly type: 'joined'; readonly hit: CacheHit; readonly confirmation: Confirmation }
  /** There is nothing to be had yet, or only another variant. */
  | { readonly type: 'wait' }
  /** The response may not answer this request: each has to ask the origin. */
  | { readonly type: 'alone' };

export const WAIT: Joined = { type: 'wait' };
const ALONE: Joined = { type: 'alone' };

export function joinFlight(
  { edge, request, fields, route, context }: Visit,
  wait: WaitForFlight,
  keyParts: SelectingFields,
): Joined {
  const nowMs = edge.now();
  const shared = wait.answer(nowMs);
  if (shared === null) return WAIT;
  const { stored, body, groupId, bookmark } = shared;
  const asked = { method: request.method, fields, keyParts };
  const { decision } = decideReuse(asked, [stored], nowMs, route.cache);
  if (decision.type !== 'hit') {
    return decision.reason === 'vary-miss' ? WAIT : ALONE;
  }
  // Stale as it came: once it is stored, one of them has it renewed.
  if (decision.refresh) return WAIT;
  const { ttlSeconds } = decision;
  const hit = { type: 'hit', stored, span: null, ttlSeconds, refresh: null, collapsed: true } as const;
  const confirmation = { groupId, bookmark };
  if (body instanceof Uint8Array) {
    return { type: 'joined', hit: { ...hit, body, bodyBytes: body.byteLength }, confirmation };
  }
  if (!edge.sharedBodies.admit(body, nowMs)) return WAIT;
  const along = new ReadAlong(body, edge.now, context);
  return { type: 'joined', hit: { ...hit, body: along, bodyBytes: body.lengthBytes ?? 0 }, confirmation };
}
