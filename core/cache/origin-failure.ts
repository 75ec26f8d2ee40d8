// What to answer when a stored response could not be validated because the origin failed (RFC 9111 §4.2.4,
// RFC 5861 §4): the stale response, the origin's own error, or an error of ours that shows nothing of what is stored.
import { directiveSeconds, namesDirective } from '../http/cache-control.ts';
import type { CacheableRequest } from './bypass.ts';
import type { CachePolicy } from './policy.ts';
import { asksForValidation, requestControlOf } from './reuse.ts';
import type { StoredResponse } from './stored-response.ts';

export type OriginFailure =
  /** No response, or none in proper HTTP. */
  { readonly type: 'unreachable' } | { readonly type: 'status'; readonly status: number };

export type FailureAnswer =
  /** Use the stored response although it is stale. */
  | 'serve-stale'
  /** The stored response may not be used, and there is no other: 504 `cannot-revalidate`. */
  | 'cannot-revalidate'
  /** The origin's answer, or the edge's own error for having none. */
  | 'forward';

/** RFC 5861 §4: "An error is any situation that would result in a 500, 502, 503, or 504 HTTP response status code". */
const FAILING_STATUSES = new Set([500, 502, 503, 504]);

/** `staleIfErrorSeconds`: the bound where the response names none; 0 = never stale. O(fields). */
export function answerOnFailure(
  stored: StoredResponse,
  request: CacheableRequest,
  failure: OriginFailure,
  nowMs: number,
  { staleIfErrorSeconds, requestDirectives }: Pick<CachePolicy, 'staleIfErrorSeconds' | 'requestDirectives'>,
): FailureAnswer {
  if (failure.type === 'status' && !FAILING_STATUSES.has(failure.status)) return 'forward';

  // RFC 9111 §5.2.2.2: "if a cache is disconnected, the cache MUST generate an error response rather than reuse the
  // stale response", which is 504. An origin that did answer is heard (RFC 9111 §4.3.3: a cache "can either forward
  // this response to the requesting client or act as if the server failed to respond"). The client's no-cache
  // (RFC 9111 §5.2.1.4) forbids as much.
  const requestControl = requestControlOf(request, requestDirectives);
  const isForbidden =
    stored.alwaysValidate ||
    stored.neverStale ||
    (requestDirectives && asksForValidation(request, requestControl));
  if (isForbidden) return failure.type === 'unreachable' ? 'cannot-revalidate' : 'forward';

  // RFC 5861 §4: "when an error is encountered, a cached stale response MAY be used to satisfy the request", up to the
  // staleness that the response names; the request may name one as well.
  const boundSeconds = Math.min(
    stored.staleIfErrorSeconds ?? staleIfErrorSeconds,
    namesDirective(requestControl, 'stale-if-error')
      ? (directiveSeconds(requestControl, 'stale-if-error') ?? 0)
      : Number.POSITIVE_INFINITY,
  );
  return nowMs < stored.freshUntilAt + boundSeconds * 1000 ? 'serve-stale' : 'forward';
}
