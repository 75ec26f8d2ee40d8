// Two pieces of one body: a stored beginning and what an origin sends of the rest, as one stream; or all that is known of
// a part, as bytes to be stored.
import type { StoredBody } from './cache-lookup.ts';
import type { Answered } from './make-attempt.ts';

type ByteStream = ReadableStream<Uint8Array>;

/** Ends as the origin's body ends: also early, or by breaking off. */
export function joinStreams(
  before: StoredBody,
  { response, first }: Pick<Answered, 'response' | 'first'>,
  context: ExecutionContext,
): ByteStream {
  const pipe = new IdentityTransformStream();
  const rest = first === null ? response.body?.getReader() : first.reader;
  const pump = async (): Promise<void> => {
    const writer = pipe.writable.getWriter();
    // Told here even while the origin is silent.
    writer.closed.catch(() => rest?.cancel().catch(() => {}));
    try {
      if (before instanceof ReadableStream) for await (const piece of before) await writer.write(piece);
      else if (before !== null) await writer.write(before);
      // Its first read may be under way, or over.
      const begun = await first?.read;
      if (begun && !begun.done) await writer.write(begun.value);
      if (!begun?.done && rest !== undefined) await copy(rest, writer);
      await writer.close();
    } catch (error) {
      await writer.abort(error).catch(() => {});
      await rest?.cancel().catch(() => {});
    }
  };
  context.waitUntil(pump());
  return pipe.readable;
}

async function copy(
  reader: ReadableStreamDefaultReader<Uint8Array> | ReadableStreamBYOBReader,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  for (;;) {
    const { done, value } =
      'readAtLeast' in reader ? await reader.read(new Uint8Array(PIECE_BYTES)) : await reader.read();
    if (done) return;
    await writer.write(value);
  }
}

const PIECE_BYTES = 65_536;

/** null where what was stored cannot be had any more. */
export async function joinBytes(
  stored: StoredBody,
  came: Uint8Array,
  bytesBefore: number,
  restFrom: number,
): Promise<Uint8Array | null> {
  let held = stored;
  try {
    if (held instanceof ReadableStream) held = new Uint8Array(await new Response(held).arrayBuffer());
  } catch {
    return null;
  }
  if (held === null) return null;
  const after = held.subarray(restFrom);
  const whole = new Uint8Array(bytesBefore + came.byteLength + after.byteLength);
  whole.set(held.subarray(0, bytesBefore));
  whole.set(came, bytesBefore);
  whole.set(after, bytesBefore + came.byteLength);
  return whole;
}
