// What a stored body and the part that an origin has sent make together (RFC 9111 §3.4, RFC 9110 §15.3.7): a response as
// the origin would have sent it at once, to be stored and answered from like any other.
import { strongMatch } from '../http/etag.ts';
import { type Fields, fieldLines, fieldValue } from '../http/fields.ts';
import { contentRange, type Part, rangeBytes } from '../http/ranges.ts';
import { varyNames } from '../http/vary.ts';
import { adjoins, heldPart, PART_FIELDS, partOf } from './parts.ts';
import { updatedFields } from './revalidation.ts';
import type { ReceivedResponse } from './storable.ts';
import type { StoredResponse } from './stored-response.ts';
import { entityTagOf } from './validators.ts';

export interface JoinedParts {
  /** 200 once it is whole, else 206. */
  readonly response: ReceivedResponse;
  /** How many bytes of the stored body go before those that came, and from which of its bytes on it goes on after. */
  readonly bytesBefore: number;
  readonly restFrom: number;
}

/**
 * null where they may not be joined: they are not of the same strong tag, of the same length and coding, and without a gap
 * between them. `bodyBytes`: of the stored body, which may be whole. O(fields).
 */
export function joinParts(
  stored: StoredResponse,
  bodyBytes: number,
  { status, fields }: ReceivedResponse,
  receivedAt: number,
): JoinedParts | null {
  const came = status === 206 ? partOf(fields) : null;
  if (came === null || !isSameRepresentation(stored, fields)) return null;
  const held = heldPart(stored, bodyBytes);
  if (held.completeBytes !== came.completeBytes || !adjoins(held, came)) return null;
  const union: Part = {
    first: Math.min(held.first, came.first),
    last: Math.max(held.last, came.last),
    completeBytes: held.completeBytes,
  };
  return {
    response: responseOf(union, updatedFields(stored.fields, { fields, receivedAt })),
    bytesBefore: Math.max(0, came.first - held.first),
    restFrom: Math.min(bodyBytes, came.last + 1 - held.first),
  };
}

/** The whole, of a stored beginning and just what was asked for to follow it (`fieldsForRest`); null: they are not. */
export function joinRest(
  stored: StoredResponse,
  bodyBytes: number,
  rest: ReceivedResponse,
  receivedAt: number,
): ReceivedResponse | null {
  const joined = joinParts(stored, bodyBytes, rest, receivedAt);
  const isAllOfIt = joined?.response.status === 200 && joined.bytesBefore === bodyBytes;
  return isAllOfIt ? joined.response : null;
}

/** "if they all share the same strong validator". A field that the part does not repeat is as it was. */
function isSameRepresentation(stored: StoredResponse, fields: Fields): boolean {
  const [ours, theirs] = [entityTagOf(stored.fields), entityTagOf(fields)];
  if (ours === null || theirs === null || !strongMatch(ours, theirs)) return false;
  const coding = fieldValue(fields, 'content-encoding');
  // Some origins give one tag to two codings of a text.
  if (coding !== undefined && coding !== fieldValue(stored.fields, 'content-encoding')) return false;
  return (
    fieldLines(fields, 'vary').length === 0 || String(varyNames(fields)) === String(varyNames(stored.fields))
  );
}

function responseOf(union: Part, fields: Fields): ReceivedResponse {
  const length = ['content-length', String(rangeBytes(union))] as const;
  const kept = fields.filter(([name]) => !PART_FIELDS.includes(name));
  if (rangeBytes(union) === union.completeBytes) return { status: 200, fields: [...kept, length] };
  const range = ['content-range', contentRange(union, union.completeBytes)] as const;
  return { status: 206, fields: [...kept, range, length] };
}
