// What a purge covers, as one text: the scope under which its stamps are kept. One row per scope and shard, whatever
// the number of entries; nothing is looked through when a purge comes. Instead every use of a row asks for the scopes
// that cover it: its URL, each prefix of that at a segment's end, each of its tags, its namespace.
//
// What covers what: `all`, `prefix` and `url` cover HTTP entries only, `namespace` key-value pairs only, `tag` both
// (whoever tags a pair wants it to be found so). Rejected: an index from tags to rows, which costs a written row for
// each tag of each entry and one for each entry at the purge.
import { prefixesOf } from '../http/url-prefix.ts';
import { isKvEntryKey, namespaceOf, urlOf } from '../sharding/entry-key.ts';
import type { PurgeSelector } from './commands.ts';
import { DEDUPE_LIFE_MS, SOFT_LIFE_MS } from './limits.ts';
import type { Invalidation, PurgeStamp, RowHead } from './store.ts';
import { isNewer, sameViewstamp, type Viewstamp } from './viewstamp.ts';

export type ScopeKind = PurgeSelector['type'];

export const NO_INVALIDATIONS: Readonly<Record<ScopeKind, number>> = {
  all: 0,
  tag: 0,
  prefix: 0,
  url: 0,
  namespace: 0,
};

/** `KIND:NAME`. O(length). */
export function scopeOf(selector: PurgeSelector): string {
  switch (selector.type) {
    case 'all':
      return 'all:';
    case 'tag':
      return `tag:${selector.tag}`;
    case 'prefix':
      return `prefix:${selector.prefix}`;
    case 'url':
      return `url:${urlOf(selector.key)}`;
    case 'namespace':
      return `namespace:${selector.namespace}`;
  }
}

export function kindOfScope(scope: string): ScopeKind {
  return scope.slice(0, scope.indexOf(':')) as ScopeKind;
}

/** The scopes that cover a row, of the kinds asked for. O(tags + segments). */
export function scopesOver(
  { key, tags }: Pick<RowHead, 'key' | 'tags'>,
  mayHave: (kind: ScopeKind) => boolean,
): string[] {
  const scopes: string[] = [];
  if (mayHave('tag')) for (const tag of tags) scopes.push(`tag:${tag}`);
  if (isKvEntryKey(key)) {
    if (mayHave('namespace')) scopes.push(`namespace:${namespaceOf(key)}`);
    return scopes;
  }
  if (mayHave('all')) scopes.push('all:');
  if (mayHave('url')) scopes.push(`url:${urlOf(key)}`);
  if (mayHave('prefix')) for (const prefix of prefixesOf(urlOf(key))) scopes.push(`prefix:${prefix}`);
  return scopes;
}

/**
 * Whether a row is older than a stamp. An HTTP entry is as old as its token, which names an op. A key-value pair is as
 * old as its write, and of two commands in one op the one that stands later is newer. O(1).
 */
export function isOlder(row: RowHead, stamp: PurgeStamp): boolean {
  if (!isKvEntryKey(row.key)) return isNewer(stamp, row.born);
  const { viewstamp, item } = row;
  return isNewer(stamp, viewstamp) || (sameViewstamp(stamp, viewstamp) && stamp.item > item);
}

/** Whether a purge of either kind is newer than what a fetch began with. */
export function isNewerThanToken({ hard, soft }: Invalidation, token: Viewstamp): boolean {
  return (hard !== null && isNewer(hard, token)) || (soft !== null && isNewer(soft, token));
}

/** A repetition of the purge must find it, and rows that it made stale must not be fresh again. Logged time. */
export function dueToGoAt({ hard, soft }: Invalidation): number {
  const hardUntil = hard === null ? 0 : hard.t + DEDUPE_LIFE_MS;
  const softUntil = soft === null ? 0 : soft.t + SOFT_LIFE_MS;
  return Math.max(hardUntil, softUntil);
}

/** There is one: an invalidation without a stamp is never kept. */
export function newestStamp({ scope, hard, soft }: Invalidation): PurgeStamp {
  const newest = hard !== null && (soft === null || isNewer(hard, soft)) ? hard : soft;
  if (newest === null) throw new Error(`The invalidation "${scope}" has no stamp`);
  return newest;
}
