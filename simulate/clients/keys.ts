// What clients of a run read, write and purge: a few hot keys and a tail, each with tags that never change, so that a purge
// by tag covers keys, whatever they hold.
import type { PurgeSelection } from '../../core/purging/purge-selection.ts';
import type { PurgeSelector } from '../../core/replication/commands.ts';
import { httpEntryKey, isKvEntryKey, kvEntryKey } from '../../core/sharding/entry-key.ts';
import type { Chance } from '../engine/chance.ts';

const NAMESPACE = 'test';
const ORIGIN = 'http://o.test/';

/** The first ones are hot. */
export const KV_KEYS: readonly string[] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) =>
  kvEntryKey(NAMESPACE, name),
);
/** Only ever incremented, deleted and purged. */
export const COUNTERS: readonly string[] = ['n', 'm'].map((name) => kvEntryKey(NAMESPACE, name));
/** What stands beside the value of a counter, and of nothing else. */
export const COUNTER = 'counter';
export const URLS: readonly string[] = ['shop/1', 'shop/2', 'blog/1', 'blog/2/x'].map((path) =>
  httpEntryKey(ORIGIN + path),
);

export function pickKey(chance: Chance, keys: readonly string[], hot: number): string {
  return chance.hits(0.7) ? (keys[chance.below(hot)] as string) : chance.pick(keys);
}

/** Odd and even ones have different tags; one tag is on all. */
export function tagsOf(key: string): readonly string[] {
  const all = [...KV_KEYS, ...URLS, ...COUNTERS];
  return [all.indexOf(key) % 2 === 0 ? 'even' : 'odd', 'any'];
}

export function drawKvPurge(chance: Chance): PurgeSelector {
  return chance.hits(0.3)
    ? { type: 'namespace', namespace: NAMESPACE }
    : { type: 'tag', tag: chance.pick(['even', 'odd', 'any']) };
}

/** Of HTTP entries, by way of the coordinator: mostly one thing, now and then several. */
export function drawSelection(chance: Chance, key: () => string): PurgeSelection {
  const drawn = chance.next();
  const isMixed = chance.hits(0.15);
  const hits = (from: number, to: number): boolean => isMixed || (drawn >= from && drawn < to);
  return {
    keys: hits(0, 0.35) ? Array.from({ length: 1 + chance.below(2) }, key) : [],
    tags: hits(0.35, 0.6) ? [chance.pick(['even', 'odd', 'any'])] : [],
    prefixes: hits(0.6, 0.8) ? [ORIGIN + chance.pick(['', 'shop/', 'blog/', 'blog/2/'])] : [],
    all: !isMixed && drawn >= 0.8,
    namespaces: [],
    soft: chance.hits(0.3),
  };
}

/** Whether the selection covers what is held under the key with these tags: told by the design's words alone. */
export function selects(selection: PurgeSelection, key: string, tags: readonly string[]): boolean {
  const { keys, prefixes, all } = selection;
  return (
    keys.includes(key) ||
    selection.tags.some((tag) => covers({ type: 'tag', tag }, key, tags)) ||
    prefixes.some((prefix) => covers({ type: 'prefix', prefix }, key, tags)) ||
    (all && covers({ type: 'all' }, key, tags))
  );
}

/** Whether the purge covers what is held under the key with these tags: told by the design's words alone. */
export function covers(selector: PurgeSelector, key: string, tags: readonly string[]): boolean {
  const isKv = isKvEntryKey(key);
  switch (selector.type) {
    case 'url':
      return selector.key === key;
    case 'all':
      return !isKv;
    case 'tag':
      return tags.includes(selector.tag);
    case 'prefix':
      return !isKv && key.slice(key.indexOf(':') + 1).startsWith(selector.prefix);
    case 'namespace':
      return isKv && key.startsWith(kvEntryKey(selector.namespace, '').slice(0, -2));
  }
}
