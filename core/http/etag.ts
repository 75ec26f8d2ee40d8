// Entity tags and their two comparisons (RFC 9110 §8.8.3).

export interface EntityTag {
  readonly weak: boolean;
  /** Between the quotes. */
  readonly opaque: string;
}

/** RFC 9110 §8.8.3: `etagc` is any visible character but the quote; backslashes escape nothing here. */
const ENTITY_TAG = /(W\/)?"([\x21\x23-\x7e\u0080-\uffff]*)"/y;

/** One tag and nothing else; null otherwise (unquoted, lower-case "w/", blanks inside). */
export function parseEntityTag(text: string): EntityTag | null {
  const found = tagAt(text, 0);
  return found !== null && found.end === text.length ? found.tag : null;
}

/** The value of If-None-Match or If-Match: "*", or a list of tags; null when it is neither. O(n). */
export function parseEntityTagList(text: string): '*' | readonly EntityTag[] | null {
  if (text === '*') return '*';
  const tags: EntityTag[] = [];
  let position = 0;
  while (position < text.length) {
    // RFC 9110 §5.6.1.2: empty members are ignored.
    if (' \t,'.includes(text.charAt(position))) {
      position++;
      continue;
    }
    const found = tagAt(text, position);
    if (found === null) return null;
    tags.push(found.tag);
    position = found.end;
    while (' \t'.includes(text.charAt(position)) && position < text.length) position++;
    if (position < text.length && text[position] !== ',') return null;
  }
  return tags.length === 0 ? null : tags;
}

/** RFC 9110 §8.8.3.2: neither is weak and the opaque parts are equal. */
export function strongMatch(a: EntityTag, b: EntityTag): boolean {
  return !a.weak && !b.weak && a.opaque === b.opaque;
}

/** RFC 9110 §8.8.3.2: the opaque parts are equal. */
export function weakMatch(a: EntityTag, b: EntityTag): boolean {
  return a.opaque === b.opaque;
}

function tagAt(text: string, position: number): { tag: EntityTag; end: number } | null {
  ENTITY_TAG.lastIndex = position;
  const match = ENTITY_TAG.exec(text);
  if (match === null) return null;
  return { tag: { weak: match[1] !== undefined, opaque: match[2] ?? '' }, end: ENTITY_TAG.lastIndex };
}
