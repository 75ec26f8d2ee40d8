// Between the platform's Headers and the plain field lines that core/ works with.
import type { Fields } from '../../core/http/fields.ts';

/** Names in lower case; Set-Cookie lines stay apart, lines of other names are joined by the platform. */
export function fieldsOf(headers: Headers): Fields {
  return [...headers];
}

/** As the constructors of Headers, Request and Response take it. */
export function headersInit(fields: Fields): [string, string][] {
  return fields as [string, string][];
}
