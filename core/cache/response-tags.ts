// The tags of a response, by which it may be purged: those of the route's tags header (as other caches have it: a comma
// list), and its cache groups (RFC 9875). A tag means the same on every host; a group belongs to its origin ("same
// origin", §2.1), so it is kept beside that: a purge of a tag of the same name does not reach it.
import { parseList } from 'structured-headers';
import { trimBlanks } from '../http/field-syntax.ts';
import { type Fields, fieldLines } from '../http/fields.ts';
import type { Target } from '../http/target.ts';
import { urlsToInvalidate } from './invalidation.ts';

export interface TagOptions {
  /** Name of the header, in any case. */
  readonly tagsHeader: string;
  readonly cacheGroups: boolean;
}

export type ResponseTags =
  | { readonly type: 'tags'; readonly tags: readonly string[] }
  /** What could not be purged by all of its tags is not stored. */
  | { readonly type: 'refused'; readonly reason: 'too-many-tags' };

/** Of one response; RFC 9875 §2 asks for 32 groups at least. */
const TAGS_MAX = 256;
/** As long as a purge may name. */
const TAG_LENGTH_MAX = 1_024;

/** Of a response for this target. O(length). */
export function tagsOf(
  fields: Fields,
  target: Pick<Target, 'scheme' | 'host'>,
  { tagsHeader, cacheGroups }: TagOptions,
): ResponseTags {
  const tags = new Set<string>();
  for (const line of fieldLines(fields, tagsHeader.toLowerCase())) {
    for (const member of line.split(',')) {
      const tag = trimBlanks(member);
      if (tag !== '') tags.add(tag);
    }
  }
  for (const group of cacheGroups ? groupsIn(fields, 'cache-groups') : []) {
    tags.add(groupTag(target, group));
  }
  const isTooMuch = tags.size > TAGS_MAX || [...tags].some((tag) => tag.length > TAG_LENGTH_MAX);
  return isTooMuch ? { type: 'refused', reason: 'too-many-tags' } : { type: 'tags', tags: [...tags] };
}

export interface GroupExchange {
  readonly target: Target;
  readonly method: string;
  readonly status: number;
  /** Of the response. */
  readonly fields: Fields;
}

/**
 * RFC 9875 §3: "A cache that receives a Cache-Group-Invalidation header field on a response to an unsafe request MAY
 * invalidate any stored responses that share groups (per Section 2.1) with any of the listed groups"; "MUST be ignored
 * on responses to requests that have a safe method". Those of the same origin only: as tags. O(length).
 */
export function groupTagsToInvalidate(exchange: GroupExchange): string[] {
  // Safe methods and errors invalidate nothing at all.
  if (urlsToInvalidate(exchange).length === 0) return [];
  const groups = groupsIn(exchange.fields, 'cache-group-invalidation');
  return groups.slice(0, TAGS_MAX).map((group) => groupTag(exchange.target, group));
}

/**
 * What somebody who purges a group by hand names. No tag of a list looks like it unless it is meant to; and then the
 * response that carries it has only put itself into the group.
 */
function groupTag({ scheme, host }: Pick<Target, 'scheme' | 'host'>, group: string): string {
  return `${scheme}://${host} ${group}`;
}

/** RFC 9875 §2: a List of Strings, parameters ignored; what is none is ignored as a whole (RFC 9651 §4.2). */
function groupsIn(fields: Fields, name: 'cache-groups' | 'cache-group-invalidation'): string[] {
  const lines = fieldLines(fields, name);
  if (lines.length === 0) return [];
  try {
    const members = parseList(lines.join(', ')).map(([value]) => value);
    const groups = members.filter((value): value is string => typeof value === 'string');
    return groups.length === members.length ? groups : [];
  } catch {
    return [];
  }
}
