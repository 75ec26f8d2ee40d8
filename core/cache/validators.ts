// The validators of a stored response (RFC 9110 §8.8): what the origin can be asked "still the same?" with.
import { type EntityTag, parseEntityTag } from '../http/etag.ts';
import { type Fields, fieldLines } from '../http/fields.ts';
import { parseHttpDate } from '../http/http-date.ts';

/** The tag of exactly one well-formed ETag line; null otherwise. */
export function entityTagOf(fields: Fields): EntityTag | null {
  const lines = fieldLines(fields, 'etag');
  return lines.length === 1 ? parseEntityTag(lines[0] ?? '') : null;
}

/** Epoch ms of exactly one valid Last-Modified line; null otherwise. */
export function lastModifiedAt(fields: Fields, nowMs: number): number | null {
  const lines = fieldLines(fields, 'last-modified');
  return lines.length === 1 ? parseHttpDate(lines[0] ?? '', nowMs) : null;
}

export function hasValidator(fields: Fields, nowMs: number): boolean {
  return entityTagOf(fields) !== null || lastModifiedAt(fields, nowMs) !== null;
}
