// Whether a response may be stored in a shared cache, and as what (RFC 9111 §3). Every refusal has a name, and each
// clause stands under the sentence it implements. What the RFC leaves open is the route's to say (policy.ts).
import { ageFieldSeconds, initialAgeMs } from '../http/age.ts';
import {
  type CacheControl,
  directiveSeconds,
  hasDirective,
  limitedTo,
  namesDirective,
  parseCacheControl,
} from '../http/cache-control.ts';
import { type Fields, fieldLines } from '../http/fields.ts';
import { withoutHopByHop } from '../http/hop-by-hop.ts';
import { formatHttpDate } from '../http/http-date.ts';
import type { Part } from '../http/ranges.ts';
import { responseControl } from '../http/targeted-control.ts';
import { isUndecodable, type SelectingFields, selectingFields, varyNames } from '../http/vary.ts';
import { asksForRange, type BypassReason, bypassReason, type CacheableRequest } from './bypass.ts';
import { dateFieldAt, type Lifetime, lifetimeOf } from './freshness.ts';
import { isOdd } from './odd-request.ts';
import { PART_FIELDS, partOf, rangeRefusal } from './parts.ts';
import type { CachePolicy } from './policy.ts';
import { HEURISTICALLY_CACHEABLE, UNDERSTOOD } from './statuses.ts';
import type { StoredResponse } from './stored-response.ts';
import { hasValidator } from './validators.ts';

export interface ReceivedResponse {
  readonly status: number;
  /** As the origin sent them. */
  readonly fields: Fields;
}

export type NotStoredReason =
  | BypassReason
  | 'head'
  /** The answer is made for one range, as is an error about it (`Range: bytes=cow`). */
  | 'range'
  /** A 206 that contradicts itself, holds several ranges, or does not tell the whole length. */
  | 'content-range'
  | 'request-no-store'
  | 'status'
  | 'status-not-understood'
  | 'no-store'
  | 'private'
  | 'authorization'
  | 'vary-star'
  | 'vary-undecodable'
  | 'fields-undecodable'
  | 'set-cookie'
  | 'cookie'
  | 'error-to-odd-request'
  | 'no-freshness'
  | 'stale-on-arrival';

export type Storable =
  | {
      readonly type: 'storable';
      readonly stored: StoredResponse;
      /** Tells apart what lives under one key: equal for requests that this response may answer alike. */
      readonly variant: string;
      /** How long the row is worth keeping, ms, > 0; it may be stale for the last part of it. */
      readonly keepMs: number;
    }
  | { readonly type: 'not-stored'; readonly reason: NotStoredReason };

export interface Exchange {
  readonly request: CacheableRequest;
  readonly response: ReceivedResponse;
  /** By the route's key (cache-key.ts). */
  readonly keyParts: SelectingFields;
  /** When the request went out and the response's head came in, epoch ms. */
  readonly requestedAt: number;
  readonly receivedAt: number;
}

/** A stale response is still worth a validation or, when the origin fails, an answer: for so long. */
const STALE_KEEP_MS = 24 * 3_600_000;
/** Windows of staleness may be named in centuries. */
const STALE_KEEP_MS_MAX = 30 * 24 * 3_600_000;

/** The body must have come in whole: that is for the caller to see. O(fields). */
export function decideStorable(exchange: Exchange, policy: CachePolicy): Storable {
  const { request, response, keyParts, requestedAt, receivedAt } = exchange;
  // "the request method is understood by the cache": GET. A HEAD response has no body to store.
  const bypass = bypassReason(request);
  if (bypass !== null) return notStored(bypass);
  if (request.method === 'HEAD') return notStored('head');
  if (asksForRange(request)) {
    const refusal = rangeRefusal(request.fields, response);
    if (refusal !== null) return notStored(refusal);
  }

  // RFC 9111 §5.2.1.5: "MUST NOT store any part of either this request or any response to it."
  const forbids = policy.requestDirectives && namesDirective(parseCacheControl(request.fields), 'no-store');
  if (forbids) return notStored('request-no-store');

  const names = varyNames(response.fields);
  // RFC 9111 §4.1: "A stored response with a Vary header field value containing a member "*" always fails to match."
  if (names === '*') return notStored('vary-star');
  const vary = selectingFields(names, request.fields);
  if (isUndecodable(vary) || isUndecodable(keyParts)) return notStored('vary-undecodable');

  // An origin with smaller limits than the edge's refuses what one client sent, not the resource.
  if (response.status >= 400 && isOdd(request.fields)) return notStored('error-to-odd-request');

  const authorized = fieldLines(request.fields, 'authorization').length > 0;
  const cookied = fieldLines(request.fields, 'cookie').length > 0;
  const part = response.status === 206 && asksForRange(request) ? partOf(response.fields) : null;
  return judge(response, { keyParts, vary, part, authorized, cookied, requestedAt, receivedAt }, policy);
}

export interface ResponseContext {
  readonly keyParts: SelectingFields;
  readonly vary: SelectingFields;
  /** Which part a 206 is; null = none, and the body is whole. */
  readonly part: Part | null;
  /** The request carried Authorization. */
  readonly authorized: boolean;
  /** It carried cookies, and the response is new: one client's page, unless the response says otherwise. */
  readonly cookied: boolean;
  readonly requestedAt: number;
  readonly receivedAt: number;
}

/** The part of the decision that the response alone makes; freshening by a 304 passes through here again. */
export function judge(response: ReceivedResponse, context: ResponseContext, policy: CachePolicy): Storable {
  const { status, fields } = response;
  const control = responseControl(fields, policy.targetedFields);
  const { control: cacheControl } = control;

  // "the response status code is final"; "if the response status code is 206 or 304 … the cache understands the
  // response status code": a 206 that nobody asked for is no part that is known, and a 304 is no representation.
  if (status < 200 || status > 599 || status === 304) return notStored('status');
  if ((status === 206) !== (context.part !== null)) return notStored('status');

  // Bytes that are not UTF-8 reach us as U+FFFD: what would be replayed is not what the origin sent.
  if (fields.some(([, value]) => value.includes('\ufffd'))) return notStored('fields-undecodable');

  // "if … the must-understand cache directive is present: the cache understands the response status code";
  // RFC 9111 §5.2.2.3: then no-store beside it is for those who do not.
  const mustUnderstand = hasDirective(cacheControl, 'must-understand');
  if (mustUnderstand && !UNDERSTOOD.has(status)) return notStored('status-not-understood');

  // "the no-store cache directive is not present in the response"
  if (!mustUnderstand && namesDirective(cacheControl, 'no-store')) return notStored('no-store');

  // "if the cache is shared: the private response directive is either not present or allows a shared cache to store a
  // modified response"
  const privateTo = limitedTo(cacheControl, 'private');
  if (privateTo === 'all') return notStored('private');

  // "if the cache is shared: the Authorization header field is not present in the request … or a response directive is
  // present that explicitly allows shared caching": RFC 9111 §3.5 names these three.
  const servesAuthorized = ['must-revalidate', 'public', 's-maxage'].some((name) =>
    hasDirective(cacheControl, name),
  );
  if (context.authorized && !servesAuthorized) return notStored('authorization');

  const noCacheOn = limitedTo(cacheControl, 'no-cache');
  const withheld = [...(privateTo ?? []), ...listOf(noCacheOn)];
  if (policy.setCookie === 'strip') withheld.push('set-cookie');
  if (context.part !== null) withheld.push(...PART_FIELDS);
  const kept = storedFields(fields, withheld, context.receivedAt);
  const dateField = dateFieldAt(fields, context.receivedAt);
  const dateAt = dateField ?? context.receivedAt;
  const lifetime = lifetimeOf({ status, fields, control, dateAt, receivedAt: context.receivedAt }, policy);
  const bornAt = bornAtOf(fields, dateField, context);
  const freshUntilAt = bornAt + lifetime.ms;
  const refusal =
    lacksGrounds(status, cacheControl, lifetime) ??
    forbiddenByCookie(kept, lifetime, policy) ??
    (context.cookied ? forbiddenByClientCookie(cacheControl, lifetime) : null) ??
    isUseless(kept, lifetime, freshUntilAt, context.receivedAt);
  if (refusal !== null) return notStored(refusal);

  const neverStale = ['must-revalidate', 'proxy-revalidate', 's-maxage'].some((name) =>
    namesDirective(cacheControl, name),
  );
  const stored: StoredResponse = {
    status,
    fields: kept,
    part: context.part,
    vary: context.vary,
    keyParts: context.keyParts,
    requestedAt: context.requestedAt,
    receivedAt: context.receivedAt,
    dateAt,
    bornAt,
    freshUntilAt,
    alwaysValidate: noCacheOn === 'all',
    neverStale,
    servesAuthorized,
    staleWhileRevalidateSeconds: directiveSeconds(cacheControl, 'stale-while-revalidate'),
    staleIfErrorSeconds: directiveSeconds(cacheControl, 'stale-if-error'),
  };
  return { type: 'storable', stored, variant: variantOf(context), keepMs: keepMsOf(stored, policy) };
}

/** RFC 9111 §4.2.3: the instant at which its age was 0. §4.2: `response_is_fresh = (freshness_lifetime > current_age)`. */
function bornAtOf(fields: Fields, dateField: number | null, context: ResponseContext): number {
  const { requestedAt, receivedAt } = context;
  const ageSeconds = ageFieldSeconds(fields);
  return receivedAt - initialAgeMs({ ageSeconds, dateAt: dateField, requestedAt, receivedAt });
}

/**
 * "the response contains at least one of the following": a public directive, Expires, max-age, s-maxage, "or a status
 * code that is defined as heuristically cacheable"; the route may name a status as well.
 */
function lacksGrounds(
  status: number,
  cacheControl: CacheControl,
  { from }: Lifetime,
): NotStoredReason | null {
  const isSaid = from === 'response' || from === 'route';
  const isPermitted = isSaid || hasDirective(cacheControl, 'public') || HEURISTICALLY_CACHEABLE.has(status);
  return isPermitted ? null : 'no-freshness';
}

/** A cookie meant for one client is replayed to all only where the origin said in so many words that all may have it. */
function forbiddenByCookie(
  kept: Fields,
  { ms, from }: Lifetime,
  { setCookie }: CachePolicy,
): NotStoredReason | null {
  if (fieldLines(kept, 'set-cookie').length === 0) return null;
  return setCookie === 'keep' && from === 'response' && ms > 0 ? null : 'set-cookie';
}

/**
 * Pages that are somebody's own often say nothing of caches, whatever their URLs end in: made for a request with cookies,
 * such a response is neither guessed to be for all, nor kept to be shown stale when the origin fails.
 */
function forbiddenByClientCookie(cacheControl: CacheControl, { from }: Lifetime): NotStoredReason | null {
  const isSaid = from === 'response' || from === 'route';
  return isSaid || FOR_ALL_OR_VALIDATED.some((name) => hasDirective(cacheControl, name)) ? null : 'cookie';
}

const FOR_ALL_OR_VALIDATED = ['public', 'no-cache', 'must-revalidate', 'proxy-revalidate'];

/** What can be neither used nor validated is of no use. */
function isUseless(
  kept: Fields,
  { ms }: Lifetime,
  freshUntilAt: number,
  receivedAt: number,
): NotStoredReason | null {
  if (freshUntilAt > receivedAt || hasValidator(kept, receivedAt)) return null;
  return ms > 0 ? 'stale-on-arrival' : 'no-freshness';
}

/**
 * RFC 9111 §3.1: without what concerns one connection or proxy; RFC 9111 §5.2.2.4, §5.2.2.7: without the fields that
 * may not be shown again. Age is kept as an instant. RFC 9110 §6.6.1: Date is added where it is missing.
 */
function storedFields(fields: Fields, withheld: readonly string[], receivedAt: number): Fields {
  const dropped = new Set(['age', ...withheld]);
  const kept = withoutHopByHop(fields).filter(([name]) => !dropped.has(name));
  if (kept.some(([name]) => name === 'date')) return kept;
  return [...kept, ['date', formatHttpDate(receivedAt)]];
}

function listOf(limited: 'all' | readonly string[] | null): readonly string[] {
  return limited === null || limited === 'all' ? [] : limited;
}

/**
 * '' where nothing tells apart; equal key parts and selecting fields give equal text, and different ones different text.
 * A part of a representation stands beside the whole of it.
 */
export function variantOf({
  keyParts,
  vary,
  part,
}: Pick<StoredResponse, 'keyParts' | 'vary' | 'part'>): string {
  const plain = vary.length === 0 ? '' : JSON.stringify(vary);
  const text = keyParts.length === 0 ? plain : JSON.stringify([keyParts, vary]);
  return part === null ? text : `part ${text}`;
}

function keepMsOf(
  stored: StoredResponse,
  { staleWhileRevalidateSeconds, staleIfErrorSeconds }: CachePolicy,
): number {
  const freshMs = Math.max(0, stored.freshUntilAt - stored.receivedAt);
  const staleMs = Math.max(
    STALE_KEEP_MS,
    (stored.staleWhileRevalidateSeconds ?? staleWhileRevalidateSeconds) * 1000,
    (stored.staleIfErrorSeconds ?? staleIfErrorSeconds) * 1000,
  );
  const usableStale = hasValidator(stored.fields, stored.receivedAt) || !stored.neverStale;
  return Math.ceil(freshMs + (usableStale ? Math.min(staleMs, STALE_KEEP_MS_MAX) : 0));
}

function notStored(reason: NotStoredReason): Storable {
  return { type: 'not-stored', reason };
}
