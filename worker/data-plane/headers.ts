// Between the platform's Headers and the plain field lines that core/ works with. Making Headers from lines is dear
// (1–2 µs a line), copying them is not: so what core/ decides about a message is applied to a copy of its Headers.
// That also leaves untouched lines as the bytes they came as.
import type { Fields } from '../../core/http/fields.ts';

/** Names in lower case; Set-Cookie lines stay apart, lines of other names are joined by the platform. */
export function fieldsOf(headers: Headers): Fields {
  const fields: (readonly [name: string, value: string])[] = [];
  // Cheaper than its iterator.
  headers.forEach((value, name) => {
    fields.push([name, value]);
  });
  return fields;
}

export function headersOf(fields: Fields): Headers {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers;
}

/** A copy of `original`, whose lines are `before`, with the lines `after`. */
export function editedHeaders(original: Headers, before: Fields, after: Fields): Headers {
  const headers = new Headers(original);
  editHeaders(headers, before, after);
  return headers;
}

/**
 * Gives `headers`, whose lines are `before`, the lines `after`. Lines that stay are recognised as the same pairs, in
 * the same order. O(lines × lines added).
 */
export function editHeaders(headers: Headers, before: Fields, after: Fields): void {
  const added: (readonly [name: string, value: string])[] = [];
  let next = 0;
  for (const line of after) {
    const at = before.indexOf(line, next);
    if (at === -1) {
      added.push(line);
      continue;
    }
    while (next < at) headers.delete(before[next++]?.[0] ?? '');
    next = at + 1;
  }
  while (next < before.length) headers.delete(before[next++]?.[0] ?? '');
  for (const [name, value] of added) headers.append(name, value);
}
