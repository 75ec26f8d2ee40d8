// Targeted Cache-Control fields (RFC 9213): directives for some caches only, as a structured Dictionary. The first of
// the list that is there and well-formed speaks for the response; Cache-Control and Expires are then not looked at.
import { parseDictionary } from 'structured-headers';
import { type Argument, type CacheControl, parseCacheControl } from './cache-control.ts';
import { splitOutsideQuotes } from './field-syntax.ts';
import { type Fields, fieldValue } from './fields.ts';

export interface ResponseControl {
  readonly control: CacheControl;
  /** RFC 9213 §2.2: then "Cache-Control and Expires … MUST be ignored". */
  readonly isTargeted: boolean;
}

/** Never throws. O(n). */
export function responseControl(fields: Fields, targetedFields: readonly string[]): ResponseControl {
  for (const name of targetedFields) {
    const text = fieldValue(fields, name.toLowerCase());
    const control = text === undefined ? null : parseTargeted(text);
    if (control !== null) return { control, isTargeted: true };
  }
  return { control: parseCacheControl(fields), isTargeted: false };
}

const SECONDS = new Set(['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error']);
/** `max-age=60.0` is a Decimal; the parser gives the same number for it. */
const DECIMAL = /^[a-z*][a-z0-9_.*-]*=-?\d+\./;
const NONE: ReadonlySet<string> = new Set();

/** null when it says nothing: empty, no Dictionary, or a directive of another type than it has to be. */
function parseTargeted(text: string): CacheControl | null {
  let dictionary: ReturnType<typeof parseDictionary>;
  try {
    dictionary = parseDictionary(text);
  } catch {
    return null;
  }
  if (dictionary.size === 0 || splitOutsideQuotes(text, ',').some((member) => DECIMAL.test(member)))
    return null;
  const directives = new Map<string, readonly (Argument | null)[]>();
  for (const [name, [value]] of dictionary) {
    const argument = argumentOf(value, SECONDS.has(name));
    if (argument === undefined) return null;
    directives.set(name, [argument]);
  }
  return { directives, malformedWords: NONE };
}

/** undefined: of a type that a directive cannot have. RFC 9213 §2.1: those that are not known may be of any. */
function argumentOf(value: unknown, isSeconds: boolean): Argument | null | undefined {
  if (isSeconds) {
    const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0;
    return isCount ? { text: String(value), quoted: false } : undefined;
  }
  if (value === true) return null;
  if (typeof value === 'string') return { text: value, quoted: true };
  return value === false ? undefined : { text: String(value), quoted: false };
}
