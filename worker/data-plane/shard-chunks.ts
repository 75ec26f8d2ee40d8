// Large bodies go to their shard in chunks before the command that names them, so that no log entry grows with them.
import { CHUNK_BYTES } from '../../core/replication/sizes.ts';

/** A body up to this size travels in its command. */
export const INLINE_BODY_BYTES = 256 * 1024;

export interface Chunk {
  /** SHA-256 in hex. */
  readonly hash: string;
  /** A view of the body: what is sent needs a buffer of its own, and none of them is needed before. */
  readonly bytes: Uint8Array;
}

/** Of at most 1 MiB each, one after the other: no second copy of the body lies in memory. O(bytes). */
export async function chunksOf(body: Uint8Array): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for (let start = 0; start < body.byteLength; start += CHUNK_BYTES) {
    const bytes = body.subarray(start, start + CHUNK_BYTES) as Uint8Array<ArrayBuffer>;
    chunks.push({ hash: hex(await crypto.subtle.digest('SHA-256', bytes)), bytes });
  }
  return chunks;
}

function hex(digest: ArrayBuffer): string {
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
