// What the hashing strategies hash of a request: the first of the pool's list that it has.
import { type Fields, fieldValue } from '../http/fields.ts';
import { cookieValue, queryValue } from '../http/named-values.ts';
import type { Target } from '../http/target.ts';

export interface KeySource {
  readonly target: Target;
  /** As the client sent them. */
  readonly received: Fields;
  /** '' when not known. */
  readonly clientIp: string;
}

/** '' = none, which the strategies place at random; what is there but empty counts as not there. */
export function strategyKey(source: KeySource, parts: readonly string[]): string {
  for (const part of parts) {
    const value = partOf(source, part);
    if (value !== '') return value;
  }
  return '';
}

/** `part` has passed the schema: a word, or "kind:name". */
function partOf({ target, received, clientIp }: KeySource, part: string): string {
  const kindEnd = part.indexOf(':');
  const name = part.slice(kindEnd + 1);
  switch (kindEnd < 0 ? part : part.slice(0, kindEnd)) {
    case 'client-ip':
      return clientIp;
    case 'path':
      return target.path;
    case 'url':
      return target.canonicalUrl;
    case 'query':
      return queryValue(target.query, name);
    case 'header':
      return fieldValue(received, name.toLowerCase()) ?? '';
    case 'cookie':
      return cookieValue(received, name);
    default:
      throw new Error(`Cannot make a key of "${part}": it is no key source`);
  }
}
