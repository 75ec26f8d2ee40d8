// Hands an origin's body to the client as it comes, keeping a copy on the side where one is wanted. A short body whose
// first bytes are all of it is handed over whole (no stream to set up); any other goes chunk by chunk: the next one is
// read when the client has taken the last, so a slow client piles up nothing. An origin that falls silent, resets or
// ends early aborts the client's response: never a clean end after half a body.
// (Leaving a body to the runtime would be cheaper still, but then no timer of ours runs and a stalled one hangs on.)
import type { ChunkResult, FirstBytes } from './first-bytes.ts';
import { within } from './within.ts';

export type BodyEnd =
  /** The body arrived whole; `bytes` when a copy was wanted and it fitted. */
  | { readonly type: 'complete'; readonly bytes: Uint8Array | null }
  | { readonly type: 'cut'; readonly reason: 'origin-aborted' | 'origin-silent' | 'client-left' };

export interface RelayOptions {
  readonly body: ReadableStream<Uint8Array>;
  /** From Content-Length; null when the origin did not say. */
  readonly lengthBytes: number | null;
  /** A copy of up to this many bytes is kept; 0 = none wanted. */
  readonly keepBytesMax: number;
  /** What has been read of a short body. */
  readonly first: FirstBytes | null;
  /** What is left for the first byte, ms. */
  firstByteLeftMs(): number;
  /** Longest silence of the origin after it. */
  readonly silenceMs: number;
  /** Tells that the client has left: a response that it no longer wanted is never read, nor is that told otherwise. */
  readonly clientSignal: AbortSignal;
  /** Called with every piece that has come. */
  readonly onProgress?: (() => void) | undefined;
  /** The copy has outgrown its limit, and the body goes on. */
  readonly onCopyDropped?: (() => void) | undefined;
  /** Called once; what it returns may go on after the client has its response. */
  onEnd(end: BodyEnd): Promise<void> | undefined;
}

const CHUNK_BYTES_MIN = 16_384;
const CHUNK_BYTES_MAX = 131_072;

type ByteReader = ReadableStreamBYOBReader;

export function relayBody(options: RelayOptions, context: ExecutionContext): BodyInit {
  const { body, lengthBytes, first } = options;
  if (lengthBytes === 0) return handOverWhole(options, new Uint8Array(0), context);
  if (first === null) return startRelay(options, body.getReader({ mode: 'byob' }), null, context);
  const { reader, read, chunk } = first;
  if (!chunk || chunk.done || chunk.value.length < (lengthBytes ?? 0)) {
    return startRelay(options, reader, read, context);
  }
  return handOverWhole(options, chunk.value, context);
}

/** `bytes` are as many as Content-Length says: the whole body (RFC 9112 §6.3). */
function handOverWhole(options: RelayOptions, bytes: Uint8Array, context: ExecutionContext): Uint8Array {
  const isKept = options.keepBytesMax > 0 && bytes.byteLength <= options.keepBytesMax;
  const ended = options.onEnd({ type: 'complete', bytes: isKept ? bytes : null });
  if (ended) context.waitUntil(ended);
  return bytes;
}

function startRelay(
  options: RelayOptions,
  reader: ByteReader,
  first: Promise<ChunkResult> | null,
  context: ExecutionContext,
): ReadableStream {
  const { lengthBytes } = options;
  const pipe = lengthBytes === null ? new IdentityTransformStream() : new FixedLengthStream(lengthBytes);
  context.waitUntil(relay(options, reader, first, pipe.writable.getWriter()));
  return pipe.readable;
}

async function relay(
  options: RelayOptions,
  reader: ByteReader,
  first: Promise<ChunkResult> | null,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  const { lengthBytes } = options;
  const copy = options.keepBytesMax > 0 ? createCopy(options) : null;
  let clientLeft = false;
  let receivedBytes = 0;
  let pending = first;
  let buffer = new ArrayBuffer(CHUNK_BYTES_MIN);
  let limitMs = Math.max(1, options.firstByteLeftMs());
  // Told here even while no write is under way.
  writer.closed.catch(() => {
    clientLeft = true;
    if (!copy) reader.cancel().catch(() => {});
  });
  const leave = (): void => {
    clientLeft = true;
    writer.abort(new Error('The client has left')).catch(() => {});
  };
  if (options.clientSignal.aborted) leave();
  else options.clientSignal.addEventListener('abort', leave, { once: true });
  for (;;) {
    const result = await readChunk(pending ?? reader.read(new Uint8Array(buffer)), limitMs);
    limitMs = options.silenceMs;
    pending = null;
    // A reader that was cancelled ends like one that was read to the end: the length tells.
    const isShort = result.type === 'chunk' && result.chunk.done && receivedBytes < (lengthBytes ?? 0);
    if (result.type !== 'chunk' || isShort) {
      const reason = clientLeft ? 'client-left' : result.type === 'chunk' ? 'origin-aborted' : result.type;
      writer.abort(new Error(`The origin's body was cut: ${reason}`)).catch(() => {});
      reader.cancel().catch(() => {});
      await options.onEnd({ type: 'cut', reason });
      return;
    }
    const { done, value } = result.chunk;
    if (done) break;
    if (copy?.isWanted()) {
      copy.add(value);
      if (!copy.isWanted()) options.onCopyDropped?.();
    }
    options.onProgress?.();
    receivedBytes += value.byteLength;
    if (!clientLeft) {
      await writer.write(value).catch(() => {
        clientLeft = true;
      });
    }
    // Without a client the rest is fetched only for the copy.
    if (clientLeft && !copy?.isWanted()) {
      reader.cancel().catch(() => {});
      await options.onEnd({ type: 'cut', reason: 'client-left' });
      return;
    }
    const isFull = value.byteLength === value.buffer.byteLength;
    const nextBytes = isFull ? Math.min(value.byteLength * 2, CHUNK_BYTES_MAX) : value.buffer.byteLength;
    buffer = nextBytes > value.buffer.byteLength ? new ArrayBuffer(nextBytes) : (value.buffer as ArrayBuffer);
  }
  // The copy is handed on first: who asks again as soon as the body has ended should find it under way.
  const ended = options.onEnd({ type: 'complete', bytes: copy?.finish() ?? null });
  await writer.close().catch(() => {});
  await ended;
}

type ReadOutcome =
  | { readonly type: 'chunk'; readonly chunk: ChunkResult }
  | { readonly type: 'origin-aborted' }
  | { readonly type: 'origin-silent' };

async function readChunk(read: Promise<ChunkResult>, silenceMs: number): Promise<ReadOutcome> {
  try {
    const chunk = await within(read, silenceMs);
    return chunk ? { type: 'chunk', chunk } : { type: 'origin-silent' };
  } catch {
    return { type: 'origin-aborted' };
  }
}

interface Copy {
  add(chunk: Uint8Array): void;
  /** False once it has outgrown its limit. */
  isWanted(): boolean;
  /** null when it has outgrown its limit, or is short. */
  finish(): Uint8Array | null;
}

function createCopy({ lengthBytes, keepBytesMax }: RelayOptions): Copy {
  let pieces: Uint8Array[] | null = [];
  let bytes = 0;
  if (lengthBytes !== null && lengthBytes > keepBytesMax) pieces = null;
  return {
    add(chunk) {
      if (!pieces) return;
      bytes += chunk.byteLength;
      if (bytes > keepBytesMax) pieces = null;
      else pieces.push(chunk.slice());
    },
    isWanted: () => pieces !== null,
    finish() {
      // A reader that was cancelled ends like one that was read to the end: the length is the proof.
      if (!pieces || (lengthBytes !== null && bytes !== lengthBytes)) return null;
      const whole = new Uint8Array(bytes);
      let at = 0;
      for (const piece of pieces) {
        whole.set(piece, at);
        at += piece.byteLength;
      }
      return whole;
    },
  };
}
