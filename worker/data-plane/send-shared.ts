// A shared body on its way to one client, at that client's pace.
import type { Reader, SharedBody } from '../../core/cache/shared-body.ts';
import { sleep, within } from './within.ts';

const PIECE_BYTES_MAX = 131_072;
/** Below what a reader may be silent for (shared-body.ts). */
const SEEN_EVERY_MS = 5_000;
const FIRST_PAUSE_MS = 2;
const PAUSE_MAX_MS = 32;

/**
 * What is to be sent to a client whose own request did not fetch it: everything from the first byte on. What breaks off
 * at the origin breaks off here.
 */
export class ReadAlong {
  readonly #body: SharedBody;
  readonly #reader: Reader;
  readonly #now: () => number;
  readonly #context: ExecutionContext;

  constructor(body: SharedBody, now: () => number, context: ExecutionContext) {
    this.#body = body;
    this.#reader = body.enter(now());
    this.#now = now;
    this.#context = context;
  }

  /** Once. */
  open(): ReadableStream<Uint8Array> {
    const { lengthBytes } = this.#body;
    const pipe = lengthBytes === null ? new IdentityTransformStream() : new FixedLengthStream(lengthBytes);
    let pauseMs = FIRST_PAUSE_MS;
    const sending = sendShared(this.#body, this.#reader, pipe.writable.getWriter(), {
      now: this.#now,
      async more() {
        await sleep(pauseMs);
        pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS);
      },
      taken() {
        pauseMs = FIRST_PAUSE_MS;
      },
    });
    this.#context.waitUntil(sending);
    return pipe.readable;
  }

  /** Instead of opening it. */
  leave(): void {
    this.#body.leave(this.#reader);
  }
}

export interface Sending {
  now(): number;
  /** Resolves when it may be worth looking again. */
  more(): Promise<void>;
  /** The client has taken some. */
  taken(): void;
}

/** Resolves when all is sent, with 'left' when the client went before that. Rejects never. */
export async function sendShared(
  body: SharedBody,
  reader: Reader,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  { now, more, taken }: Sending,
): Promise<'sent' | 'broken' | 'left'> {
  let hasLeft = false;
  // Told here even while no write is under way.
  writer.closed.catch(() => {
    hasLeft = true;
  });
  try {
    for (;;) {
      reader.seenAt = now();
      if (hasLeft) return 'left';
      if (reader.isDropped) return await broken(writer, 'its client was too slow');
      const bytes = body.after(reader.at);
      if (bytes !== null) {
        const piece = bytes.subarray(0, PIECE_BYTES_MAX);
        const written = writer.write(piece);
        while ((await within(written, SEEN_EVERY_MS)) === null) reader.seenAt = now();
        reader.at += piece.byteLength;
        taken();
      } else if (body.end === 'whole') {
        await writer.close();
        return 'sent';
      } else if (body.end === 'cut' || !body.isAlive(now())) {
        return await broken(writer, 'the fetch of it was cut');
      } else {
        await more();
      }
    }
  } catch {
    return 'left';
  } finally {
    body.leave(reader);
  }
}

async function broken(writer: WritableStreamDefaultWriter<Uint8Array>, why: string): Promise<'broken'> {
  await writer.abort(new Error(`The body breaks off: ${why}`)).catch(() => {});
  return 'broken';
}
