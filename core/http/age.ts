// The age of a response (RFC 9111 §4.2.3): what it had on arrival, from which every later age follows.
import { DELTA_SECONDS_MAX } from './cache-control.ts';
import { type Fields, fieldValue } from './fields.ts';

/**
 * RFC 9111 §5.1: the Age field in seconds, at most DELTA_SECONDS_MAX. Of a list a cache "SHOULD use the first member";
 * what is no non-negative integer it "SHOULD ignore": 0.
 */
export function ageFieldSeconds(fields: Fields): number {
  const text = fieldValue(fields, 'age');
  const first = text?.split(',', 1)[0]?.trim() ?? '';
  return /^\d+$/.test(first) ? Math.min(Number(first), DELTA_SECONDS_MAX) : 0;
}

/** RFC 9111 §4.2.3 `corrected_initial_age` in ms; `dateAt` is null where the response has no valid Date. */
export function initialAgeMs(times: {
  readonly ageSeconds: number;
  readonly dateAt: number | null;
  readonly requestedAt: number;
  readonly receivedAt: number;
}): number {
  const { ageSeconds, dateAt, requestedAt, receivedAt } = times;
  // Date knows whole seconds only: the fraction of the receipt is no age.
  const apparentAgeMs = dateAt === null ? 0 : Math.max(0, Math.floor(receivedAt / 1000) * 1000 - dateAt);
  const responseDelayMs = Math.max(0, receivedAt - requestedAt);
  return Math.max(apparentAgeMs, ageSeconds * 1000 + responseDelayMs);
}
