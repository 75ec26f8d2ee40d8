// How long a response stays fresh in a shared cache by its own words (RFC 9111 §4.2.1). Heuristics are no part of it.
import { type CacheControl, directiveSeconds } from '../http/cache-control.ts';
import { type Fields, fieldLines } from '../http/fields.ts';
import { parseHttpDate } from '../http/http-date.ts';

/** In ms, ≥ 0; null when the response says nothing. 0 says: stale from the start. */
export function explicitLifetimeMs(
  cacheControl: CacheControl,
  fields: Fields,
  dateAt: number,
  receivedAt: number,
): number | null {
  // "If the cache is shared and the s-maxage response directive is present, use its value, or"
  const sharedSeconds = directiveSeconds(cacheControl, 's-maxage');
  if (sharedSeconds !== null) return sharedSeconds * 1000;
  // "If the max-age response directive is present, use its value, or"
  const seconds = directiveSeconds(cacheControl, 'max-age');
  if (seconds !== null) return seconds * 1000;
  // "If the Expires response header field is present, use its value minus the value of the Date"
  const expires = fieldLines(fields, 'expires');
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
