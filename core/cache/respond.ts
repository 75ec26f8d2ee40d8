// The answer that a stored response gives: whole, a part of it, without its body, or "not modified" where the client's
// own copy will do (RFC 9111 §4, §4.3.2; RFC 9110 §13.2.2 for the order of conditions).
import { parseEntityTag, parseEntityTagList, strongMatch, weakMatch } from '../http/etag.ts';
import { type Fields, fieldLines, fieldValue } from '../http/fields.ts';
import { parseHttpDate } from '../http/http-date.ts';
import { type ByteRange, contentRange, type RequestedRanges, requestedRanges } from '../http/ranges.ts';
import type { CacheableRequest } from './bypass.ts';
import { heldPart } from './parts.ts';
import { ageSecondsOf, type StoredResponse } from './stored-response.ts';
import { entityTagOf, lastModifiedAt } from './validators.ts';

export type AnswerBody =
  /** HEAD, 304 and 416. */
  | { readonly type: 'none' }
  | { readonly type: 'whole' }
  /** `range`: of the stored body. */
  | { readonly type: 'range'; readonly range: ByteRange }
  /** RFC 9110 §14.6; `contentType` of each part, null where the response names none. */
  | {
      readonly type: 'ranges';
      readonly ranges: readonly RangeOfBody[];
      readonly contentType: string | null;
    };

export interface RangeOfBody {
  /** Of the stored body. */
  readonly range: ByteRange;
  readonly contentRange: string;
}

export interface StoredAnswer {
  readonly status: number;
  /** Without Content-Length where the body is not the whole, and without Content-Type of several ranges. */
  readonly fields: Fields;
  readonly body: AnswerBody;
}

/** RFC 9110 §15.4.5: what a 304 must carry of what a 200 would have, and what is said of its age and its way here. */
const NOT_MODIFIED_FIELDS = new Set([
  'cache-control',
  'content-location',
  'date',
  'etag',
  'expires',
  'vary',
  'via',
  'cache-status',
]);

/** Several ranges are put together in memory: of a larger body the whole is sent, as RFC 9110 §14.2 permits. */
const MULTIPART_BYTES_MAX = 4_194_304;

/**
 * `bodyBytes`: of the stored body. O(fields). Throws where the stored body is a part that does not answer the request
 * (`canAnswer`): what is incomplete is never shown as the whole.
 */
export function answerFromStored(
  stored: StoredResponse,
  request: CacheableRequest,
  bodyBytes: number,
  nowMs: number,
): StoredAnswer {
  // RFC 9111 §4: "When a stored response is used to satisfy a request without validation, a cache MUST generate an Age
  // header field"; with validation it does no harm.
  const age = ['age', String(ageSecondsOf(stored, nowMs))] as const;
  if (isNotModified(stored, request, nowMs)) {
    const hasTag = entityTagOf(stored.fields) !== null;
    const kept = stored.fields.filter(
      // RFC 9110 §15.4.5: Last-Modified only where there is no tag to go by.
      ([name]) => NOT_MODIFIED_FIELDS.has(name) || (name === 'last-modified' && !hasTag),
    );
    return { status: 304, fields: [...kept, age], body: { type: 'none' } };
  }
  const fields = [...stored.fields, age];
  // RFC 9110 §14.2: "A server MUST ignore a Range header field received with a request method that is unrecognized or
  // for which range handling is not defined. For this specification, GET is the only method".
  if (request.method === 'HEAD') return { status: stored.status, fields, body: { type: 'none' } };
  const part = partOf(stored, request, fields, bodyBytes, nowMs);
  if (part !== null) return part;
  if (stored.part !== null) throw new Error('Cannot answer with a part what is not asked of that part');
  return { status: stored.status, fields, body: { type: 'whole' } };
}

/**
 * True where nothing but the whole of it can be the answer, with the status and fields as stored and Age: for those who
 * keep such answers. O(fields).
 */
export function isWholeAsked({ part }: StoredResponse, { method, fields }: CacheableRequest): boolean {
  return method === 'GET' && part === null && !fields.some(([name]) => ASK_OTHERWISE.has(name));
}

const ASK_OTHERWISE = new Set(['range', 'if-none-match', 'if-modified-since']);

/** RFC 9111 §3.3: a part answers what asks for bytes of it, and whoever has the same representation already. */
export function canAnswer(stored: StoredResponse, request: CacheableRequest, nowMs: number): boolean {
  if (stored.part === null || isNotModified(stored, request, nowMs)) return true;
  if (request.method !== 'GET') return false;
  const asked = rangesAsked(stored, request, stored.part.completeBytes, nowMs);
  const { first, last } = stored.part;
  return (
    asked !== null &&
    (asked.type === 'unsatisfiable' ||
      asked.ranges.every((range) => first <= range.first && range.last <= last))
  );
}

/** RFC 9110 §13.2.2 step 5; null: the whole. */
function partOf(
  stored: StoredResponse,
  request: CacheableRequest,
  fields: Fields,
  bodyBytes: number,
  nowMs: number,
): StoredAnswer | null {
  const { first: heldFirst, completeBytes } = heldPart(stored, bodyBytes);
  const asked = rangesAsked(stored, request, completeBytes, nowMs);
  if (asked === null) return null;
  if (asked.type === 'unsatisfiable') {
    const kept = fields.filter(([name]) => name === 'age' || name === 'date');
    const none = ['content-range', contentRange(null, completeBytes)] as const;
    return { status: 416, fields: [...kept, none], body: { type: 'none' } };
  }
  const ranges = asked.ranges.map(({ first, last }) => ({
    range: { first: first - heldFirst, last: last - heldFirst },
    contentRange: contentRange({ first, last }, completeBytes),
  }));
  const [one] = ranges;
  if (ranges.length === 1 && one !== undefined) {
    const kept = without(fields, 'content-length', 'content-range');
    const which = ['content-range', one.contentRange] as const;
    return { status: 206, fields: [...kept, which], body: { type: 'range', range: one.range } };
  }
  const kept = without(fields, 'content-length', 'content-range', 'content-type');
  const contentType = fieldLines(fields, 'content-type')[0] ?? null;
  return { status: 206, fields: kept, body: { type: 'ranges', ranges, contentType } };
}

/**
 * null: the whole is asked for, or to be sent. RFC 9110 §13.2.2: "the result … would be a 200 (OK) response": nothing
 * else has ranges.
 */
function rangesAsked(
  stored: StoredResponse,
  request: CacheableRequest,
  completeBytes: number,
  nowMs: number,
): Exclude<RequestedRanges, { type: 'ignored' }> | null {
  const value = fieldValue(request.fields, 'range');
  const hasRanges = stored.status === 200 || stored.part !== null;
  if (value === undefined || !hasRanges || !ifRangeHolds(stored, request, nowMs)) return null;
  const asked = requestedRanges(value, completeBytes);
  if (asked.type === 'ignored') return null;
  const isMany = asked.type === 'ranges' && asked.ranges.length > 1;
  return isMany && completeBytes > MULTIPART_BYTES_MAX ? null : asked;
}

function without(fields: Fields, ...names: readonly string[]): Fields {
  return fields.filter(([name]) => !names.includes(name));
}

/**
 * RFC 9110 §13.1.5: "if the validator given … matches the current validator": a strong tag by the strong comparison,
 * or exactly our Last-Modified, where that is strong (§8.8.2.2: a second or more before Date).
 */
function ifRangeHolds(stored: StoredResponse, { fields }: CacheableRequest, nowMs: number): boolean {
  const lines = fieldLines(fields, 'if-range');
  const [line] = lines;
  if (line === undefined) return true;
  if (lines.length > 1) return false;
  const tag = parseEntityTag(line);
  if (tag !== null) {
    const own = entityTagOf(stored.fields);
    return own !== null && strongMatch(tag, own);
  }
  const sinceAt = parseHttpDate(line, nowMs);
  const modifiedAt = lastModifiedAt(stored.fields, nowMs);
  return sinceAt !== null && sinceAt === modifiedAt && stored.dateAt - modifiedAt >= 1_000;
}

/** RFC 9110 §13.2.2 steps 3 and 4 for GET and HEAD; §13.2.1: only where the answer would else be 2xx. */
function isNotModified(stored: StoredResponse, request: CacheableRequest, nowMs: number): boolean {
  if (stored.status < 200 || stored.status > 299) return false;

  // RFC 9110 §13.1.2: "false if one of the listed tags matches the entity tag of the selected representation", weakly.
  const ifNoneMatch = fieldValue(request.fields, 'if-none-match');
  if (ifNoneMatch !== undefined) {
    const tags = parseEntityTagList(ifNoneMatch);
    if (tags === '*') return true;
    const own = entityTagOf(stored.fields);
    return own !== null && (tags ?? []).some((tag) => weakMatch(tag, own));
  }

  // RFC 9110 §13.1.3: ignored when it is no valid date, and beside If-None-Match.
  const ifModifiedSince = fieldLines(request.fields, 'if-modified-since');
  if (ifModifiedSince.length !== 1) return false;
  const sinceAt = parseHttpDate(ifModifiedSince[0] ?? '', nowMs);
  if (sinceAt === null) return false;
  // RFC 9111 §4.3.2: Date, or else the time of receipt, stands in for a missing Last-Modified.
  return (lastModifiedAt(stored.fields, nowMs) ?? stored.dateAt) <= sinceAt;
}
