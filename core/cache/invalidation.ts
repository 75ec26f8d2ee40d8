// What a successful unsafe request makes invalid (RFC 9111 §4.4).
import { type Fields, fieldLines } from '../http/fields.ts';
import { resolveReference } from '../http/resolve-reference.ts';
import { parseTarget, type Target } from '../http/target.ts';

export interface UnsafeExchange {
  readonly target: Target;
  readonly method: string;
  readonly status: number;
  /** Of the response. */
  readonly fields: Fields;
}

/** RFC 9110 §9.2.1 and the registry of methods: those known to be safe. Any other may have changed something. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY']);

/** Commands to some caches, of which this one takes none but its own API's; to an origin they change nothing. */
const CACHE_COMMANDS = new Set(['PURGE', 'BAN', 'REFRESH']);

/** Location and Content-Location are one line each; more than a few are no honest response. */
const REFERENCES_MAX = 8;

/** RFC 9110 §9.2.1: an answer to it may invalidate something. */
export function mayInvalidate(method: string): boolean {
  return !SAFE_METHODS.has(method) && !CACHE_COMMANDS.has(method);
}

/** Canonical URLs whose stored responses must go, each once; none for safe methods and for errors. */
export function urlsToInvalidate({ target, method, status, fields }: UnsafeExchange): string[] {
  if (!mayInvalidate(method)) return [];
  // "A non-error response is one with a 2xx (Successful) or 3xx (Redirection) status code."
  if (status < 200 || status > 399) return [];
  const urls = new Set([target.canonicalUrl]);
  const references = [...fieldLines(fields, 'location'), ...fieldLines(fields, 'content-location')];
  for (const reference of references.slice(0, REFERENCES_MAX)) {
    const resolved = resolveReference(target, reference);
    const named = resolved === null ? null : parseTarget(resolved);
    // "a cache MUST NOT trigger an invalidation … if the origin of the URI to be invalidated differs from that of the
    // target URI": it would be a weapon against others.
    if (named?.type !== 'target' || named.scheme !== target.scheme || named.host !== target.host) continue;
    urls.add(named.canonicalUrl);
  }
  return [...urls];
}
