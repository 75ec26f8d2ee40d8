// Responses to the client: from the cache, from the cache after an origin has confirmed it, from an origin.
import { cacheKeyOf } from '../../core/cache/cache-key.ts';
import { answerFromStored, isWholeAsked } from '../../core/cache/respond.ts';
import { variantOf } from '../../core/cache/storable.ts';
import type { StoredResponse } from '../../core/cache/stored-response.ts';
import { appendCacheStatus, type CacheStatus } from '../../core/http/cache-status.ts';
import type { Fields } from '../../core/http/fields.ts';
import { fieldsToClient } from '../../core/http/forward-fields.ts';
import type { ByteRange } from '../../core/http/ranges.ts';
import { encodeBookmark } from '../../core/replication/bookmark.ts';
import type { CacheAnswer, CacheHit, StoredBody } from './cache-lookup.ts';
import { affinityCookie, type ClientAffinity } from './client-affinity.ts';
import {
  type FillPlan,
  finishFill,
  followFill,
  giveBackLease,
  planFill,
  planToStore,
  shareFill,
} from './fill.ts';
import type { FromStale } from './forward.ts';
import { updateByHead } from './head-update.ts';
import { editHeaders, headersOf } from './headers.ts';
import { hitHeaders } from './hit-headers.ts';
import { invalidate } from './invalidate.ts';
import type { Answered } from './make-attempt.ts';
import { type BodyEnd, relayBody } from './relay-body.ts';
import type { ReadAlong } from './send-shared.ts';
import type { OriginResponse } from './send-to-origin.ts';
import { storedBody } from './stored-body.ts';
import type { Visit } from './visit.ts';
import type { BodyFault } from './watch-outcome.ts';

interface StoredAnswer {
  readonly stored: StoredResponse;
  readonly body: StoredBody | ReadAlong;
  readonly bodyBytes: number;
  readonly span?: ByteRange | null;
}

export function respondFromCache(visit: Visit, hit: CacheHit, nowMs: number): Response {
  const { stored, body, bodyBytes, ttlSeconds, collapsed = false } = hit;
  const { method, ownFields, session, route } = visit;
  const status: CacheStatus = { type: 'hit', ttlSeconds, collapsed };
  // Without a word for one client alone; a Response copies the headers.
  if (session !== null || !isWholeAsked(stored, { method, fields: ownFields })) {
    return fromStored(visit, hit, status, null);
  }
  const headers = hitHeaders(stored, route, nowMs, status, () => {
    const answer = answerFromStored(stored, { method, fields: ownFields }, bodyBytes, nowMs);
    return headersOf(clientFields(visit, answer.fields, stored.receivedAt, status, null));
  });
  const whole = storedBody({ type: 'whole' }, { body, bodyBytes, span: null }, headers);
  return new Response(whole, { status: stored.status, headers, encodeBody: 'manual' });
}

const RENEWED = { cameBytes: null, join: null, isStored: true } as const;

/** The client gets what was stored; where the origin's 304 has renewed it, the shard is told. */
export function respondFromStale(visit: Visit, answer: FromStale): Response {
  const { cached, origin, stored, keepMs, bytes, bodyBytes, reason } = answer;
  const isFill = cached.lease !== null && bytes !== null && keepMs > 0;
  const plan: FillPlan = isFill
    ? planToStore(visit, cached, { stored, variant: variantOf(stored), keepMs }, RENEWED)
    : { type: 'none', reason };
  if (plan.type === 'none') giveBackLease(visit, cached);
  else if (bytes !== null) shareFill(visit, plan, bytes);
  const filled = finishFill(visit, plan, { type: 'complete', bytes });
  if (filled) visit.context.waitUntil(filled);
  const cacheStatus: CacheStatus = {
    type: 'forward',
    forward: cached.forward,
    ...(origin ? { forwardStatus: origin.response.status } : {}),
    stored: isFill,
    ...detailOf(cached.forward, reason),
  };
  return fromStored(visit, { stored, body: bytes, bodyBytes }, cacheStatus, origin);
}

/** Streams; the copy for the cache is made on the way. */
export async function respondFromOrigin(
  visit: Visit,
  cached: CacheAnswer,
  origin: Answered,
): Promise<Response> {
  const { request, context, edge } = visit;
  const { response, pool, done } = origin;
  const { timeouts } = pool.config;
  const { status } = response;
  const invalidating = invalidate(visit, cached, origin);
  const invalidation = invalidating instanceof Promise ? await invalidating : invalidating;
  const plan = planFill(visit, cached, origin);
  const detail = invalidation === 'not-confirmed' ? 'invalidation-not-confirmed' : null;
  const isStored = plan.type === 'fill' || invalidation === 'done-and-stored';
  const cacheStatus = cacheStatusOf(cached, plan, origin.ownStatus ?? status, isStored, detail);
  const fields = clientFields(visit, response.fields, origin.receivedAt, cacheStatus, origin);
  const cookie = visit.affinity === null ? null : await cookieFor(visit.affinity, visit, origin);
  const respond = (body: BodyInit | null): Response => {
    const answer = withFields(response, fields, body);
    if (cookie !== null) addAffinityCookie(answer.headers, cookie);
    return answer;
  };
  if (response.webSocket) {
    // The runtime couples both ends and tells nobody when they part.
    done();
    return respond(null);
  }
  const updating = updateByHead(visit, cached, origin);
  if (updating) context.waitUntil(updating);
  const onEnd = (end: BodyEnd): Promise<void> | undefined => {
    done(bodyFault(end));
    return finishFill(visit, plan, end);
  };
  if (response.body === null || request.method === 'HEAD' || BODILESS.has(status)) {
    const bytes = new Uint8Array(0);
    if (plan.type === 'fill') shareFill(visit, plan, bytes);
    const ended = onEnd({ type: 'complete', bytes });
    if (ended) context.waitUntil(ended);
    return respond(null);
  }
  const body = relayBody(
    {
      body: response.body,
      lengthBytes: response.bodyBytes,
      keep: plan.type === 'fill' ? followFill(visit, plan) : null,
      first: origin.first,
      clientSignal: request.signal,
      firstByteLeftMs: () => origin.requestedAt + timeouts.firstByteMs - edge.now(),
      silenceMs: timeouts.idleMs,
      now: edge.now,
      onEnd,
    },
    context,
  );
  return respond(body);
}

/** The origin's head with these lines instead of its own, and a body as its bytes are. */
function withFields(
  { status, reason, fields: before, platform }: OriginResponse,
  fields: Fields,
  body: BodyInit | null,
): Response {
  if (platform === null) {
    const headers = headersOf(fields);
    return new Response(body, { status, statusText: reason, headers, encodeBody: 'manual' });
  }
  // Takes over as well that bytes are as they are to be sent, and a WebSocket.
  const answer = new Response(body, platform);
  editHeaders(answer.headers, before, fields);
  return answer;
}

/** null where the client keeps what it has; nobody is pinned by a backend's failure. */
async function cookieFor(
  affinity: ClientAffinity,
  { edge, target }: Visit,
  { response, backend }: Answered,
): Promise<string | null> {
  if (response.status >= 500) return null;
  return affinityCookie(affinity, backend, target.scheme === 'https', edge.now());
}

/**
 * After the cache has taken what it stores. No shared cache on the way may keep the response with one client's cookie
 * (RFC 9111 §7.3).
 */
function addAffinityCookie(headers: Headers, cookie: string): void {
  headers.append('set-cookie', cookie);
  if (!/\b(?:private|no-store)\b/i.test(headers.get('cache-control') ?? '')) {
    headers.append('cache-control', 'private');
  }
}

/** What it says against the origin. */
function bodyFault(end: BodyEnd): BodyFault | undefined {
  if (end.type === 'complete' || end.reason === 'client-left') return undefined;
  return end.reason === 'origin-silent' ? 'silent' : 'broken';
}

/** RFC 9110 §6.4.1: never with content, whatever their fields say. */
const BODILESS = new Set([204, 205, 304]);

function fromStored(
  visit: Visit,
  { stored, body, bodyBytes, span = null }: StoredAnswer,
  cacheStatus: CacheStatus,
  origin: Answered | null,
): Response {
  const { request, ownFields: fields, edge } = visit;
  const answer = answerFromStored(stored, { method: request.method, fields }, bodyBytes, edge.now());
  const headers = headersOf(clientFields(visit, answer.fields, stored.receivedAt, cacheStatus, origin));
  const init = { status: answer.status, headers, encodeBody: 'manual' } as const;
  return new Response(storedBody(answer.body, { body, bodyBytes, span }, headers), init);
}

/** The lines that the client gets of those that an origin sent. */
function clientFields(
  { route, target, session }: Visit,
  fields: Fields,
  receivedAt: number,
  cacheStatus: CacheStatus | null,
  origin: Answered | null,
): Fields {
  const { setHeaders, removeHeaders, exposeBackend } = route.response;
  let made = fieldsToClient({ fields, receivedAt, setHeaders, removeHeaders });
  if (cacheStatus) {
    const key = route.cache.exposeKey ? { key: cacheKeyOf(target, route.cache.key) } : {};
    made = appendCacheStatus(made, { ...cacheStatus, ...key });
  }
  if (session !== null) made = [...made, ['roundel-bookmark', encodeBookmark(session)]];
  if (exposeBackend && origin) {
    made = [
      ...made.filter(([name]) => name !== BACKEND_FIELD),
      [BACKEND_FIELD, `${origin.pool.name}/${origin.backend.id}`],
    ];
  }
  return made;
}

const BACKEND_FIELD = 'roundel-backend';

/** null on a route without a cache. */
function cacheStatusOf(
  cached: CacheAnswer,
  plan: FillPlan,
  status: number,
  stored: boolean,
  detail: string | null,
): CacheStatus | null {
  return cached.type === 'bypass' || cached.type === 'forward'
    ? forwardStatus(cached, plan, status, stored, detail)
    : null;
}

function forwardStatus(
  cached: Extract<CacheAnswer, { type: 'bypass' | 'forward' }>,
  plan: FillPlan,
  status: number,
  stored: boolean,
  detail: string | null,
): CacheStatus {
  const notFilled = plan.type === 'none' ? plan.reason : null;
  return {
    type: 'forward',
    forward: cached.forward,
    forwardStatus: status,
    stored,
    ...detailOf(cached.forward, detail ?? notFilled ?? cached.reason),
  };
}

/** What the word after fwd= says already is not said twice. */
function detailOf(forward: string, detail: string | null): { readonly detail?: string } {
  return detail === null || detail === forward ? {} : { detail };
}
