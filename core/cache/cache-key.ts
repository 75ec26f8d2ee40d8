// Where a response lives in the cache: the key is one canonical text of its URL, made of the bytes that are forwarded;
// beneath it, further parts of the request that the route names tell its responses apart, as Vary does.

import { type Fields, fieldLines, fieldValue } from '../http/fields.ts';
import { cookieValue, decodedOnce } from '../http/named-values.ts';
import type { Target } from '../http/target.ts';
import { type SelectingFields, selectingValue } from '../http/vary.ts';
import { httpEntryKey } from '../sharding/entry-key.ts';
import { deviceClass } from './device-class.ts';

/** As a route has it. */
export interface KeyOptions {
  readonly query:
    | 'all'
    | 'none'
    /** Names of parameters, as decoded. */
    | { readonly include: readonly string[] }
    | { readonly exclude: readonly string[] };
  readonly sortQuery: boolean;
  readonly headers: readonly string[];
  readonly cookies: readonly string[];
  readonly device: boolean;
}

type KeyedTarget = Pick<Target, 'canonicalUrl' | 'query'>;

/** O(length); nothing is parsed where the whole query counts as it is. */
export function cacheKeyOf(target: KeyedTarget, options: Pick<KeyOptions, 'query' | 'sortQuery'>): string {
  const { canonicalUrl, query } = target;
  if (query === '' || (options.query === 'all' && !options.sortQuery)) return httpEntryKey(canonicalUrl);
  return httpEntryKey(canonicalUrl.slice(0, canonicalUrl.length - query.length) + keyedQuery(query, options));
}

function keyedQuery(
  query: string,
  { query: wanted, sortQuery }: Pick<KeyOptions, 'query' | 'sortQuery'>,
): string {
  if (wanted === 'none') return '';
  let pieces = query.slice(1).split('&');
  if (wanted !== 'all') {
    const isWanted =
      'include' in wanted
        ? (name: string) => wanted.include.includes(name)
        : (name: string) => !wanted.exclude.includes(name);
    // Some origins take ";" for "&": behind an ignored parameter they would read another that nobody keyed.
    pieces = pieces.filter((piece) => piece.includes(';') || isWanted(nameOf(piece)));
  }
  if (sortQuery) pieces.sort((a, b) => compare(nameOf(a), nameOf(b)));
  return pieces.length === 0 ? '' : `?${pieces.join('&')}`;
}

function nameOf(piece: string): string {
  return decodedOnce(piece.split('=', 1)[0] ?? '');
}

/** Equal names keep their order: to many origins it has a meaning. */
function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** What tells responses of one URL apart beside Vary. `fields` as the origin gets them. O(fields × parts). */
export function keyPartsOf({ headers, cookies, device }: KeyOptions, fields: Fields): SelectingFields {
  if (headers.length === 0 && cookies.length === 0 && !device) return NO_PARTS;
  const parts: (readonly [string, string | null])[] = headers.map((name) => {
    const lower = name.toLowerCase();
    return [lower, selectingValue(lower, fieldLines(fields, lower))];
  });
  // No header has a colon in its name.
  for (const name of cookies) parts.push([`cookie:${name}`, cookieValue(fields, name)]);
  if (device) parts.push(['device:', deviceClass(fieldValue(fields, 'user-agent') ?? '')]);
  return parts.sort(([a], [b]) => compare(a, b));
}

const NO_PARTS: SelectingFields = [];
