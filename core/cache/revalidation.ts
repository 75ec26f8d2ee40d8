// Asking the origin whether a stored response still holds, and what its answer makes of it (RFC 9111 §4.3).
import { strongMatch, weakMatch } from '../http/etag.ts';
import { type Fields, fieldLines } from '../http/fields.ts';
import { withoutHopByHop } from '../http/hop-by-hop.ts';
import { formatHttpDate } from '../http/http-date.ts';
import { varyNames } from '../http/vary.ts';
import type { CachePolicy } from './policy.ts';
import { judge, type NotStoredReason, variantOf } from './storable.ts';
import type { StoredResponse } from './stored-response.ts';
import { entityTagOf, hasValidator, lastModifiedAt } from './validators.ts';

export interface NotModified {
  /** Of the 304. */
  readonly fields: Fields;
  readonly requestedAt: number;
  readonly receivedAt: number;
  /** The validating request carried Authorization (RFC 9111 §3.5). */
  readonly authorized?: boolean;
}

export type Freshened =
  | {
      readonly type: 'freshened';
      readonly stored: StoredResponse;
      /** The variant that it was stored as. */
      readonly variant: string;
      /** 0: it answers this request, but the 304 forbids to keep it (`notStoredReason`). */
      readonly keepMs: number;
      readonly notStoredReason: NotStoredReason | null;
    }
  /** The 304 speaks of another representation: ask again without conditions. */
  | { readonly type: 'mismatch' };

/** RFC 9111 §4.3.1: "MUST send the relevant entity tags", "SHOULD send the Last-Modified value", as they were given. */
export function conditionalFields(stored: StoredResponse): Fields {
  const conditions: [string, string][] = [];
  const [tag] = fieldLines(stored.fields, 'etag');
  if (tag !== undefined && entityTagOf(stored.fields) !== null) conditions.push(['if-none-match', tag]);
  const [modified] = fieldLines(stored.fields, 'last-modified');
  if (modified !== undefined && lastModifiedAt(stored.fields, stored.receivedAt) !== null) {
    conditions.push(['if-modified-since', modified]);
  }
  return conditions;
}

/**
 * Request fields for the validation: the client's own conditions give way to ours, and are answered from what comes
 * of it.
 */
export function fieldsToRevalidate(requestFields: Fields, stored: StoredResponse): Fields {
  return [...requestFields.filter(([name]) => !CONDITIONS.has(name)), ...conditionalFields(stored)];
}

const CONDITIONS = new Set(['if-none-match', 'if-modified-since']);

/** RFC 9111 §4.3.4: what a 304 makes of the response that it confirms. O(fields). */
export function freshen(stored: StoredResponse, notModified: NotModified, policy: CachePolicy): Freshened {
  if (!confirms(stored, notModified)) return { type: 'mismatch' };
  const { requestedAt, receivedAt, authorized = false } = notModified;
  const fields = updatedFields(stored.fields, notModified);
  const { keyParts, vary, part } = stored;
  const context = { keyParts, vary, part, authorized, cookied: false, requestedAt, receivedAt };
  const judged = judge({ status: stored.status, fields }, context, policy);
  if (judged.type === 'storable') {
    const { stored: renewed, variant, keepMs } = judged;
    return { type: 'freshened', stored: renewed, variant, keepMs, notStoredReason: null };
  }
  return {
    type: 'freshened',
    stored: { ...stored, fields, requestedAt, receivedAt },
    variant: variantOf(stored),
    keepMs: 0,
    notStoredReason: judged.reason,
  };
}

/**
 * RFC 9111 §4.3.4, cases in its order: a strong tag must be ours; a weak validator must correspond to ours; without any
 * validator the one response that we asked about is meant (docs/DIVERGENCES.md). The variant's Vary must still be the
 * same, or its selecting fields would no longer say what it answers.
 */
function confirms(stored: StoredResponse, { fields, receivedAt }: NotModified): boolean {
  // Without a validator of ours the question was the client's, and so is the answer.
  if (!hasValidator(stored.fields, receivedAt)) return false;

  const vary = varyNames(fields);
  if (fieldLines(fields, 'vary').length > 0 && String(vary) !== String(varyNames(stored.fields)))
    return false;

  const [theirs, ours] = [entityTagOf(fields), entityTagOf(stored.fields)];
  if (theirs !== null) return ours !== null && (theirs.weak ? weakMatch : strongMatch)(theirs, ours);
  const theirsAt = lastModifiedAt(fields, receivedAt);
  const oursAt = lastModifiedAt(stored.fields, receivedAt);
  return theirsAt === null || oursAt === null || theirsAt === oursAt;
}

/**
 * RFC 9111 §3.2: each field of the 304 replaces the stored lines of its name, except those that describe the body we
 * hold and those that are never stored. Date and Age are the 304's own: age starts again.
 */
export function updatedFields(
  storedFields: Fields,
  { fields, receivedAt }: Pick<NotModified, 'fields' | 'receivedAt'>,
): Fields {
  const news = withoutHopByHop(fields).filter(([name]) => !BODY_FIELDS.has(name));
  const replaced = new Set([...news.map(([name]) => name), 'date', 'age']);
  const updated = [...storedFields.filter(([name]) => !replaced.has(name)), ...news];
  const hasDate = news.some(([name]) => name === 'date');
  return hasDate ? updated : [...updated, ['date', formatHttpDate(receivedAt)]];
}

/** "Content-Length" by the letter of RFC 9111 §3.2; the others are as bound to the bytes that are stored. */
const BODY_FIELDS = new Set([
  'content-length',
  'content-encoding',
  'content-range',
  'content-md5',
  'content-digest',
  'repr-digest',
  'digest',
  'etag',
]);
