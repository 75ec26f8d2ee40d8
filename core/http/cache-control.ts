// Cache-Control (RFC 9111 §5.2), read strictly where it permits and generously where it forbids: only a well-formed
// directive makes a response fresh or public, but "private" and its like count in any spelling that names them.
import { splitOutsideQuotes, TOKEN_CHARACTERS } from './field-syntax.ts';
import { type Fields, fieldValue } from './fields.ts';

export interface CacheControl {
  /** Arguments by directive name in lower case, in order of appearance; null = without argument. */
  readonly directives: ReadonlyMap<string, readonly (Argument | null)[]>;
  /** Words of members that are no directives (`private=`, `max-age=5 private`, an open quote): they may only forbid. */
  readonly malformedWords: ReadonlySet<string>;
}

export interface Argument {
  /** Without quotes, escapes resolved. */
  readonly text: string;
  readonly quoted: boolean;
}

/** RFC 9111 §1.2.2: larger values count as this, 2^31 s. */
export const DELTA_SECONDS_MAX = 2_147_483_648;

const MEMBER = new RegExp(
  `^([${TOKEN_CHARACTERS}]+)(?:=(?:([${TOKEN_CHARACTERS}]+)|"((?:[^"\\\\]|\\\\.)*)"))?$`,
);
const WORDS = new RegExp(`[${TOKEN_CHARACTERS}]+`, 'g');

/** Of a message that has none. */
export const NO_CACHE_CONTROL: CacheControl = { directives: new Map(), malformedWords: new Set() };

/** Never throws. O(n). */
export function parseCacheControl(fields: Fields): CacheControl {
  const text = fieldValue(fields, 'cache-control');
  if (text === undefined) return NO_CACHE_CONTROL;
  const directives = new Map<string, (Argument | null)[]>();
  const malformedWords = new Set<string>();
  for (const member of splitOutsideQuotes(text, ',')) {
    if (member === '') continue;
    const match = MEMBER.exec(member);
    if (match === null) {
      for (const word of member.match(WORDS) ?? []) malformedWords.add(word.toLowerCase());
      continue;
    }
    const name = (match[1] ?? '').toLowerCase();
    const list = directives.get(name) ?? [];
    list.push(argumentOf(match[2], match[3]));
    directives.set(name, list);
  }
  return { directives, malformedWords };
}

function argumentOf(token: string | undefined, quoted: string | undefined): Argument | null {
  if (token !== undefined) return { text: token, quoted: false };
  if (quoted !== undefined) return { text: quoted.replace(/\\(.)/g, '$1'), quoted: true };
  return null;
}

/** The directive is there and well-formed, whatever its argument: for what permits. */
export function hasDirective(cacheControl: CacheControl, name: string): boolean {
  return cacheControl.directives.has(name);
}

/** The directive is named at all: for what forbids. */
export function namesDirective(cacheControl: CacheControl, name: string): boolean {
  return cacheControl.directives.has(name) || cacheControl.malformedWords.has(name);
}

/**
 * Seconds of a directive, 0 to DELTA_SECONDS_MAX, or null when it is not there. RFC 9111 §4.2.1: of duplicates the
 * least counts (docs/DIVERGENCES.md), and an argument that is no number means stale, so it reads as 0.
 */
export function directiveSeconds(cacheControl: CacheControl, name: string): number | null {
  const argumentsOfName = cacheControl.directives.get(name);
  // A spoilt spelling (`max-age =60`) is no freshness either, and says that none can be told.
  if (argumentsOfName === undefined) return cacheControl.malformedWords.has(name) ? 0 : null;
  return Math.min(...argumentsOfName.map((argument) => deltaSeconds(argument?.text ?? '')));
}

/** RFC 9111 §1.2.2 delta-seconds; RFC 9111 §5.2: token and quoted-string forms alike. */
function deltaSeconds(text: string): number {
  return /^\d+$/.test(text) ? Math.min(Number(text), DELTA_SECONDS_MAX) : 0;
}

/**
 * RFC 9111 §5.2.2.4, §5.2.2.7: the fields that `private` or `no-cache` is limited to; `all` when it concerns the whole
 * response, null when it is not there. Only a quoted, non-empty list of field names limits it: everything else that
 * names the directive means all of the response.
 */
export function limitedTo(cacheControl: CacheControl, name: string): 'all' | readonly string[] | null {
  if (cacheControl.malformedWords.has(name)) return 'all';
  const argumentsOfName = cacheControl.directives.get(name);
  if (argumentsOfName === undefined) return null;
  const names: string[] = [];
  for (const argument of argumentsOfName) {
    if (argument === null || !argument.quoted) return 'all';
    const listed = splitOutsideQuotes(argument.text, ',').filter((member) => member !== '');
    if (listed.length === 0 || !listed.every((member) => FIELD_NAME.test(member))) return 'all';
    names.push(...listed.map((member) => member.toLowerCase()));
  }
  return names;
}

const FIELD_NAME = new RegExp(`^[${TOKEN_CHARACTERS}]+$`);
