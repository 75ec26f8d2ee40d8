// What a purge selects, in the one form in which it is compared, kept and carried out: every list without repetitions
// and in a fixed order, since a command's request id names its place in it.

export interface PurgeSelection {
  /** Canonical cache keys of URLs; every variant. */
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  /** Canonical URLs that end with the "/" of a path segment. */
  readonly prefixes: readonly string[];
  /** Every HTTP entry. */
  readonly all: boolean;
  /** Of key-value data. */
  readonly namespaces: readonly string[];
  /** HTTP entries become stale instead of unusable. */
  readonly soft: boolean;
}

export function inOrder({ keys, tags, prefixes, all, namespaces, soft }: PurgeSelection): PurgeSelection {
  const sorted = (list: readonly string[]): readonly string[] => [...new Set(list)].sort();
  return {
    keys: sorted(keys),
    tags: sorted(tags),
    prefixes: sorted(prefixes),
    all,
    namespaces: sorted(namespaces),
    soft,
  };
}

/** Equal for equal selections; what is selected by URL or as a whole reads as version 0.1 wrote it. */
export function selectionText({ keys, all, ...more }: PurgeSelection): string {
  const { tags, prefixes, namespaces, soft } = more;
  const isOfOldForm = tags.length === 0 && prefixes.length === 0 && namespaces.length === 0 && !soft;
  return JSON.stringify(isOfOldForm ? [all, keys] : [all, keys, tags, prefixes, namespaces, soft]);
}
