// Where a listing goes on: opaque to clients, bound to the listing that it came from, and refused where it is none.

/** base64url of JSON: version, namespace, prefix, the name after which the next page begins. */
const VERSION = 1;
const CURSOR_LENGTH_MAX = 4_096;

export function encodeCursor(namespace: string, prefix: string, name: string): string {
  const bytes = new TextEncoder().encode(JSON.stringify([VERSION, namespace, prefix, name]));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}

export type CursorReading =
  | { readonly type: 'cursor'; readonly name: string }
  | { readonly type: 'refused'; readonly reason: 'malformed' | 'of-another-listing' };

/** Never trusted. O(length). */
export function decodeCursor(cursor: string, namespace: string, prefix: string): CursorReading {
  const parts = partsOf(cursor);
  if (parts === null || parts.length !== 4 || parts[0] !== VERSION) return refused('malformed');
  const [, ofNamespace, ofPrefix, name] = parts;
  if (typeof name !== 'string') return refused('malformed');
  if (ofNamespace !== namespace || ofPrefix !== prefix || !name.startsWith(prefix)) {
    return refused('of-another-listing');
  }
  return { type: 'cursor', name };
}

function partsOf(cursor: string): unknown[] | null {
  if (cursor.length > CURSOR_LENGTH_MAX || !/^[A-Za-z0-9_-]+$/.test(cursor)) return null;
  try {
    const text = atob(cursor.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const value: unknown = JSON.parse(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
    );
    return Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function refused(reason: Extract<CursorReading, { type: 'refused' }>['reason']): CursorReading {
  return { type: 'refused', reason };
}
