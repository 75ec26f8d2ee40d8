// Parts of a representation (206): which may be stored, and what several of them make together (RFC 9111 §3.3, §3.4,
// RFC 9110 §15.3.7). What is stored of one variant is one contiguous part; it grows by what adjoins or overlaps it and
// is of the same strong tag, until it is whole.
import { type Fields, fieldLines, fieldValue } from '../http/fields.ts';
import { type Part, parseContentRange, rangeBytes, requestedRanges } from '../http/ranges.ts';
import { asksForRange, type CacheableRequest } from './bypass.ts';
import type { StoredResponse } from './stored-response.ts';
import { entityTagOf, lastModifiedAt } from './validators.ts';

/** Of a stored part these follow from it: every answer has its own. */
export const PART_FIELDS: readonly string[] = ['content-range', 'content-length'];

/** Which part a 206 is, by its fields; null where it does not say, or contradicts itself. O(fields). */
export function partOf(fields: Fields): Part | null {
  const lines = fieldLines(fields, 'content-range');
  const part = lines.length === 1 ? parseContentRange(lines[0] ?? '') : null;
  if (part === null) return null;
  const length = fieldValue(fields, 'content-length');
  return length === undefined || Number(length) === rangeBytes(part) ? part : null;
}

/** Why the answer to a request for a part may not be stored; null: it may, as far as that goes. */
export function rangeRefusal(
  requestFields: Fields,
  { status, fields }: { readonly status: number; readonly fields: Fields },
): 'range' | 'content-range' | null {
  if (status === 206) return partOf(fields) === null ? 'content-range' : null;
  // RFC 9110 §14.2: an origin may ignore the field and send the whole; for a field that cannot be read it might be
  // anything. No other status says something of the resource alone.
  const isReadable = requestedRanges(fieldValue(requestFields, 'range') ?? '', 1).type !== 'ignored';
  return status === 200 && isReadable ? null : 'range';
}

/** The part that the stored body is, the whole of it included. `bodyBytes`: of that body. */
export function heldPart(stored: StoredResponse, bodyBytes: number): Part {
  return stored.part ?? { first: 0, last: bodyBytes - 1, completeBytes: bodyBytes };
}

/** How many bytes the body of a response must have to be what it says of itself; null: it does not say so by a range. */
export function bytesNamed({
  status,
  fields,
}: {
  readonly status: number;
  readonly fields: Fields;
}): number | null {
  const part = status === 206 ? partOf(fields) : null;
  return part && rangeBytes(part);
}

/** There is no byte between the two. */
export function adjoins(one: Pick<Part, 'first' | 'last'>, other: Pick<Part, 'first' | 'last'>): boolean {
  return one.first <= other.last + 1 && other.first <= one.last + 1;
}

/**
 * Request fields that ask for what follows a stored beginning; null: the whole is asked for. The client's conditions
 * wait for the whole. RFC 9111 §3.4: only the same strong tag joins two parts, so it goes along as If-Range (RFC 9110
 * §13.1.5), and where there is only a weaker validator nothing could come of it. Where there is no validator at all
 * nothing can be joined either; but such origins hardly know ranges, and answer with the whole.
 */
export function fieldsForRest(requestFields: Fields, stored: StoredResponse): Fields | null {
  const { part, fields, receivedAt } = stored;
  if (part === null || part.first !== 0) return null;
  const asked: [string, string][] = [['range', `bytes=${part.last + 1}-`]];
  const tag = entityTagOf(fields);
  if (tag !== null && !tag.weak) asked.push(['if-range', fieldLines(fields, 'etag')[0] ?? '']);
  else if (tag !== null || lastModifiedAt(fields, receivedAt) !== null) return null;
  return [...requestFields.filter(([name]) => !REPLACED.has(name)), ...asked];
}

const REPLACED = new Set(['range', 'if-range', 'if-none-match', 'if-modified-since']);

/** Whether what the request asks for could be joined to the stored part. */
export function isNextTo({ part, fields }: StoredResponse, request: CacheableRequest): boolean {
  const tag = entityTagOf(fields);
  if (part === null || tag === null || tag.weak || !asksForRange(request)) return false;
  const asked = requestedRanges(fieldValue(request.fields, 'range') ?? '', part.completeBytes);
  const [range] = asked.type === 'ranges' ? asked.ranges : [];
  return asked.type === 'ranges' && asked.ranges.length === 1 && range !== undefined && adjoins(part, range);
}
