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

/** The canonical URL in the key of an HTTP entry; '' when it is none. O(length). */
export function urlOf(entryKey: string): string {
  return entryKey.startsWith('h') ? entryKey.slice(entryKey.indexOf(':') + 1) : '';
}

/** The namespace in the key of a key-value pair; '' when it is none. O(length). */
export function namespaceOf(entryKey: string): string {
  return splitKvKey(entryKey)?.namespace ?? '';
}

/** The key that its owner gave to a key-value pair; '' when it is none. O(length). */
export function nameOf(entryKey: string): string {
  return splitKvKey(entryKey)?.name ?? '';
}

function splitKvKey(entryKey: string): { readonly namespace: string; readonly name: string } | null {
  if (!isKvEntryKey(entryKey)) return null;
  const start = entryKey.indexOf(':') + 1;
  const end = start + Number(entryKey.slice(1, start - 1));
  return { namespace: entryKey.slice(start, end), name: entryKey.slice(entryKey.indexOf(':', end) + 1) };
}
