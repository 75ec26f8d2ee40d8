// Requests that many origins refuse although the edge takes them: what such an origin says about the request is nothing
// to tell others who ask for the same URL (cache-poisoned denial of service).
import type { Fields } from '../http/fields.ts';
import { headerBlockBytes } from '../http/request-limits.ts';

/** Below the usual limits of servers: 8 KiB, of which the edge's own fields take some; 100 lines. */
const BLOCK_BYTES_MAX = 7_168;
const LINES_MAX = 90;
const ORDINARY = /^[\t\x20-\x7e]*$/;

/** `fields` as the origin gets them. O(bytes). */
export function isOdd(fields: Fields): boolean {
  if (fields.length > LINES_MAX || headerBlockBytes(fields) > BLOCK_BYTES_MAX) return true;
  return fields.some(([name, value]) => name === 'expect' || !ORDINARY.test(value));
}
