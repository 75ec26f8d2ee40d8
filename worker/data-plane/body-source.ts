// An origin's body, piece by piece, with a limit for its silence. One buffer is used again and again: a piece is to be
// done with before the next one is asked for.
import type { ChunkResult, FirstBytes } from './first-bytes.ts';
import { within } from './within.ts';

export type Piece =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'cut'; readonly reason: 'origin-aborted' | 'origin-silent' };

export interface BodySourceOptions {
  readonly body: ReadableStream<Uint8Array>;
  /** From Content-Length; null when the origin did not say. */
  readonly lengthBytes: number | null;
  /** What has been read of a short body. */
  readonly first: FirstBytes | null;
  /** What is left for the first byte, ms. */
  firstByteLeftMs(): number;
  /** Longest silence of the origin after it. */
  readonly silenceMs: number;
}

const PIECE_BYTES_MIN = 16_384;
const PIECE_BYTES_MAX = 131_072;

export class BodySource {
  readonly #reader: ReadableStreamBYOBReader;
  readonly #lengthBytes: number | null;
  readonly #silenceMs: number;
  #pending: Promise<ChunkResult> | null;
  #limitMs: number;
  #buffer = new ArrayBuffer(PIECE_BYTES_MIN);
  #receivedBytes = 0;

  constructor({ body, lengthBytes, first, firstByteLeftMs, silenceMs }: BodySourceOptions) {
    this.#reader = first?.reader ?? body.getReader({ mode: 'byob' });
    this.#pending = first?.read ?? null;
    this.#lengthBytes = lengthBytes;
    this.#silenceMs = silenceMs;
    this.#limitMs = Math.max(1, firstByteLeftMs());
  }

  async next(): Promise<Piece> {
    const result = await read(
      this.#pending ?? this.#reader.read(new Uint8Array(this.#buffer)),
      this.#limitMs,
    );
    this.#limitMs = this.#silenceMs;
    this.#pending = null;
    if (typeof result === 'string') return { type: 'cut', reason: result };
    const { done, value } = result;
    if (done) {
      // A reader that was cancelled ends like one that was read to the end: the length tells.
      const isShort = this.#receivedBytes < (this.#lengthBytes ?? 0);
      return isShort ? { type: 'cut', reason: 'origin-aborted' } : { type: 'end' };
    }
    this.#receivedBytes += value.byteLength;
    const isFull = value.byteLength === value.buffer.byteLength;
    const nextBytes = isFull ? Math.min(value.byteLength * 2, PIECE_BYTES_MAX) : value.buffer.byteLength;
    this.#buffer =
      nextBytes > value.buffer.byteLength ? new ArrayBuffer(nextBytes) : (value.buffer as ArrayBuffer);
    return { type: 'bytes', bytes: value };
  }

  cancel(): void {
    this.#reader.cancel().catch(() => {});
  }
}

async function read(
  reading: Promise<ChunkResult>,
  limitMs: number,
): Promise<ChunkResult | 'origin-aborted' | 'origin-silent'> {
  try {
    return (await within(reading, limitMs)) ?? 'origin-silent';
  } catch {
    return 'origin-aborted';
  }
}
