// Hands an origin's body to the client as it comes. A short body whose first bytes are all of it is handed over whole (no
// stream to set up); any other goes piece by piece: the next one is read when the client has taken the last, so a slow
// client piles up nothing. What the cache may store goes by way of a shared body (relay-fill.ts). An origin that falls
// silent, resets or ends early aborts the client's response: never a clean end after half a body.
// (Leaving a body to the runtime would be cheaper still, but then no timer of ours runs and a stalled one hangs on.)

import type { SharedBody } from '../../core/cache/shared-body.ts';
import { BodySource, type BodySourceOptions } from './body-source.ts';
import { whenClientLeaves } from './client-leaves.ts';
import { relayFill } from './relay-fill.ts';

export type BodyEnd =
  /** The body arrived whole; `bytes` when a copy was wanted and it fitted. */
  | { readonly type: 'complete'; readonly bytes: Uint8Array | null }
  | { readonly type: 'cut'; readonly reason: 'origin-aborted' | 'origin-silent' | 'client-left' };

/** Of a body that may be stored. */
export interface Keeping {
  /** A copy of up to this many bytes is kept. */
  readonly bytesMax: number;
  /** Where others may read it: whole, or while it comes in. */
  share(body: SharedBody | Uint8Array): void;
  /** Called with every piece that has come. */
  onProgress(): void;
  /** The copy has outgrown its limit, and the body goes on. */
  onCopyDropped(): void;
}

export interface RelayOptions extends BodySourceOptions {
  /** null: no copy is wanted. */
  readonly keep: Keeping | null;
  /** Tells that the client has left: a response that it no longer wanted is never read, nor is that told otherwise. */
  readonly clientSignal: AbortSignal;
  now(): number;
  /** Called once; what it returns may go on after the client has its response. */
  onEnd(end: BodyEnd): Promise<void> | undefined;
}

export function relayBody(options: RelayOptions, context: ExecutionContext): BodyInit {
  const { lengthBytes, first, keep } = options;
  if (lengthBytes === 0) return handOverWhole(options, new Uint8Array(0), context);
  const chunk = first?.chunk;
  if (chunk && !chunk.done && chunk.value.length >= (lengthBytes ?? 0)) {
    return handOverWhole(options, chunk.value, context);
  }
  const source = new BodySource(options);
  const pipe = lengthBytes === null ? new IdentityTransformStream() : new FixedLengthStream(lengthBytes);
  const writer = pipe.writable.getWriter();
  context.waitUntil(
    keep === null ? relay(options, source, writer) : relayFill({ ...options, keep }, source, writer),
  );
  return pipe.readable;
}

/** `bytes` are as many as Content-Length says: the whole body (RFC 9112 §6.3). */
function handOverWhole(options: RelayOptions, bytes: Uint8Array, context: ExecutionContext): Uint8Array {
  const { keep } = options;
  const isKept = keep !== null && bytes.byteLength <= keep.bytesMax;
  if (isKept) keep.share(bytes);
  const ended = options.onEnd({ type: 'complete', bytes: isKept ? bytes : null });
  if (ended) context.waitUntil(ended);
  return bytes;
}

async function relay(
  { clientSignal, onEnd }: RelayOptions,
  source: BodySource,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  let clientLeft = false;
  // Told here even while no write is under way.
  writer.closed.catch(() => {
    clientLeft = true;
    source.cancel();
  });
  whenClientLeaves(clientSignal, () => {
    clientLeft = true;
    writer.abort(new Error('The client has left')).catch(() => {});
  });
  for (;;) {
    const piece = await source.next();
    if (piece.type === 'end') break;
    if (piece.type === 'bytes') {
      if (!clientLeft) {
        await writer.write(piece.bytes).catch(() => {
          clientLeft = true;
        });
      }
      if (!clientLeft) continue;
    }
    const reason = clientLeft || piece.type === 'bytes' ? 'client-left' : piece.reason;
    writer.abort(new Error(`The origin's body was cut: ${reason}`)).catch(() => {});
    source.cancel();
    await onEnd({ type: 'cut', reason });
    return;
  }
  const ended = onEnd({ type: 'complete', bytes: null });
  await writer.close().catch(() => {});
  await ended;
}
