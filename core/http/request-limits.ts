// The edge's own limits on what it reads of a request's head, checked before any origin sees it: an origin with
// smaller limits would answer with an error of its own, and such an error must not come to be stored.
import type { Fields } from './fields.ts';

/** Of the whole URL; beyond it 414. */
export const URL_BYTES_MAX = 16 * 1024;

/** Of all field lines as HTTP/1.1 writes them; beyond it 431 (RFC 6585 §5). */
export const HEADER_BLOCK_BYTES_MAX = 64 * 1024;

/** Bytes of the field lines with their ": " and line ends; names and values count as one byte a character. O(n). */
export function headerBlockBytes(fields: Fields): number {
  let bytes = 0;
  for (const [name, value] of fields) bytes += name.length + value.length + 4;
  return bytes;
}

export function isHeaderBlockTooLarge(fields: Fields): boolean {
  return headerBlockBytes(fields) > HEADER_BLOCK_BYTES_MAX;
}
