// If-Match and If-None-Match as sent: "*" or a list of entity tags (RFC 9110 §13.1).
import { Problem } from './problem.ts';

export interface EntityTag {
  /** The text between the quotes. */
  readonly tag: string;
  readonly weak: boolean;
}

export type TagCondition =
  | { readonly type: 'any' }
  | { readonly type: 'tags'; readonly tags: readonly EntityTag[] };

/** Null when the field is absent; throws 400 when it is neither "*" nor a list of tags. O(length). */
export function tagCondition(headers: Headers, name: 'If-Match' | 'If-None-Match'): TagCondition | null {
  const value = headers.get(name);
  if (value === null) return null;
  if (value.trim() === '*') return { type: 'any' };
  const tags: EntityTag[] = [];
  const item = /\s*(W\/)?"([\x21\x23-\x7e\x80-\uffff]*)"\s*(,|$)|\s*,/y;
  while (item.lastIndex < value.length) {
    const match = item.exec(value);
    if (!match) throw malformed(name, value);
    if (match[2] !== undefined) tags.push({ tag: match[2], weak: match[1] !== undefined });
  }
  if (tags.length === 0) throw malformed(name, value);
  return { type: 'tags', tags };
}

function malformed(name: string, value: string): Problem {
  const message = 'must be "*" or a list of entity tags in quotes';
  return new Problem('bad-header', `${name}: ${message}, not ${value.slice(0, 100)}`, {
    errors: [{ path: name, message }],
  });
}

/** Strong comparison (RFC 9110 §8.8.3.2): weak tags match nothing. `current` null: there is no representation. */
export function matchesStrongly(condition: TagCondition, current: string | null): boolean {
  if (current === null) return false;
  return condition.type === 'any' || condition.tags.some(({ tag, weak }) => !weak && tag === current);
}

/** Weak comparison: for If-None-Match. */
export function matchesWeakly(condition: TagCondition, current: string | null): boolean {
  if (current === null) return false;
  return condition.type === 'any' || condition.tags.some(({ tag }) => tag === current);
}
