// Listings of a namespace, page by page, in the order of names: what is stored under what only memory knows, without
// what has expired or was purged. A page ends after a bounded number of rows, be it empty: then it says how far it got.

import { isKvEntryKey, nameOf, namespaceOf } from '../sharding/entry-key.ts';
import { compareTexts } from '../sharding/text-order.ts';
import { etagOf } from './etag.ts';
import type { PageEntry, PageWish } from './messages.ts';
import { readTime } from './read-time.ts';
import { bodyBytes } from './sizes.ts';
import { standingOf } from './standing.ts';
import { reply, type Step } from './step.ts';
import type { PairHead } from './store.ts';

/** Stored rows looked at for one page, useless ones included. */
const LOOKED_AT_MAX = 4_096;

/** Of what is applied here, at any member: whether that is new enough the read before it has told. */
export function handlePage(step: Step, id: number, wish: PageWish): void {
  const { state, nowMs } = step;
  if (state.isInstalling) {
    reply(step, id, { type: 'not-ready', reason: 'installing' });
    return;
  }
  const { head } = state;
  const t = readTime(state, nowMs);
  const bookmark = { view: state.appliedView, op: head.applied };
  reply(step, id, { type: 'page', ...pageOf(step, wish, t), bookmark });
}

/** O(limit + rows looked at + rows in memory). */
function pageOf(
  { state, store }: Step,
  { namespace, prefix, after, limit }: PageWish,
  t: number,
): { entries: PageEntry[]; upTo: string | null } {
  const { overlay } = state;
  const covers = coversIn(state.overlay.rows, namespace, prefix, after);
  const isLive = (row: PairHead): boolean => standingOf(overlay, store, row, t).type === 'live';
  const live: PairHead[] = [];
  let from = after;
  for (let looked = 0; ; ) {
    const stored = store.pairsAfter(namespace, prefix, from, limit);
    live.push(...stored.filter((row) => !covers.has(row.key) && isLive(row)));
    looked += stored.length;
    const last = stored.at(-1);
    if (last === undefined || stored.length < limit) {
      from = null;
      break;
    }
    from = nameOf(last.key);
    if (live.length >= limit || looked >= LOOKED_AT_MAX) break;
  }
  const upTo = from;
  for (const row of covers.values()) {
    const isWithin = row !== null && (upTo === null || compareTexts(nameOf(row.key), upTo) <= 0);
    if (isWithin && isLive(row)) live.push(row);
  }
  const entries = live.map((row) => ({ name: nameOf(row.key), etag: etagOf(row), bodyBytes: row.bodyBytes }));
  return { entries: entries.sort((a, b) => compareTexts(a.name, b.name)), upTo };
}

/** Rows that memory holds, and removals (null), by key. */
function coversIn(
  rows: Step['state']['overlay']['rows'],
  namespace: string,
  prefix: string,
  after: string | null,
): Map<string, PairHead | null> {
  const covers = new Map<string, PairHead | null>();
  for (const [key, variants] of rows) {
    if (!isKvEntryKey(key) || namespaceOf(key) !== namespace) continue;
    const name = nameOf(key);
    if (!name.startsWith(prefix) || (after !== null && compareTexts(name, after) <= 0)) continue;
    const row = variants.get('') ?? null;
    covers.set(key, row === null ? null : { ...row, bodyBytes: bodyBytes(row.value.body) });
  }
  return covers;
}
