// A bookmark names what a session has seen: for each group it touched, the last op. It is opaque to clients, who
// send the last one back; answers merge into it. As text: `b1.` and `GROUP~VIEW~OP` joined by `.`, group ids
// percent-encoded, numbers in base 36; fit for a header field as it is.
import { isNewer, type Viewstamp } from './viewstamp.ts';

export type Bookmark = Readonly<Record<string, Viewstamp>>;

export type BookmarkReading =
  | { readonly type: 'bookmark'; readonly bookmark: Bookmark }
  | { readonly type: 'refused'; readonly reason: 'too-long' | 'unknown-version' | 'malformed' };

/** Characters; some 150 groups. */
export const BOOKMARK_LENGTH_MAX = 4096;

const VERSION = 'b1';
const GROUP = /^[A-Za-z0-9_%!'()*-]+$/;
const PLAIN_GROUP = /^[A-Za-z0-9_-]+$/;
const NUMBER = /^(0|[1-9a-z][0-9a-z]{0,9})$/;

/** Groups in code-unit order, so equal bookmarks give equal texts. O(groups log groups). */
export function encodeBookmark(bookmark: Bookmark): string {
  const parts = Object.entries(bookmark)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, { view, op }]) => `${nameOf(group)}~${view.toString(36)}~${op.toString(36)}`);
  return [VERSION, ...parts].join('.');
}

function nameOf(group: string): string {
  // As ours all are.
  if (PLAIN_GROUP.test(group)) return group;
  return encodeURIComponent(group).replaceAll('.', '%2E').replaceAll('~', '%7E');
}

/** What a client sent: never trusted, refused by name when it is not one of ours. O(length). */
export function decodeBookmark(text: string): BookmarkReading {
  if (text.length > BOOKMARK_LENGTH_MAX) return { type: 'refused', reason: 'too-long' };
  const [version, ...parts] = text.split('.');
  if (version !== VERSION) {
    return { type: 'refused', reason: /^b\d+$/.test(version ?? '') ? 'unknown-version' : 'malformed' };
  }
  const groups = new Map<string, Viewstamp>();
  for (const part of parts) {
    const read = readGroup(part);
    if (read === null || groups.has(read.group)) return { type: 'refused', reason: 'malformed' };
    groups.set(read.group, read.stamp);
  }
  return { type: 'bookmark', bookmark: Object.fromEntries(groups) };
}

/** For each group the newer of the two; neither argument changes. O(groups). */
export function mergeBookmarks(a: Bookmark, b: Bookmark): Bookmark {
  const merged = new Map(Object.entries(a));
  for (const [group, stamp] of Object.entries(b)) {
    const known = merged.get(group);
    if (known === undefined || isNewer(stamp, known)) merged.set(group, stamp);
  }
  return Object.fromEntries(merged);
}

function readGroup(part: string): { group: string; stamp: Viewstamp } | null {
  const [name, view, op, ...more] = part.split('~');
  if (name === undefined || view === undefined || op === undefined || more.length > 0) return null;
  if (!GROUP.test(name) || !NUMBER.test(view) || !NUMBER.test(op)) return null;
  const stamp = { view: Number.parseInt(view, 36), op: Number.parseInt(op, 36) };
  if (!Number.isSafeInteger(stamp.view) || !Number.isSafeInteger(stamp.op)) return null;
  try {
    return { group: decodeURIComponent(name), stamp };
  } catch {
    return null;
  }
}
