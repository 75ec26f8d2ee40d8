// A stored body as it leaves the object: as bytes when it is inline, as a stream that reads chunk after chunk when it
// is large, so that the object never holds all of it, however often it is asked for.
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
  const pipe = new FixedLengthStream(last + 1 - first);
  writeChunks(body.hashes, { first, last }, readChunk, pipe.writable.getWriter());
  return pipe.readable;
}

/** One chunk at a time, as the reader takes them. Rejects never: who reads sees that the body breaks off. */
async function writeChunks(
  hashes: readonly string[],
  { first, last }: ByteRange,
  readChunk: ReadChunk,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  try {
    for (let startsAt = first - (first % CHUNK_BYTES); startsAt <= last; startsAt += CHUNK_BYTES) {
      const hash = hashes[startsAt / CHUNK_BYTES];
      if (hash === undefined) throw new Error(`Cannot read a body: it has ${hashes.length} chunks only`);
      const chunk = mustRead(hash, readChunk);
      const bytes = chunk.subarray(Math.max(0, first - startsAt), last + 1 - startsAt);
      if (bytes.byteLength !== Math.min(last + 1, startsAt + CHUNK_BYTES) - Math.max(first, startsAt)) {
        throw new Error(`Cannot read a body: its chunk ${hash} has ${chunk.byteLength} bytes`);
      }
      await writer.write(bytes);
      free(chunk.buffer);
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
  }
}

/**
 * At once: the garbage collector does not hurry for memory that lies outside of its heap, and popular large bodies left
 * hundreds of MiB of it. `transfer` is ES2024, which the compiler's library does not know.
 */
function free(buffer: ArrayBufferLike & { transfer?(bytes: number): unknown }): void {
  buffer.transfer?.(0);
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
