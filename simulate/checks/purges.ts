// A purge that was said to be done is in the log of every group that holds anything it selects, committed there before
// the word went out. Told by the design's words alone, not by the plan that the coordinator made.
import type { PurgeSelection } from '../../core/purging/purge-selection.ts';
import type { PurgeSelector } from '../../core/replication/commands.ts';
import type { LogEntry } from '../../core/replication/messages.ts';
import type { ObservedPurge } from '../clients/history.ts';
import { covers, selects, tagsOf, URLS } from '../clients/keys.ts';
import { must } from './violation.ts';

interface Group {
  readonly shard: number;
  readonly entries: readonly LogEntry[];
}

export function checkPurges(
  purges: readonly ObservedPurge[],
  groups: readonly Group[],
  shardOf: (key: string) => number,
): void {
  for (const { purgeId, selection, answeredAt, bookmarks } of purges) {
    if (answeredAt === null) continue;
    for (const { shard, entries } of groups) {
      const own = URLS.filter((key) => shardOf(key) === shard && selects(selection, key, tagsOf(key)));
      if (own.length === 0) continue;
      const bookmark = bookmarks.get(shard);
      must(bookmark !== undefined, 'I9', () => `purge ${purgeId} was done, but never in shard ${shard}`);
      const committed = selectorsOf(purgeId, selection, entries.slice(0, bookmark.op));
      for (const key of own) {
        must(
          committed.some((selector) => covers(selector, key, tagsOf(key))),
          'I9',
          () => `purge ${purgeId} was done, but ${key} was not purged by op ${bookmark.op} of shard ${shard}`,
        );
      }
    }
  }
}

/** What was purged there by that purge, as hard as it was to be. */
function selectorsOf(
  purgeId: string,
  { soft }: PurgeSelection,
  entries: readonly LogEntry[],
): readonly PurgeSelector[] {
  return entries.flatMap(({ items }) =>
    items.flatMap(({ reqId, command }) => {
      const isOfIt = reqId.startsWith(`purge/${purgeId}/`) && command.type === 'purge';
      return isOfIt && (command.soft ?? false) === soft ? [command.selector] : [];
    }),
  );
}
