// From "the cache cannot answer" to an origin's response: the fields that origins get, the pool, its order, the
// attempts; and what an answer to our own question about a stored response means.
import { conditionalFields, freshen, mustRevalidate } from '../../core/cache/revalidation.ts';
import type { StoredResponse } from '../../core/cache/stored-response.ts';
import { type Fields, fieldValue } from '../../core/http/fields.ts';
import { fieldsToOrigin } from '../../core/http/forward-fields.ts';
import { type CacheAnswer, type CacheForward, discard, type StoredBody } from './cache-lookup.ts';
import type { EdgeError } from './edge-error.ts';
import { fetchOrigin, type OriginOutcome } from './fetch-origin.ts';
import { giveBackLease } from './fill.ts';
import type { Visit } from './visit.ts';

export type Answered = Extract<OriginOutcome, { type: 'answered' }>;

/** The origin said that what is stored still holds. */
export interface Confirmed {
  readonly type: 'confirmed';
  readonly origin: Answered;
  readonly cached: CacheForward;
  readonly stored: StoredResponse;
  readonly variant: string;
  readonly keepMs: number;
  /** null for HEAD. */
  readonly bytes: Uint8Array | null;
  readonly bodyBytes: number;
}

export type Forwarded = Answered | Confirmed | { readonly type: 'failed'; readonly error: EdgeError };

type Misses = Exclude<CacheAnswer, { type: 'hit' | 'not-cached' }>;

/** Own conditions take the place of these: the client's are answered from what the origin confirms. */
const REPLACED_CONDITIONS = new Set(['if-none-match', 'if-modified-since']);

export async function forward(visit: Visit, cached: Misses): Promise<Forwarded> {
  const stale = cached.type === 'forward' ? cached.stale : null;
  const conditions = stale === null ? [] : conditionalFields(stale.stored);
  const outcome = await sendOut(visit, conditions);

  if (outcome.type === 'failed') {
    if (cached.type === 'forward') giveBackLease(visit, cached);
    discard(stale?.body ?? null);
    return stale !== null && mustRevalidate(stale.stored) ? cannotRevalidate(outcome.error) : outcome;
  }
  if (stale === null || cached.type !== 'forward' || outcome.response.status !== 304) {
    discard(stale?.body ?? null);
    return outcome;
  }

  outcome.done();
  const { response, requestedAt, receivedAt } = outcome;
  const freshened = freshen(stale.stored, { fields: response.fields, requestedAt, receivedAt });
  if (freshened.type === 'freshened') {
    const { stored, variant, keepMs } = freshened;
    const { bodyBytes } = stale;
    const confirmed = {
      type: 'confirmed',
      origin: outcome,
      cached,
      stored,
      variant,
      keepMs,
      bodyBytes,
    } as const;
    if (visit.request.method === 'HEAD') return { ...confirmed, bytes: null };
    const bytes = await collect(stale.body, bodyBytes);
    if (bytes !== null) return { ...confirmed, bytes };
  } else {
    discard(stale.body);
  }
  // What it confirmed is not here (RFC 9111 §4.3.4), or not whole: ask again, without conditions.
  const again = await sendOut(visit, null);
  if (again.type === 'failed') giveBackLease(visit, cached);
  return again;
}

/** `conditions`: ours; [] leaves the client's, null sends none. */
async function sendOut(visit: Visit, conditions: Fields | null): Promise<OriginOutcome> {
  const { edge, snapshot, route, target, clientIp, tally } = visit;
  const isOurs = conditions === null || conditions.length > 0;
  const clientFields = isOurs
    ? visit.fields.filter(([name]) => !REPLACED_CONDITIONS.has(name))
    : visit.fields;
  const made = fieldsToOrigin({
    fields: clientFields,
    clientIp,
    scheme: target.scheme,
    host: target.host,
    trustedProxies: route.request.trustedProxies,
    setHeaders: route.request.setHeaders,
    removeHeaders: route.request.removeHeaders,
  });
  if (made.type === 'loop') {
    return {
      type: 'failed',
      error: { code: 'loop', detail: 'Cannot forward: this request has passed this edge' },
    };
  }
  const pool = edge.pools.get(snapshot, route.pool);
  if (!pool) {
    return {
      type: 'failed',
      error: {
        code: 'no-backend',
        detail: `Cannot forward: there is no pool "${route.pool}"`,
        retryAfterSeconds: 1,
      },
    };
  }
  tally.pool = pool.name;
  const fields = [...made.fields, ...(conditions ?? []), ...upgradeFields(visit.fields)];
  return fetchOrigin(visit, pool, fields);
}

/** The one upgrade that the runtime passes on. */
function upgradeFields(fields: Fields): Fields {
  const isWebSocket = fieldValue(fields, 'upgrade')?.toLowerCase() === 'websocket';
  return isWebSocket ? [['upgrade', 'websocket']] : [];
}

function cannotRevalidate(cause: EdgeError): Forwarded {
  const detail = `Cannot answer from the stored response, which must be validated first: ${cause.detail}`;
  return { type: 'failed', error: { code: 'cannot-revalidate', detail } };
}

/** null when it cannot be read whole. */
async function collect(body: StoredBody, bodyBytes: number): Promise<Uint8Array | null> {
  try {
    const bytes =
      body instanceof ReadableStream ? new Uint8Array(await new Response(body).arrayBuffer()) : body;
    return bytes?.byteLength === bodyBytes ? bytes : null;
  } catch {
    return null;
  }
}
