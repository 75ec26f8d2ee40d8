// The Range field (RFC 9110 §14): which bytes of a representation a request asks for.
import { trimBlanks } from './field-syntax.ts';

/** Both ends belong to it: 0 ≤ first ≤ last < length. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

export type RequestedRanges =
  /** Nothing that can be read, or that should be answered so: the whole is sent. */
  | { readonly type: 'ignored' }
  /** RFC 9110 §15.5.17: none of them touches the representation. */
  | { readonly type: 'unsatisfiable' }
  /** In the order asked for; at least one. */
  | { readonly type: 'ranges'; readonly ranges: readonly ByteRange[] };

/** RFC 9110 §14.2: "many small ranges, or ranges that overlap" are what attacks are made of. */
const RANGES_MAX = 16;

const IGNORED: RequestedRanges = { type: 'ignored' };
const INT_RANGE = /^(\d+)-(\d*)$/;
const SUFFIX_RANGE = /^-(\d+)$/;

/** `lengthBytes` of the representation. Never throws. O(n). */
export function requestedRanges(value: string, lengthBytes: number): RequestedRanges {
  // "A server that does not recognize the unit ignores the field"; RFC 9110 §14.1: units have no case.
  const specs = /^bytes=(.*)$/is.exec(value)?.[1]?.split(',').map(trimBlanks);
  if (specs === undefined) return IGNORED;
  const given = specs.filter((spec) => spec !== '');
  if (given.length === 0 || given.length > RANGES_MAX) return IGNORED;
  const ranges: ByteRange[] = [];
  for (const spec of given) {
    const range = parseRange(spec, lengthBytes);
    if (range === 'invalid') return IGNORED;
    if (range !== 'unsatisfiable') ranges.push(range);
  }
  if (ranges.length === 0) return { type: 'unsatisfiable' };
  return overlap(ranges) ? IGNORED : { type: 'ranges', ranges };
}

/** RFC 9110 §14.1.2. */
function parseRange(spec: string, lengthBytes: number): ByteRange | 'invalid' | 'unsatisfiable' {
  const suffix = SUFFIX_RANGE.exec(spec);
  if (suffix !== null) {
    const wanted = Number(suffix[1]);
    if (wanted === 0 || lengthBytes === 0) return 'unsatisfiable';
    // "If the selected representation is shorter than the specified suffix-length, the entire representation is used."
    return { first: Math.max(0, lengthBytes - wanted), last: lengthBytes - 1 };
  }
  const [, from, to] = INT_RANGE.exec(spec) ?? [];
  if (from === undefined || to === undefined) return 'invalid';
  const first = Number(from);
  // "An int-range is invalid if the last-pos value is present and its value is less than the first-pos."
  if (to !== '' && Number(to) < first) return 'invalid';
  if (first >= lengthBytes) return 'unsatisfiable';
  return { first, last: to === '' ? lengthBytes - 1 : Math.min(Number(to), lengthBytes - 1) };
}

function overlap(ranges: readonly ByteRange[]): boolean {
  const sorted = [...ranges].sort((a, b) => a.first - b.first);
  return sorted.some(({ first }, i) => i > 0 && first <= (sorted[i - 1]?.last ?? -1));
}

export function rangeBytes({ first, last }: ByteRange): number {
  return last - first + 1;
}

/** RFC 9110 §14.4: bytes of a representation whose whole length is known. */
export interface Part extends ByteRange {
  readonly completeBytes: number;
}

const CONTENT_RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i;

/**
 * null for what is malformed or contradicts itself ("A Content-Range field value is invalid if it contains a
 * range-resp that has a last-pos value less than its first-pos value, or a complete-length value less than or equal to
 * its last-pos value"), and where the whole length is not told.
 */
export function parseContentRange(text: string): Part | null {
  const [, from, to, length] = CONTENT_RANGE.exec(text) ?? [];
  if (from === undefined) return null;
  const [first, last, completeBytes] = [Number(from), Number(to), Number(length)];
  return first <= last && last < completeBytes ? { first, last, completeBytes } : null;
}

/** RFC 9110 §14.4. */
export function contentRange(range: ByteRange | null, lengthBytes: number): string {
  return range === null ? `bytes */${lengthBytes}` : `bytes ${range.first}-${range.last}/${lengthBytes}`;
}
