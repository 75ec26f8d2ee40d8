// The answer that a stored response gives: whole, without its body, or "not modified" where the client's own copy will
// do (RFC 9111 §4, §4.3.2).
import { parseEntityTagList, weakMatch } from '../http/etag.ts';
import { type Fields, fieldLines, fieldValue } from '../http/fields.ts';
import { parseHttpDate } from '../http/http-date.ts';
import type { CacheableRequest } from './bypass.ts';
import { ageSecondsOf } from './reuse.ts';
import type { StoredResponse } from './stored-response.ts';
import { entityTagOf, lastModifiedAt } from './validators.ts';

export interface StoredAnswer {
  readonly status: number;
  readonly fields: Fields;
  /** False for HEAD and for 304. */
  readonly withBody: boolean;
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

/** O(fields). */
export function answerFromStored(
  stored: StoredResponse,
  request: CacheableRequest,
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
    return { status: 304, fields: [...kept, age], withBody: false };
  }
  return { status: stored.status, fields: [...stored.fields, age], withBody: request.method !== 'HEAD' };
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
