// Large bodies go to their shard in chunks before the command that names them, so that no log entry grows with them.
import { CHUNK_BYTES } from '../../core/replication/sizes.ts';

/** A body up to this size travels in its command. */
export const INLINE_BODY_BYTES = 256 * 1024;

export interface Chunk {
  /** SHA-256 in hex. */
  readonly hash: string;
  readonly bytes: Uint8Array;
}

/** Of at most 1 MiB each, each with a buffer of its own. O(bytes). */
export function chunksOf(body: Uint8Array): Promise<Chunk[]> {
  const starts = Array.from({ length: Math.ceil(body.byteLength / CHUNK_BYTES) }, (_, i) => i * CHUNK_BYTES);
  return Promise.all(
    starts.map(async (start) => {
      const bytes = body.slice(start, start + CHUNK_BYTES);
      return { hash: hex(await crypto.subtle.digest('SHA-256', bytes)), bytes };
    }),
  );
}

function hex(digest: ArrayBuffer): string {
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
