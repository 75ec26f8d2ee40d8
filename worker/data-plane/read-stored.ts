// Stored responses as shards send them, text by text: what has just been read is not read again, and what follows from it
// (hit-headers.ts) is found by it.
import { decodeStored, type StoredResponse } from '../../core/cache/stored-response.ts';
import { RecentTexts } from './recent-texts.ts';

/** Together about 2 MiB at most. */
const recent = new RecentTexts<StoredResponse>(512, 2_048);

/** null when other code, older or newer, wrote it. The same text may give the same object. O(length). */
export function readStored(meta: string): StoredResponse | null {
  const known = recent.get(meta);
  if (known !== undefined) return known;
  try {
    const stored = decodeStored(meta);
    recent.set(meta, stored);
    return stored;
  } catch {
    return null;
  }
}
