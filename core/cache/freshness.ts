// How long a response stays fresh in a shared cache (RFC 9111 §4.2.1): by its own words, else by the route's, else by
// a guess (§4.2.2).
import { directiveSeconds, hasDirective } from '../http/cache-control.ts';
import { type Fields, fieldLines } from '../http/fields.ts';
import { parseHttpDate } from '../http/http-date.ts';
import type { ResponseControl } from '../http/targeted-control.ts';
import type { CachePolicy } from './policy.ts';
import { HEURISTICALLY_CACHEABLE } from './statuses.ts';
import { lastModifiedAt } from './validators.ts';

export interface Lifetime {
  /** ≥ 0; 0 says: stale from the start. */
  readonly ms: number;
  /** Whose word it is; `nobody`: nothing is known, and `ms` is 0. */
  readonly from: 'response' | 'route' | 'heuristic' | 'nobody';
}

export interface LifetimeQuestion {
  readonly status: number;
  readonly fields: Fields;
  readonly control: ResponseControl;
  readonly dateAt: number;
  readonly receivedAt: number;
}

export function lifetimeOf(question: LifetimeQuestion, policy: CachePolicy): Lifetime {
  const explicitMs = explicitLifetimeMs(question);
  if (explicitMs !== null) return { ms: explicitMs, from: 'response' };
  const routeSeconds = routeTtlSeconds(question.status, policy);
  if (routeSeconds !== null) return { ms: routeSeconds * 1000, from: 'route' };
  const guessedMs = policy.heuristics ? heuristicLifetimeMs(question) : null;
  return guessedMs === null ? { ms: 0, from: 'nobody' } : { ms: guessedMs, from: 'heuristic' };
}

/** null where the route says nothing of this status. */
function routeTtlSeconds(
  status: number,
  { statusTtlSeconds, defaultTtlSeconds }: CachePolicy,
): number | null {
  const ofStatus = Object.hasOwn(statusTtlSeconds, String(status))
    ? statusTtlSeconds[String(status)]
    : undefined;
  if (ofStatus !== undefined) return ofStatus;
  return defaultTtlSeconds > 0 && HEURISTICALLY_CACHEABLE.has(status) ? defaultTtlSeconds : null;
}

const HEURISTIC_RATIO = 0.1;
const HEURISTIC_MS_MAX = 86_400_000;

/**
 * RFC 9111 §4.2.2: "a heuristic expiration value … no more than some fraction of the interval since" Last-Modified,
 * "a typical setting … might be 10%"; at most a day. Only for what may be kept without an explicit lifetime: a status
 * that is cacheable by default, "or otherwise marked as explicitly cacheable".
 */
function heuristicLifetimeMs({
  status,
  fields,
  control,
  dateAt,
  receivedAt,
}: LifetimeQuestion): number | null {
  if (!HEURISTICALLY_CACHEABLE.has(status) && !hasDirective(control.control, 'public')) return null;
  const modifiedAt = lastModifiedAt(fields, receivedAt);
  if (modifiedAt === null || modifiedAt > dateAt) return null;
  return Math.min(HEURISTIC_MS_MAX, Math.floor((dateAt - modifiedAt) * HEURISTIC_RATIO));
}

/** In ms, ≥ 0; null when the response says nothing. */
function explicitLifetimeMs({ control, fields, dateAt, receivedAt }: LifetimeQuestion): number | null {
  const { control: cacheControl, isTargeted } = control;
  // "If the cache is shared and the s-maxage response directive is present, use its value, or"
  const sharedSeconds = directiveSeconds(cacheControl, 's-maxage');
  if (sharedSeconds !== null) return sharedSeconds * 1000;
  // "If the max-age response directive is present, use its value, or"
  const seconds = directiveSeconds(cacheControl, 'max-age');
  if (seconds !== null) return seconds * 1000;
  // "If the Expires response header field is present, use its value minus the value of the Date"
  const expires = isTargeted ? [] : fieldLines(fields, 'expires');
  if (expires.length === 0) return null;
  // RFC 9111 §5.3: an invalid date, "0" above all, is in the past; §4.2.1: so is one of two that contradict.
  const expiresAt = expires.length === 1 ? parseHttpDate(expires[0] ?? '', receivedAt) : null;
  return expiresAt === null ? 0 : Math.max(0, expiresAt - dateAt);
}

/** RFC 9110 §6.6.1: the Date field, where it is one valid date. */
export function dateFieldAt(fields: Fields, receivedAt: number): number | null {
  const lines = fieldLines(fields, 'date');
  return lines.length === 1 ? parseHttpDate(lines[0] ?? '', receivedAt) : null;
}
