// Bodies of requests, never more of them in memory than is allowed.
import { Problem } from './problem.ts';

/** What a client may send in vain: read and thrown away, so that it gets to read the refusal. */
const DISCARD_MAX_BYTES = 32 * 1024 * 1024;

/** At most `maxBytes`, else 413. O(size), memory ≤ maxBytes and one chunk. */
export async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (!request.body) return new Uint8Array();
  const declared = request.headers.get('content-length');
  // Framing holds it to that, and the runtime reads it at once much faster than a stream is read.
  if (declared !== null && Number(declared) <= maxBytes) return new Uint8Array(await request.arrayBuffer());
  const reader = request.body.getReader();
  if (declared !== null && Number(declared) > maxBytes) {
    await discard(reader, 0);
    throw tooLarge(`${declared} bytes`, maxBytes);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      await discard(reader, bytes);
      throw tooLarge(`more than ${maxBytes} bytes`, maxBytes);
    }
    chunks.push(value);
  }
  if (chunks.length === 1 && chunks[0]) return chunks[0];
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

function tooLarge(size: string, maxBytes: number): Problem {
  return new Problem('too-large', `Cannot take the body: it has ${size}, the limit is ${maxBytes}`);
}

async function discard(reader: ReadableStreamDefaultReader<Uint8Array>, alreadyRead: number): Promise<void> {
  let bytes = alreadyRead;
  try {
    while (bytes < DISCARD_MAX_BYTES) {
      const { done, value } = await reader.read();
      if (done) return;
      bytes += value.byteLength;
    }
    await reader.cancel('too large');
  } catch {
    // The client has left: nobody reads the refusal.
  }
}
