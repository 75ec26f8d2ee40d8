// The first bytes of a short body, read before anything of the response goes to the client: mostly they are all of it,
// and while none of them has come the request can still be tried elsewhere.
import type { Patience } from './attempt.ts';
import type { OriginResponse } from './send-to-origin.ts';

export type ChunkResult = ReadableStreamReadResult<Uint8Array>;

export interface FirstBytes {
  readonly reader: ReadableStreamBYOBReader;
  /** The read that is under way, or over. */
  readonly read: Promise<ChunkResult>;
  /** What it gave; null when nothing came in the attempt's time. */
  readonly chunk: ChunkResult | null;
}

/** A body is short up to this length. */
const SHORT_BYTES_MAX = 65_536;
/** RFC 9110 §6.4.1: no body, whatever the fields say. */
const BODILESS = new Set([101, 204, 205, 304]);

/** null where there is no short body to begin with. */
export function readFirstBytes(
  method: string,
  { status, body, bodyBytes }: OriginResponse,
  patience: Patience,
): Promise<FirstBytes | 'broken'> | null {
  if (body === null || bodyBytes === null || bodyBytes === 0 || bodyBytes > SHORT_BYTES_MAX) return null;
  return method === 'HEAD' || BODILESS.has(status) ? null : begin(body, bodyBytes, patience);
}

async function begin(
  body: ReadableStream<Uint8Array>,
  bodyBytes: number,
  patience: Patience,
): Promise<FirstBytes | 'broken'> {
  const reader = body.getReader({ mode: 'byob' });
  const read = reader.read(new Uint8Array(bodyBytes));
  try {
    const chunk = await Promise.race([read, patience.isOver]);
    return chunk?.done ? 'broken' : { reader, read, chunk };
  } catch {
    return 'broken';
  }
}

/** Nobody wants the body any more. */
export function cancelBody({ body }: OriginResponse, first: FirstBytes | null): void {
  const cancelled = first === null ? body?.cancel() : first.reader.cancel();
  cancelled?.catch(() => {});
}
