// What a client asks of a read, as one group has to see it. The levels are promises to a session; a group knows only
// itself, so the part of the client's bookmark that names it comes along.
import type { Bookmark } from './bookmark.ts';
import type { ReadLevel } from './messages.ts';
import { isNewer, type Viewstamp } from './viewstamp.ts';

export const CONSISTENCY_LEVELS = ['linearizable', 'session', 'bounded', 'any'] as const;

export type Consistency = (typeof CONSISTENCY_LEVELS)[number];

/** What one client wants of its reads, whichever groups they go to. */
export interface ReadWish {
  readonly level: Consistency;
  /** What it sent: it may name groups that are gone or foreign. */
  readonly bookmark: Bookmark;
}

export type ReadNeed =
  | { readonly level: 'linearizable' | 'bounded' | 'any' }
  /** At least as new as what the session has seen of this group. */
  | { readonly level: 'session'; readonly seen: Viewstamp };

export const LINEARIZABLE: ReadWish = { level: 'linearizable', bookmark: {} };

/** Of a member's read. An edge of an older version does not say what it needs: then it gets all there is. */
export function promiseOf(need: ReadNeed | undefined): { level: ReadLevel; bookmark: Viewstamp | null } {
  if (need === undefined) return { level: 'linearizable', bookmark: null };
  return { level: need.level, bookmark: need.level === 'session' ? need.seen : null };
}

/** What the asker itself knows to be there must be seen too, where the level knows a bound at all. O(1). */
export function atLeast(need: ReadNeed, seen: Viewstamp | null): ReadNeed {
  if (seen === null || need.level === 'linearizable' || need.level === 'any') return need;
  return need.level === 'session' && isNewer(need.seen, seen) ? need : { level: 'session', seen };
}

/** A session that never saw this group could see it go backwards by anything less than a linearizable read. O(1). */
export function needOf({ level, bookmark }: ReadWish, groupId: string): ReadNeed {
  if (level !== 'session') return { level };
  const seen = Object.hasOwn(bookmark, groupId) ? bookmark[groupId] : undefined;
  return seen === undefined ? { level: 'linearizable' } : { level, seen };
}

/** Whether a copy that an isolate remembers from before may answer: where a bound, or nothing, was promised. O(1). */
export function allowsCopies(level: Consistency): boolean {
  return level === 'bounded' || level === 'any';
}
