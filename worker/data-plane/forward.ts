// From "the cache cannot answer" to an origin's response: the fields that origins get, the pool, its order, the
// attempts; and what an answer to our own question about a stored response means.

import { keyPartsOf } from '../../core/cache/cache-key.ts';
import { joinRest } from '../../core/cache/join-parts.ts';
import { adopt, fieldsToOffer, isOfClient, offeredTag } from '../../core/cache/offer-variants.ts';
import { answerOnFailure, type OriginFailure } from '../../core/cache/origin-failure.ts';
import { fieldsForRest, heldPart } from '../../core/cache/parts.ts';
import { canAnswer } from '../../core/cache/respond.ts';
import { fieldsToRevalidate, freshen } from '../../core/cache/revalidation.ts';
import type { StoredResponse } from '../../core/cache/stored-response.ts';
import { type Fields, fieldValue } from '../../core/http/fields.ts';
import {
  type CacheAnswer,
  type CacheForward,
  discard,
  discardBodies,
  interpret,
  type PartEntry,
  reusePolicyOf,
  type StaleEntry,
} from './cache-lookup.ts';
import { choosePool, type PoolChoice } from './choose-pool.ts';
import type { EdgeError } from './edge-error.ts';
import { fetchOrigin, type OriginOutcome } from './fetch-origin.ts';
import { giveBackLease } from './fill.ts';
import { cancelBody } from './first-bytes.ts';
import { joinStreams } from './join-bodies.ts';
import type { Answered } from './make-attempt.ts';
import { mirror } from './mirror.ts';
import { planOf } from './plan-attempts.ts';
import type { RuntimePool } from './pool-registry.ts';
import { notRepeatable } from './repetition.ts';
import { tellAffinityOff } from './tell-affinity-off.ts';
import { tellFallBack } from './tell-fall-back.ts';
import { type Visit, withoutConditions } from './visit.ts';

/** What was stored answers after all: the origin confirmed it, or failed and it may be served stale. */
export interface FromStale {
  readonly type: 'from-stale';
  readonly cached: CacheForward;
  readonly stored: StoredResponse;
  /** null for HEAD. */
  readonly bytes: Uint8Array | null;
  readonly bodyBytes: number;
  /** Who confirmed it; null = nobody answered. */
  readonly origin: Answered | null;
  /** How long the renewed response is kept; 0 = it is not stored anew. */
  readonly keepMs: number;
  /** Told in Cache-Status. */
  readonly reason: string;
}

export type Forwarded = Answered | FromStale | { readonly type: 'failed'; readonly error: EdgeError };

type Miss = Exclude<CacheAnswer, { type: 'hit' | 'not-cached' }>;

/** `nowMs`: the clock, which is dear to look at. */
export async function forward(visit: Visit, cached: Miss, nowMs: number): Promise<Forwarded> {
  const { edge, route } = visit;
  const chosen = choosePool(edge, visit, route, nowMs);
  const isAtOnce = !(chosen instanceof Promise);
  const pool = poolOf(visit, isAtOnce ? chosen : await chosen);
  mirror(visit);
  if (cached.type === 'forward' && cached.part?.rest) {
    const { part } = cached;
    const asked = fieldsForRest(visit.fields, part.stored);
    // Without a tag it may take a second request, which the pool may forbid.
    const mayAsk = pool.config.retry.attemptsMax > 1 || fieldValue(asked ?? [], 'if-range') !== undefined;
    if (asked !== null && mayAsk) return completed(visit, pool, cached, part, asked);
    discard(part.body);
  }
  if (cached.type === 'forward' && cached.offered.length > 0) return offering(visit, pool, cached);
  if (cached.type !== 'forward' || cached.stale === null) {
    const outcome = await sendOut(visit, pool, visit.fields, isAtOnce ? nowMs : edge.now());
    if (outcome.type === 'failed' && cached.type === 'forward') nothingCame(visit, cached);
    return outcome;
  }
  const { stale } = cached;
  const asked = stale.mayBeConfirmed ? fieldsToRevalidate(visit.fields, stale.stored) : visit.fields;
  const outcome = await sendOut(visit, pool, asked);
  if (outcome.type === 'answered' && outcome.response.status === 304 && stale.mayBeConfirmed) {
    return confirmedOr(visit, cached, stale, outcome);
  }
  return staleInstead(visit, cached, stale, outcome);
}

/** RFC 9111 §4.3.3: what the origin's 304 confirms; where that is not here, or not whole, it is asked anew. */
async function confirmedOr(
  visit: Visit,
  cached: CacheForward,
  stale: StaleEntry,
  origin: Answered,
): Promise<Forwarded> {
  origin.done();
  const { requestedAt, receivedAt, response } = origin;
  const authorized = fieldValue(visit.fields, 'authorization') !== undefined;
  const update = { fields: response.fields, requestedAt, receivedAt, authorized };
  const freshened = freshen(stale.stored, update, visit.route.cache);
  const request = { method: visit.request.method, fields: visit.fields };
  const answers = freshened.type === 'freshened' && canAnswer(freshened.stored, request, visit.edge.now());
  const body = answers ? await wholeBody(visit, stale) : null;
  if (freshened.type === 'freshened' && body !== null) {
    const { stored, keepMs, notStoredReason } = freshened;
    const reason = notStoredReason ?? cached.reason;
    return { type: 'from-stale', cached, stored, ...body, origin, keepMs, reason };
  }
  discard(stale.body);
  const again = await sendOut(visit, origin.pool, withoutConditions(visit.fields));
  if (again.type === 'failed') giveBackLease(visit, cached);
  return again;
}

/**
 * RFC 9111 §3.4: the stored beginning and what the origin sends of the rest are one response, as if the origin had sent
 * it at once. What does not fit, or was made for this question alone, gives way to the whole.
 */
async function completed(
  visit: Visit,
  pool: RuntimePool,
  cached: CacheForward,
  { stored, body, bodyBytes }: PartEntry,
  asked: Fields,
): Promise<Forwarded> {
  const outcome = await sendOut(visit, pool, asked);
  if (outcome.type === 'failed') {
    nothingCame(visit, cached);
    return outcome;
  }
  const { response, receivedAt } = outcome;
  const joined = response.body && joinRest(stored, bodyBytes, response, receivedAt);
  if (joined) {
    const { fields } = joined;
    const whole = joinStreams(body, outcome, visit.context);
    const { completeBytes } = heldPart(stored, bodyBytes);
    return {
      ...outcome,
      asked,
      ownStatus: response.status,
      first: null,
      response: {
        status: 200,
        reason: '',
        fields,
        platform: null,
        body: whole,
        bodyBytes: completeBytes,
        webSocket: null,
      },
    };
  }
  discard(body);
  if (!MADE_FOR_THE_REST.has(response.status)) return { ...outcome, asked };
  outcome.done();
  cancelBody(response, outcome.first);
  const again = await sendOut(visit, outcome.pool, visit.fields);
  if (again.type === 'failed') giveBackLease(visit, cached);
  return again;
}

const MADE_FOR_THE_REST = new Set([206, 304, 416]);

function nothingCame(visit: Visit, cached: CacheForward): void {
  giveBackLease(visit, cached);
  discardBodies(cached);
}

/** RFC 9111 §4.3.3: the origin may choose one of the stored variants; then that answers, and is stored for the like. */
async function offering(visit: Visit, pool: RuntimePool, cached: CacheForward): Promise<Forwarded> {
  const outcome = await sendOut(visit, pool, fieldsToOffer(visit.fields, cached.offered));
  if (outcome.type === 'failed') {
    giveBackLease(visit, cached);
    return outcome;
  }
  const { response } = outcome;
  if (response.status !== 304) return outcome;
  const tag = offeredTag(response.fields, cached.offered);
  const adopted = tag === null ? null : await adoptedBy(visit, cached, outcome, tag);
  if (adopted === null && isOfClient(response.fields, visit.fields)) return outcome;
  outcome.done();
  if (adopted !== null) return adopted;
  const again = await sendOut(visit, outcome.pool, visit.fields);
  if (again.type === 'failed') giveBackLease(visit, cached);
  return again;
}

/** null: it is not here any more, or not whole, or is something else than the 304 says. */
async function adoptedBy(
  visit: Visit,
  cached: CacheForward,
  origin: Answered,
  tag: string,
): Promise<FromStale | null> {
  const { edge, snapshot, request, fields, route } = visit;
  const keyed = { method: request.method, fields, keyParts: keyPartsOf(route.cache.key, fields) };
  const lookup = await edge.shards.lookup(snapshot.shardMap, {
    ...keyed,
    key: cached.key,
    policy: reusePolicyOf(route),
    wish: { level: route.cache.consistency, bookmark: visit.session ?? {} },
    wantLease: false,
    tag,
  });
  const found = interpret(lookup, cached.key);
  if (found.type !== 'forward' || found.stale === null) return null;
  const { stale } = found;
  const { requestedAt, receivedAt, response } = origin;
  const authorized = fieldValue(fields, 'authorization') !== undefined;
  const notModified = { fields: response.fields, requestedAt, receivedAt, authorized };
  const adopted = adopt(stale.stored, keyed, notModified, route.cache);
  const body = adopted.type === 'freshened' ? await wholeBody(visit, stale) : null;
  if (adopted.type === 'mismatch' || body === null) {
    discard(stale.body);
    return null;
  }
  const { stored, keepMs, notStoredReason } = adopted;
  const reason = notStoredReason ?? cached.reason;
  return { type: 'from-stale', cached, stored, ...body, origin, keepMs, reason };
}

/** RFC 9111 §4.2.4, RFC 5861 §4: the origin failed, or has something else to say. */
async function staleInstead(
  visit: Visit,
  cached: CacheForward,
  stale: StaleEntry,
  outcome: OriginOutcome,
): Promise<Forwarded> {
  const failure: OriginFailure =
    outcome.type === 'failed' ? { type: 'unreachable' } : { type: 'status', status: outcome.response.status };
  const request = { method: visit.request.method, fields: visit.fields };
  const nowMs = visit.edge.now();
  const answer = answerOnFailure(stale.stored, request, failure, nowMs, visit.route.cache);
  const body = answer === 'serve-stale' ? await wholeBody(visit, stale) : null;
  if (body !== null) {
    giveBackLease(visit, cached);
    if (outcome.type === 'answered') {
      outcome.done();
      cancelBody(outcome.response, outcome.first);
    }
    const { stored } = stale;
    const origin = outcome.type === 'answered' ? outcome : null;
    return { type: 'from-stale', cached, stored, ...body, origin, keepMs: 0, reason: 'stale-if-error' };
  }
  discard(stale.body);
  if (outcome.type === 'answered') return outcome;
  giveBackLease(visit, cached);
  return answer === 'cannot-revalidate' ? cannotRevalidate(outcome.error) : outcome;
}

function poolOf(visit: Visit, choice: PoolChoice): RuntimePool {
  const { edge, tally } = visit;
  const { pool, path, first, affinity } = choice;
  if (tally.record) {
    tally.record.poolChosen(pool.name, path, planOf(pool, notRepeatable(visit, pool), edge.now()));
  }
  tally.pool = pool.name;
  visit.affinity = affinity;
  if (pool !== first) tellFallBack(visit, choice);
  if (pool.config.affinity.type === 'cookie' && edge.affinitySigner === null) tellAffinityOff(visit, pool);
  return pool;
}

function sendOut(visit: Visit, pool: RuntimePool, fields: Fields, nowMs?: number): Promise<OriginOutcome> {
  const sent: Fields = visit.isUpgrade ? [...fields, ['upgrade', 'websocket']] : fields;
  return fetchOrigin(visit, pool, sent, nowMs);
}

function cannotRevalidate(cause: EdgeError): Forwarded {
  const detail = `Cannot answer from the stored response, which must be validated first: ${cause.detail}`;
  return { type: 'failed', error: { code: 'cannot-revalidate', detail } };
}

/** null when it is not here as a whole. */
async function wholeBody(
  { request }: Visit,
  { body, bodyBytes }: StaleEntry,
): Promise<{ readonly bytes: Uint8Array | null; readonly bodyBytes: number } | null> {
  if (request.method === 'HEAD') return { bytes: null, bodyBytes };
  try {
    const bytes =
      body instanceof ReadableStream ? new Uint8Array(await new Response(body).arrayBuffer()) : body;
    return bytes?.byteLength === bodyBytes ? { bytes, bodyBytes } : null;
  } catch {
    return null;
  }
}
