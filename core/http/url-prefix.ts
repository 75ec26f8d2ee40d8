// Prefixes of URLs that end where a path segment does: "http://h/shop/" begins "http://h/shop/a", never
// "http://h/shopping". Both sides of a purge by prefix: which ones a URL has, and whether a text is one.
import { type BadTargetReason, parseTarget } from './target.ts';

/** "/" in the path of a prefix: a lookup asks for no more prefixes of a URL than this. */
export const PREFIX_SEGMENTS_MAX = 32;

export type UrlPrefix =
  /** As canonical as the URLs that it begins. */
  | { readonly type: 'prefix'; readonly prefix: string }
  | {
      readonly type: 'refused';
      readonly reason: BadTargetReason | 'too-long' | 'query' | 'not-at-segment-end' | 'too-deep';
    };

/** "http://h/", "http://h/a/" … of a canonical URL, the shortest first, at most PREFIX_SEGMENTS_MAX. O(length). */
export function prefixesOf(canonicalUrl: string): string[] {
  const query = canonicalUrl.indexOf('?');
  const end = query < 0 ? canonicalUrl.length : query;
  const prefixes: string[] = [];
  let slash = canonicalUrl.indexOf('/', canonicalUrl.indexOf('://') + 3);
  while (slash >= 0 && slash < end && prefixes.length < PREFIX_SEGMENTS_MAX) {
    prefixes.push(canonicalUrl.slice(0, slash + 1));
    slash = canonicalUrl.indexOf('/', slash + 1);
  }
  return prefixes;
}

/** Absolute; a host alone stands for all of its paths. O(length). */
export function parseUrlPrefix(text: string): UrlPrefix {
  const target = parseTarget(text);
  if (target.type === 'too-long') return { type: 'refused', reason: 'too-long' };
  if (target.type === 'bad-target') return { type: 'refused', reason: target.reason };
  if (target.query !== '') return { type: 'refused', reason: 'query' };
  if (!target.path.endsWith('/')) return { type: 'refused', reason: 'not-at-segment-end' };
  const prefix = target.canonicalUrl;
  if (prefixesOf(prefix).at(-1) !== prefix) return { type: 'refused', reason: 'too-deep' };
  return { type: 'prefix', prefix };
}
