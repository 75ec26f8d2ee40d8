// A stored body as it leaves the object: as bytes when it is inline, as a stream that reads chunk after chunk when it
// is large, so that the object never holds all of it.
import type { ByteRange } from '../../core/http/ranges.ts';
import type { Body } from '../../core/replication/commands.ts';
import { CHUNK_BYTES } from '../../core/replication/sizes.ts';

type ReadChunk = (hash: string) => Uint8Array | undefined;

/** `span`: only these bytes of it; null = all. Chunks outside are not read. */
export function openBody(
  body: Body,
  readChunk: ReadChunk,
  span: ByteRange | null = null,
): Uint8Array | ReadableStream<Uint8Array> {
  // A view would take the whole buffer behind it along to the caller.
  if (body.type === 'inline') return span === null ? body.bytes : body.bytes.slice(span.first, span.last + 1);
  const { first, last } = span ?? { first: 0, last: body.bytes - 1 };
  let next = Math.floor(first / CHUNK_BYTES);
  return new ReadableStream({
    type: 'bytes',
    pull(controller) {
      const startsAt = next * CHUNK_BYTES;
      const hash = startsAt > last ? undefined : body.hashes[next];
      if (hash === undefined) {
        controller.close();
        controller.byobRequest?.respond(0);
        return;
      }
      const chunk = mustRead(hash, readChunk);
      const isLast = next === body.hashes.length - 1;
      if (!isLast && chunk.byteLength !== CHUNK_BYTES) {
        throw new Error(`Cannot read a body: its chunk ${hash} has ${chunk.byteLength} bytes`);
      }
      next += 1;
      controller.enqueue(chunk.subarray(Math.max(0, first - startsAt), last + 1 - startsAt));
    },
  });
}

/** The whole body in memory: for values that are small by contract. */
export function joinBody(body: Body, readChunk: ReadChunk): Uint8Array {
  if (body.type === 'inline') return body.bytes;
  const joined = new Uint8Array(body.bytes);
  let at = 0;
  for (const hash of body.hashes) {
    const chunk = mustRead(hash, readChunk);
    joined.set(chunk, at);
    at += chunk.byteLength;
  }
  return joined;
}

/** Rows are applied only where their chunks are held, and chunks that a row names are not swept. */
function mustRead(hash: string, readChunk: ReadChunk): Uint8Array {
  const chunk = readChunk(hash);
  if (chunk === undefined) throw new Error(`Cannot read a body: its chunk ${hash} is gone`);
  return chunk;
}
