// The key of everything a shard holds: which namespace it is of, and where it hashes to. The parts are
// length-prefixed, so no choice of names can make two entries meet.

/** Key of a cached URL; its variants live under it. `canonicalUrl` as made by core/cache/cache-key. */
export function httpEntryKey(canonicalUrl: string): string {
  return `h${canonicalUrl.length}:${canonicalUrl}`;
}

/** Key of one key-value pair. */
export function kvEntryKey(namespace: string, key: string): string {
  return `k${namespace.length}:${namespace}${key.length}:${key}`;
}

/** Key-value data is never evicted for space; cached responses are. */
export function isKvEntryKey(entryKey: string): boolean {
  return entryKey.startsWith('k');
}
