// One page of a listing out of the pages of all shards. Each shard's page is complete up to a name of its own, so the
// whole is complete up to the least of them.
import { compareTexts } from './text-order.ts';

export interface Page<E extends { readonly name: string }> {
  /** By name. */
  readonly entries: readonly E[];
  /** Complete up to this name; null = to the end. */
  readonly upTo: string | null;
}

/** At most `limit` entries, by name, and how far they reach. O(entries log entries). */
export function mergePages<E extends { readonly name: string }>(
  pages: readonly Page<E>[],
  limit: number,
): Page<E> {
  let upTo: string | null = null;
  for (const page of pages) {
    if (page.upTo !== null && (upTo === null || compareTexts(page.upTo, upTo) < 0)) upTo = page.upTo;
  }
  const end = upTo;
  const entries = pages
    .flatMap((page) => page.entries)
    .filter(({ name }) => end === null || compareTexts(name, end) <= 0)
    .sort((a, b) => compareTexts(a.name, b.name));
  const last = entries[limit - 1];
  return entries.length > limit && last !== undefined
    ? { entries: entries.slice(0, limit), upTo: last.name }
    : { entries, upTo };
}
