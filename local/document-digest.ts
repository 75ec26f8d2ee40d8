// Tells whether two JSON texts say the same: white space and the order of members do not count.
import { createHash } from 'node:crypto';

/** SHA-256, hex, of a JSON text in one canonical form. Throws a SyntaxError for what is not JSON. */
export function documentDigest(text: string): string {
  return createHash('sha256')
    .update(JSON.stringify(JSON.parse(text, inOrder)))
    .digest('hex');
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
