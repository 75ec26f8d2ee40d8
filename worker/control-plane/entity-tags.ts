// If-Match and If-None-Match of a request (RFC 9110 §13.1): read, refused when malformed, compared with what is there.
import { type EntityTag, parseEntityTagList, strongMatch, weakMatch } from '../../core/http/etag.ts';
import { Problem } from './problem.ts';

export type TagCondition = '*' | readonly EntityTag[];

/** Null when the field is absent; throws 400 when it is neither "*" nor a list of tags. O(length). */
export function tagCondition(headers: Headers, name: 'If-Match' | 'If-None-Match'): TagCondition | null {
  const value = headers.get(name);
  if (value === null) return null;
  const condition = parseEntityTagList(value);
  if (condition !== null) return condition;
  const message = 'must be "*" or a list of entity tags in quotes';
  throw new Problem('bad-header', `${name}: ${message}, not ${value.slice(0, 100)}`, {
    errors: [{ path: name, message }],
  });
}

/** For If-Match. `current`: opaque text of the current (strong) tag, null when there is no representation. */
export function matchesStrongly(condition: TagCondition, current: string | null): boolean {
  return matches(condition, current, strongMatch);
}

/** For If-None-Match. */
export function matchesWeakly(condition: TagCondition, current: string | null): boolean {
  return matches(condition, current, weakMatch);
}

function matches(
  condition: TagCondition,
  current: string | null,
  equal: (a: EntityTag, b: EntityTag) => boolean,
): boolean {
  if (current === null) return false;
  return condition === '*' || condition.some((tag) => equal(tag, { weak: false, opaque: current }));
}
