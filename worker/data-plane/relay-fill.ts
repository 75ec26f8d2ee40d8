// A body that may be stored, on its way from the origin into memory, and from there to its own client and to whoever
// reads it along. While nobody else does, the next piece is read when the client has taken the last, as ever; once
// somebody does, the client's pace holds up nobody and the fetch goes on without it. A body that outgrows what may be
// kept goes on, at the pace of the slowest who reads it.

import { type Reader, SharedBody, WINDOW_BYTES } from '../../core/cache/shared-body.ts';
import type { BodySource } from './body-source.ts';
import { whenClientLeaves } from './client-leaves.ts';
import type { Keeping, RelayOptions } from './relay-body.ts';
import { sendShared } from './send-shared.ts';
import { within } from './within.ts';

const BEAT_MS = 1_000;
/** Whether somebody has begun to read along, or has come on, is to be looked for. */
const LOOK_MS = 50;
/** So long the others wait for whoever reads too slowly what cannot be kept. */
const LAGGARD_MS = 5_000;

export async function relayFill(
  options: RelayOptions & { readonly keep: Keeping },
  source: BodySource,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  const { lengthBytes, keep, clientSignal, now, onEnd } = options;
  const body = new SharedBody(lengthBytes, keep.bytesMax, now());
  const own = body.enter(now());
  const client = new OwnClient();
  whenClientLeaves(clientSignal, () => writer.abort(new Error('The client has left')).catch(() => {}));
  writer.closed.catch(client.wake);
  const sent = sendShared(body, own, writer, { now, more: client.more, taken: client.moved }).then((how) => {
    client.hasLeft = how === 'left';
    client.moved();
  });
  keep.share(body);
  const beat = setInterval(() => body.fetchGoesOn(now()), BEAT_MS);
  try {
    for (;;) {
      await untilReadFrom(body, own, client, now);
      // Without its client the rest is fetched only for the copy, and for others.
      const isWanted = !client.hasLeft || body.isKept || body.isRead(now());
      const piece = isWanted ? await source.next() : CLIENT_LEFT;
      if (piece.type === 'end') break;
      if (piece.type === 'cut') {
        body.cut();
        client.wake();
        source.cancel();
        await onEnd({ type: 'cut', reason: client.hasLeft ? 'client-left' : piece.reason });
        return;
      }
      const wasKept = body.isKept;
      body.add(piece.bytes);
      body.fetchGoesOn(now());
      if (wasKept && !body.isKept) keep.onCopyDropped();
      keep.onProgress();
      client.wake();
    }
    // The copy is handed on first: who asks again as soon as the body has ended should find it under way.
    const ended = onEnd({ type: 'complete', bytes: body.finish() });
    client.wake();
    await ended;
  } finally {
    clearInterval(beat);
    await sent;
  }
}

const CLIENT_LEFT = { type: 'cut', reason: 'client-left' } as const;

/** Until another piece may be read into memory. */
async function untilReadFrom(
  body: SharedBody,
  own: Reader,
  client: OwnClient,
  now: () => number,
): Promise<void> {
  while (!body.isShared && !client.hasLeft && own.at < body.receivedBytes) {
    await within(client.untilMoved(), LOOK_MS);
  }
  if (body.isKept) return;
  const startedAt = now();
  while (body.lagBytes(now()) > WINDOW_BYTES) {
    if (now() - startedAt > LAGGARD_MS) body.dropLaggards(own);
    await within(client.untilMoved(), LOOK_MS);
  }
}

/** The request's own client: here, and only here, one may wait for the other by a promise. */
class OwnClient {
  hasLeft = false;
  #onMove = (): void => {};
  #onMore = (): void => {};

  readonly moved = (): void => this.#onMove();

  readonly more = (): Promise<void> =>
    new Promise((resolve) => {
      this.#onMore = resolve;
    });

  untilMoved(): Promise<void> {
    return new Promise((resolve) => {
      this.#onMove = resolve;
    });
  }

  readonly wake = (): void => this.#onMore();
}
