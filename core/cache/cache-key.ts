// The key of a URL in the cache: its one canonical text, the same that is forwarded. Variants live under it.
import type { Target } from '../http/target.ts';
import { httpEntryKey } from '../sharding/entry-key.ts';

export function cacheKeyOf(target: Pick<Target, 'canonicalUrl'>): string {
  return httpEntryKey(target.canonicalUrl);
}
