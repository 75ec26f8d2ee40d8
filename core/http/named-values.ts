// Named values in a query or in Cookie fields, read in place: most requests are asked for one at most.
import { type Fields, fieldLines } from './fields.ts';

/**
 * Value of the first parameter of that name that has one, decoded as forms are ("+" is a blank; what is no UTF-8 in
 * percent-encoding stays as it is); '' when there is none. `query` begins with "?" or is empty. O(length).
 */
export function queryValue(query: string, name: string): string {
  for (const piece of query.slice(1).split('&')) {
    const nameEnd = piece.indexOf('=');
    if (nameEnd < 0 || nameEnd === piece.length - 1) continue;
    if (decodedOnce(piece.slice(0, nameEnd)) === name) return decodedOnce(piece.slice(nameEnd + 1));
  }
  return '';
}

/**
 * Value of the first cookie of that name that has one (RFC 6265 §4.2.1), quotes and all; '' when there is none. Names
 * of cookies are case-sensitive. O(length).
 */
export function cookieValue(fields: Fields, name: string): string {
  for (const line of fieldLines(fields, 'cookie')) {
    for (const piece of line.split(';')) {
      const nameEnd = piece.indexOf('=');
      if (nameEnd < 0 || piece.slice(0, nameEnd).trim() !== name) continue;
      const value = piece.slice(nameEnd + 1).trim();
      if (value !== '') return value;
    }
  }
  return '';
}

/** The same fields without the cookies of these names; a Cookie line that held nothing else is gone. O(length). */
export function withoutCookies(fields: Fields, names: ReadonlySet<string>): Fields {
  const isNamed = (piece: string): boolean => names.has((piece.split('=', 1)[0] ?? '').trim());
  const holdsOne = ([field, value]: Fields[number]): boolean =>
    field === 'cookie' && value.split(';').some(isNamed);
  if (!fields.some(holdsOne)) return fields;
  return fields.flatMap((line) => {
    if (!holdsOne(line)) return [line];
    const rest = line[1].split(';').filter((piece) => !isNamed(piece));
    return rest.length === 0 ? [] : [['cookie', rest.join(';').trim()] as const];
  });
}

/** As forms are: "+" is a blank; what is no UTF-8 in percent-encoding stays as it is. */
export function decodedOnce(text: string): string {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}
