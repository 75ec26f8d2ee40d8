// A stored body as it leaves the object: as bytes when it is inline, as a stream that reads chunk after chunk when it
// is large, so that the object never holds all of it.
import type { Body } from '../../core/replication/commands.ts';

type ReadChunk = (hash: string) => Uint8Array | undefined;

export function openBody(body: Body, readChunk: ReadChunk): Uint8Array | ReadableStream<Uint8Array> {
  if (body.type === 'inline') return body.bytes;
  let next = 0;
  return new ReadableStream({
    type: 'bytes',
    pull(controller) {
      const hash = body.hashes[next];
      if (hash === undefined) {
        controller.close();
        controller.byobRequest?.respond(0);
        return;
      }
      next += 1;
      controller.enqueue(mustRead(hash, readChunk));
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
