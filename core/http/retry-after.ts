// Retry-After (RFC 9110 §10.2.3): when the origin wants to be asked again.
import { parseHttpDate } from './http-date.ts';

/** ms from now, at least 0; null where it says nothing that the grammar knows. */
export function retryAfterMs(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const at = parseHttpDate(text, nowMs);
  return at === null ? null : Math.max(0, at - nowMs);
}
