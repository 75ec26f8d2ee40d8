// The body of an answer out of the cache: all of what is stored, one range of it, or several as multipart/byteranges
// (RFC 9110 §14.6).
import type { AnswerBody, RangeOfBody } from '../../core/cache/respond.ts';
import { type ByteRange, rangeBytes } from '../../core/http/ranges.ts';
import { discard, type StoredBody } from './cache-lookup.ts';
import { ReadAlong } from './send-shared.ts';

interface Held {
  /** What another request is fetching is there as a whole, or not at all. */
  readonly body: StoredBody | ReadAlong;
  /** Of all that is stored; `span`: which of them `body` holds, null = all. */
  readonly bodyBytes: number;
  readonly span: ByteRange | null;
}

/** Several ranges name their boundary in `headers`. */
export function storedBody(
  answer: AnswerBody,
  { body, bodyBytes, span }: Held,
  headers: Headers,
): BodyInit | null {
  if (body instanceof ReadAlong) {
    if (answer.type === 'whole') return body.open();
    discard(body);
    return null;
  }
  switch (answer.type) {
    case 'none':
      discard(body);
      return null;
    case 'whole':
      return withLength(body, bodyBytes);
    case 'range':
      return rangeOf(body, answer.range, span ?? { first: 0, last: bodyBytes - 1 });
    case 'ranges':
      return multipart(body, answer, headers);
    default:
      answer satisfies never;
      throw new Error('Cannot answer with a body of an unknown kind');
  }
}

/** A stream of known length keeps its Content-Length. */
function withLength(body: StoredBody, bytes: number): BodyInit | null {
  return body instanceof ReadableStream ? body.pipeThrough(new FixedLengthStream(bytes)) : body;
}

/** What streams was cut by whoever read it. */
function rangeOf(body: StoredBody, range: ByteRange, span: ByteRange): BodyInit | null {
  if (rangeBytes(range) === rangeBytes(span)) return withLength(body, rangeBytes(range));
  if (body instanceof ReadableStream) throw new Error('Cannot cut a range out of a stream of the whole');
  return body?.subarray(range.first, range.last + 1) ?? null;
}

function multipart(
  body: StoredBody,
  { ranges, contentType }: Extract<AnswerBody, { type: 'ranges' }>,
  headers: Headers,
): BodyInit | null {
  // Unguessable, so that no stored body can hold it on purpose.
  const boundary = crypto.randomUUID();
  headers.set('content-type', `multipart/byteranges; boundary=${boundary}`);
  const typeLine = contentType === null ? '' : `Content-Type: ${contentType}\r\n`;
  const headOf = ({ contentRange }: RangeOfBody): string =>
    `\r\n--${boundary}\r\n${typeLine}Content-Range: ${contentRange}\r\n\r\n`;
  const end = `\r\n--${boundary}--\r\n`;
  const encoder = new TextEncoder();
  const join = (whole: Uint8Array): Uint8Array => {
    const pieces = ranges.flatMap((one) => [
      encoder.encode(headOf(one)),
      whole.subarray(one.range.first, one.range.last + 1),
    ]);
    return concat([...pieces, encoder.encode(end)]);
  };
  if (!(body instanceof ReadableStream)) return body === null ? null : join(body);
  // Short by respond.ts.
  const pipe = new IdentityTransformStream();
  const write = async (): Promise<void> => {
    const writer = pipe.writable.getWriter();
    try {
      await writer.write(join(new Uint8Array(await new Response(body).arrayBuffer())));
      await writer.close();
    } catch (error) {
      await writer.abort(error).catch(() => {});
    }
  };
  write().catch(() => {});
  return pipe.readable;
}

function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.byteLength;
  }
  return whole;
}
