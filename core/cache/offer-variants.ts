// A request that none of a URL's stored variants answers: the origin is offered the tags of all of them, and may say that
// one of them is what it would send (RFC 9111 §4.3.1, §4.3.2; RFC 9110 §13.1.2). Then nothing but a head has travelled,
// and that response is stored for requests like this one, too.
import { parseEntityTagList, strongMatch, weakMatch } from '../http/etag.ts';
import { type Fields, fieldLines, fieldValue } from '../http/fields.ts';
import { isSameSelection, isUndecodable, selectingFields, varyNames } from '../http/vary.ts';
import type { CachePolicy } from './policy.ts';
import type { KeyedRequest } from './reuse.ts';
import type { Freshened, NotModified } from './revalidation.ts';
import { updatedFields } from './revalidation.ts';
import { judge, variantOf } from './storable.ts';
import type { StoredResponse } from './stored-response.ts';
import { entityTagOf } from './validators.ts';

const TAGS_MAX = 16;
const BYTES_MAX = 1_024;

/** Tags as they were given, the newest response's first; empty: there is nothing to offer. O(variants × fields). */
export function tagsToOffer(request: KeyedRequest, stored: readonly StoredResponse[]): readonly string[] {
  const { method, fields } = request;
  const asked = fieldValue(fields, 'if-none-match');
  // What cannot be read stays alone, and a date of the client's would be ignored beside tags of ours.
  const isAlone =
    asked === undefined
      ? fieldLines(fields, 'if-modified-since').length > 0
      : !Array.isArray(parseEntityTagList(asked));
  if (method !== 'GET' || isAlone) return [];
  const tags = new Set<string>();
  let bytes = 0;
  const newestFirst = [...stored].sort((a, b) => b.dateAt - a.dateAt || b.receivedAt - a.receivedAt);
  for (const candidate of newestFirst) {
    const tag = fieldLines(candidate.fields, 'etag')[0] ?? '';
    if (!mayBeOffered(candidate, request) || tags.has(tag)) continue;
    bytes += tag.length + 2;
    if (tags.size === TAGS_MAX || bytes > BYTES_MAX) break;
    tags.add(tag);
  }
  return [...tags];
}

/**
 * Only what could be the answer: whole ("If a stored response contains only partial content, the cache MUST NOT include
 * its entity tag"), of the same key, with a strong tag. Some origins give one tag to what they send to different people,
 * or in different codings; so neither what varies by who asks is offered, nor a coding that was not asked for.
 */
function mayBeOffered(stored: StoredResponse, { fields, keyParts }: KeyedRequest): boolean {
  const tag = entityTagOf(stored.fields);
  if (tag === null || tag.weak || stored.part !== null || stored.status !== 200) return false;
  if (!isSameSelection(stored.keyParts, keyParts)) return false;
  if (stored.vary.some(([name]) => name === 'cookie' || name === 'authorization')) return false;
  if (fieldLines(fields, 'authorization').length > 0 && !stored.servesAuthorized) return false;
  const coding = fieldValue(stored.fields, 'content-encoding');
  return coding === undefined || asksFor(coding, fieldValue(fields, 'accept-encoding') ?? '');
}

/** By name, and not refused (RFC 9110 §12.5.3). */
function asksFor(coding: string, acceptEncoding: string): boolean {
  return acceptEncoding.split(',').some((member) => {
    const [name = '', ...parameters] = member.split(';').map((text) => text.trim().toLowerCase());
    return name === coding.toLowerCase() && !parameters.some((text) => /^q=0(?:\.0*)?$/.test(text));
  });
}

/** RFC 9111 §4.3.2: "the cache MAY combine the received list with a list of entity tags from its own stored set". */
export function fieldsToOffer(requestFields: Fields, tags: readonly string[]): Fields {
  const asked = fieldLines(requestFields, 'if-none-match');
  const others = requestFields.filter(([name]) => name !== 'if-none-match');
  return [...others, ['if-none-match', [...asked, ...tags].join(', ')]];
}

/** The tag that a 304 names, where that is one of those offered; null: it speaks of something else. */
export function offeredTag(notModified: Fields, offered: readonly string[]): string | null {
  const tag = entityTagOf(notModified);
  const line = fieldLines(notModified, 'etag')[0] ?? '';
  return tag !== null && !tag.weak && offered.includes(line) ? line : null;
}

/** The 304 names what the client has itself: it is the answer. Without a tag it may as well be about one of ours. */
export function isOfClient(notModified: Fields, requestFields: Fields): boolean {
  const tags = parseEntityTagList(fieldValue(requestFields, 'if-none-match') ?? '');
  const theirs = entityTagOf(notModified);
  return theirs !== null && tags !== '*' && (tags ?? []).some((tag) => weakMatch(tag, theirs));
}

/**
 * RFC 9111 §4.3.4: the stored response that a 304 has chosen by its strong tag, renewed and for requests like this one.
 * O(fields).
 */
export function adopt(
  stored: StoredResponse,
  { fields: requestFields, keyParts }: KeyedRequest,
  notModified: NotModified,
  policy: CachePolicy,
): Freshened {
  const [theirs, ours] = [entityTagOf(notModified.fields), entityTagOf(stored.fields)];
  if (theirs === null || ours === null || !strongMatch(theirs, ours)) return { type: 'mismatch' };
  const fields = updatedFields(stored.fields, notModified);
  const names = varyNames(fields);
  const vary = names === '*' ? [] : selectingFields(names, requestFields);
  if (names === '*' || isUndecodable(vary)) return { type: 'mismatch' };
  const { requestedAt, receivedAt, authorized = false } = notModified;
  const cookied = fieldLines(requestFields, 'cookie').length > 0;
  const context = { keyParts, vary, part: null, authorized, cookied, requestedAt, receivedAt };
  const judged = judge({ status: stored.status, fields }, context, policy);
  if (judged.type === 'storable') {
    const { stored: renewed, variant, keepMs } = judged;
    return { type: 'freshened', stored: renewed, variant, keepMs, notStoredReason: null };
  }
  const once = { ...stored, fields, vary, requestedAt, receivedAt };
  const { reason: notStoredReason } = judged;
  return { type: 'freshened', stored: once, variant: variantOf(once), keepMs: 0, notStoredReason };
}

/** The newest response of that tag that may be offered to this request; null: it is not here any more. */
export function storedWithTag(
  request: KeyedRequest,
  stored: readonly StoredResponse[],
  tag: string,
): number | null {
  let found: number | null = null;
  for (const [i, candidate] of stored.entries()) {
    if (fieldLines(candidate.fields, 'etag')[0] !== tag || !mayBeOffered(candidate, request)) continue;
    if (found === null || candidate.dateAt > (stored[found]?.dateAt ?? 0)) found = i;
  }
  return found;
}
