// Stored responses as shards send them, text by text: what has just been read is not read again, and what follows from it
// (hit-headers.ts) is found by it.
import { decodeStored, type StoredResponse } from '../../core/cache/stored-response.ts';

/** Of each generation; longer texts are read every time. Together about 2 MiB at most. */
const REMEMBERED_MAX = 512;
const LENGTH_MAX = 2_048;

let young = new Map<string, StoredResponse>();
let old = new Map<string, StoredResponse>();

/** null when other code, older or newer, wrote it. The same text may give the same object. O(length). */
export function readStored(meta: string): StoredResponse | null {
  const known = young.get(meta);
  if (known !== undefined) return known;
  try {
    const stored = old.get(meta) ?? decodeStored(meta);
    if (meta.length > LENGTH_MAX) return stored;
    if (young.size >= REMEMBERED_MAX) {
      old = young;
      young = new Map();
    }
    young.set(meta, stored);
    return stored;
  } catch {
    return null;
  }
}
