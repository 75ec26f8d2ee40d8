// Whether a stored response answers a request, must be validated first, or does not fit (RFC 9111 §4). Pure: the
// shard's object asks it over the variants it holds, an edge over its own memory.
import {
  type CacheControl,
  directiveSeconds,
  hasDirective,
  NO_CACHE_CONTROL,
  namesDirective,
  parseCacheControl,
} from '../http/cache-control.ts';
import { fieldLines } from '../http/fields.ts';
import type { SelectingFields } from '../http/vary.ts';
import { asksForRange, bypassReason, type CacheableRequest } from './bypass.ts';
import type { CacheDecision } from './decision.ts';
import { tagsToOffer } from './offer-variants.ts';
import { fieldsForRest, isNextTo } from './parts.ts';
import type { ReusePolicy } from './policy.ts';
import { canAnswer } from './respond.ts';
import { selectStored } from './select-stored.ts';
import { ageSecondsOf, type StoredResponse } from './stored-response.ts';
import { hasValidator } from './validators.ts';

/** `keyParts`: by the route's key (cache-key.ts). */
export interface KeyedRequest extends CacheableRequest {
  readonly keyParts: SelectingFields;
}

export interface Reuse {
  readonly decision: CacheDecision;
  /** Of the stored response that the decision speaks of: also the stale one beside a miss, for when the origin fails. */
  readonly index: number | null;
}

/** `stored`: all variants under the request's key, in any order. O(variants × fields). */
export function decideReuse(
  request: KeyedRequest,
  stored: readonly StoredResponse[],
  nowMs: number,
  policy: ReusePolicy,
): Reuse {
  const requestControl = requestControlOf(request, policy.requestDirectives);
  const reuse = reuseOf(request, requestControl, stored, nowMs, policy);
  // RFC 9111 §5.2.1.7: "the client only wishes to obtain a stored response"; else the answer is 504.
  if (reuse.decision.type !== 'hit' && namesDirective(requestControl, 'only-if-cached')) {
    return { decision: { type: 'not-cached', reason: reuse.decision.reason }, index: null };
  }
  return reuse;
}

function reuseOf(
  request: KeyedRequest,
  requestControl: CacheControl,
  stored: readonly StoredResponse[],
  nowMs: number,
  policy: ReusePolicy,
): Reuse {
  // "the request method associated with the stored response allows it to be used for the presented request"
  const bypass = bypassReason(request);
  if (bypass !== null) return miss(bypass === 'method' ? 'method' : 'bypass', bypass);

  // "the presented target URI … and that of the stored response match": the caller looked under the URI's key.
  if (stored.length === 0) return miss('uri-miss', 'uri-miss');

  // "request header fields nominated by the stored response (if any) match those presented"
  const index = selectStored(stored, request);
  const selected = index === null ? undefined : stored[index];
  if (index === null || selected === undefined) {
    const tags = tagsToOffer(request, stored);
    if (tags.length === 0) return miss('vary-miss', 'vary-miss');
    return { decision: { type: 'offer', forward: 'vary-miss', reason: 'vary-miss', tags }, index: null };
  }

  // RFC 9111 §3.5 asks this of storing; asked of use as well, an answer made for nobody in particular (a 401, say)
  // reaches no client that brought credentials, unless the origin said that it may.
  if (fieldLines(request.fields, 'authorization').length > 0 && !selected.servesAuthorized) {
    return miss('request', 'authorization');
  }
  if (!canAnswer(selected, request, nowMs)) return extensionOf(selected, index, request, nowMs);
  return useOf(selected, index, request, requestControl, nowMs, policy);
}

/** RFC 9111 §3.3: what is incomplete answers no more than it holds; the origin has the rest. */
function extensionOf(
  selected: StoredResponse,
  index: number,
  request: CacheableRequest,
  nowMs: number,
): Reuse {
  // RFC 9211 §2.2: "partial" speaks of a fresh response.
  const forward = nowMs < selected.freshUntilAt ? 'partial' : 'stale';
  const rest = request.method === 'GET' && !asksForRange(request);
  const isOfUse = rest ? fieldsForRest(request.fields, selected) !== null : isNextTo(selected, request);
  if (!isOfUse) return { decision: { type: 'miss', forward, reason: 'partial' }, index: null };
  return { decision: { type: 'extend', forward, reason: 'partial', rest }, index };
}

function useOf(
  selected: StoredResponse,
  index: number,
  request: CacheableRequest,
  requestControl: CacheControl,
  nowMs: number,
  { requestDirectives, staleWhileRevalidateSeconds }: ReusePolicy,
): Reuse {
  const ageSeconds = ageSecondsOf(selected, nowMs);
  const ttlSeconds = Math.floor((selected.freshUntilAt - nowMs) / 1000);
  const ask = (forward: 'stale' | 'request', reason: string): Reuse =>
    hasValidator(selected.fields, nowMs)
      ? { decision: { type: 'revalidate', forward, reason, ttlSeconds }, index }
      : { decision: { type: 'miss', forward, reason }, index };

  // "the stored response does not contain the no-cache directive, unless it is successfully validated"
  if (selected.alwaysValidate) return ask('stale', 'no-cache');

  // RFC 9111 §5.2.1.4: "the client prefers stored response not be used … without successful validation"; §5.4: Pragma
  // says the same where there is no Cache-Control.
  if (requestDirectives && asksForValidation(request, requestControl))
    return ask('request', 'request-no-cache');

  // RFC 9111 §5.2.1.1: "the client prefers a response whose age is less than or equal to the specified number"
  const maxAgeSeconds = directiveSeconds(requestControl, 'max-age');
  if (maxAgeSeconds !== null && nowMs - selected.bornAt > maxAgeSeconds * 1000) {
    return ask('request', 'request-max-age');
  }
  // RFC 9111 §5.2.1.3: "a response whose freshness lifetime is no less than its current age plus the specified time"
  const minFreshSeconds = directiveSeconds(requestControl, 'min-fresh');
  if (minFreshSeconds !== null && selected.freshUntilAt - nowMs < minFreshSeconds * 1000) {
    return ask('request', 'request-min-fresh');
  }
  // "the stored response is one of the following: fresh …, allowed to be served stale …, successfully validated"
  if (nowMs < selected.freshUntilAt || clientTakesStale(selected, requestControl, nowMs)) {
    return { decision: { type: 'hit', ageSeconds, ttlSeconds, refresh: false }, index };
  }
  // RFC 5861 §3: "caches MAY serve the response … after it becomes stale, up to the indicated number of seconds";
  // RFC 9111 §4.2.4: not where the response forbids it.
  const staleMs = nowMs - selected.freshUntilAt;
  const windowMs = (selected.staleWhileRevalidateSeconds ?? staleWhileRevalidateSeconds) * 1000;
  // Whoever renews a part has no use for the whole of it.
  if (staleMs < windowMs && !selected.neverStale && selected.part === null) {
    return { decision: { type: 'hit', ageSeconds, ttlSeconds, refresh: true }, index };
  }
  return ask('stale', 'stale');
}

/** Of the request, where the route lets it count. */
export function requestControlOf({ fields }: CacheableRequest, requestDirectives: boolean): CacheControl {
  return requestDirectives ? parseCacheControl(fields) : NO_CACHE_CONTROL;
}

export function asksForValidation(request: CacheableRequest, requestControl: CacheControl): boolean {
  if (namesDirective(requestControl, 'no-cache')) return true;
  if (fieldLines(request.fields, 'cache-control').length > 0) return false;
  return fieldLines(request.fields, 'pragma').some((line) => /(?:^|,)\s*no-cache\s*(?:,|$)/i.test(line));
}

/**
 * RFC 9111 §5.2.1.2: "the client will accept a response that has exceeded its freshness lifetime", by the seconds named
 * or by any; §4.2.4: never against must-revalidate and its like.
 */
function clientTakesStale(selected: StoredResponse, requestControl: CacheControl, nowMs: number): boolean {
  if (selected.neverStale || !hasDirective(requestControl, 'max-stale')) return false;
  const anyStaleness = requestControl.directives.get('max-stale')?.every((argument) => argument === null);
  const seconds = directiveSeconds(requestControl, 'max-stale') ?? 0;
  return anyStaleness || nowMs - selected.freshUntilAt <= seconds * 1000;
}

function miss(forward: 'method' | 'bypass' | 'uri-miss' | 'vary-miss' | 'request', reason: string): Reuse {
  return { decision: { type: 'miss', forward, reason }, index: null };
}
