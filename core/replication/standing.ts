// Whether a row may be used, at a place of the log or by a reader: not expired, and older than no purge that covers it.
import { isKvEntryKey } from '../sharding/entry-key.ts';
import { SOFT_LIFE_MS } from './limits.ts';
import type { Overlay } from './overlay.ts';
import { readInvalidation } from './overlay.ts';
import { isNewerThanToken, isOlder, type ScopeKind, scopesOver } from './purge-scope.ts';
import type { Invalidation, ReplicaStore, RowHead } from './store.ts';
import type { Viewstamp } from './viewstamp.ts';

export type Standing =
  /** `staleFrom`: the logged time of a soft purge that covers it, since when it is stale; null = as fresh as it says. */
  | { readonly type: 'live'; readonly staleFrom: number | null }
  | { readonly type: 'expired' }
  /** A hard purge forbids any use. */
  | { readonly type: 'purged' };

const LIVE: Standing = { type: 'live', staleFrom: null };
const EXPIRED: Standing = { type: 'expired' };
const PURGED: Standing = { type: 'purged' };

/** At logged time `t`. O(1) while nothing was purged but by URL, else O(tags + segments) lookups. */
export function standingOf(overlay: Overlay, store: ReplicaStore, row: RowHead, t: number): Standing {
  if (row.expireAt !== null && row.expireAt <= t) return EXPIRED;
  let staleFrom: number | null = null;
  for (const { hard, soft } of invalidationsOver(overlay, store, row)) {
    if (hard !== null && isOlder(row, hard)) return PURGED;
    // Key-value data has no staleness: it is there or it is not.
    if (soft === null || isKvEntryKey(row.key) || !isOlder(row, soft)) continue;
    staleFrom = Math.min(staleFrom ?? soft.t, soft.t);
  }
  return staleFrom === null ? LIVE : { type: 'live', staleFrom };
}

/** Whether a purge leaves no use of the row at logged time `t`. */
export function isUseless(standing: Standing, t: number): boolean {
  if (standing.type === 'live') return standing.staleFrom !== null && standing.staleFrom + SOFT_LIFE_MS <= t;
  return standing.type === 'purged';
}

/** Whether any purge, hard or soft, of what would be stored is newer than the fetch that brought it. */
export function isPurgedSince(
  overlay: Overlay,
  store: ReplicaStore,
  fill: Pick<RowHead, 'key' | 'tags'>,
  token: Viewstamp,
): boolean {
  return invalidationsOver(overlay, store, fill).some((row) => isNewerThanToken(row, token));
}

const NONE: readonly Invalidation[] = [];

function invalidationsOver(
  overlay: Overlay,
  store: ReplicaStore,
  row: Pick<RowHead, 'key' | 'tags'>,
): readonly Invalidation[] {
  const counts = store.invalidationCounts();
  const someCover = overlay.invalidations.size > 0;
  const { all, prefix, tag, url, namespace } = counts;
  if (!someCover && all + prefix + tag + url + namespace === 0) return NONE;
  const mayHave = (kind: ScopeKind): boolean => someCover || counts[kind] > 0;
  return scopesOver(row, mayHave).flatMap((scope) => readInvalidation(overlay, store, scope) ?? []);
}
