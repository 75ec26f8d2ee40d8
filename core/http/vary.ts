// Vary (RFC 9110 §12.5.5) and the values of the request by which it tells variants apart (RFC 9111 §4.1).
import { isToken, listMembers, splitOutsideQuotes } from './field-syntax.ts';
import { type Fields, fieldLines } from './fields.ts';

/** Names and normalized values of the request; null = the request has no such field. */
export type SelectingFields = readonly (readonly [name: string, value: string | null])[];

/** Field names in lower case, each once, sorted; '*' when any member is "*" or no field name. */
export function varyNames(fields: Fields): '*' | readonly string[] {
  const names = new Set<string>();
  for (const line of fieldLines(fields, 'vary')) {
    for (const member of listMembers(line)) {
      // What cannot be read cannot be matched either.
      if (member === '*' || !isToken(member)) return '*';
      names.add(member.toLowerCase());
    }
  }
  return [...names].sort();
}

export function selectingFields(names: readonly string[], requestFields: Fields): SelectingFields {
  return names.map((name) => [name, selectingValue(name, fieldLines(requestFields, name))]);
}

/** RFC 9110 §12.5.3, §12.5.4: lists of preferences, whose order, case and inner blanks say nothing. */
const PREFERENCES = new Set(['accept-encoding', 'accept-language']);

/**
 * RFC 9111 §4.1: lines joined, white space around commas removed; inside quotes nothing is. "normalizing … in a way
 * that is known to have identical semantics": order and case may matter to a field that is not known here.
 */
export function selectingValue(name: string, lines: readonly string[]): string | null {
  if (lines.length === 0) return null;
  const members = splitOutsideQuotes(lines.join(','), ',');
  if (!PREFERENCES.has(name)) return members.join(',');
  const normalized = members.map((member) => member.toLowerCase().replace(/[ \t]+/g, ''));
  return normalized
    .filter((member) => member !== '')
    .sort()
    .join(',');
}

/** RFC 9111 §4.1: every selecting field of the stored response has the same value in this request. O(fields). */
export function matchesSelecting(stored: SelectingFields, requestFields: Fields): boolean {
  return stored.every(([name, value]) => selectingValue(name, fieldLines(requestFields, name)) === value);
}

/** Both are sorted by name. */
export function isSameSelection(a: SelectingFields, b: SelectingFields): boolean {
  return a.length === b.length && a.every(([name, value], i) => b[i]?.[0] === name && b[i]?.[1] === value);
}

/** Bytes that are not UTF-8 reach us as U+FFFD and would all look alike: such a value selects nothing. */
export function isUndecodable(selecting: SelectingFields): boolean {
  return selecting.some(([, value]) => value?.includes('\ufffd'));
}
