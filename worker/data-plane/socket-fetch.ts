// An HTTP/1.1 request over a plain socket, for what the runtime's fetch cannot send: a Host field other than the
// URL's (`hostHeader`), and targets whose bytes it would re-encode. One connection per request, closed after it:
// slower than fetch, which everything else goes by.
import { connect } from 'cloudflare:sockets';
import type { Fields } from '../../core/http/fields.ts';
import {
  type Framing,
  framingOf,
  Http1ProtocolError,
  parseResponseHead,
  type ResponseHead,
  requestHeadBytes,
} from './http1-message.ts';

export interface SocketRequest {
  readonly isTls: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Host field. */
  readonly host: string;
  readonly method: string;
  /** Path and query, sent byte for byte. */
  readonly target: string;
  readonly fields: Fields;
  readonly body: ReadableStream<Uint8Array> | null;
  /** Of the body; null when not known. */
  readonly bodyBytes: number | null;
  readonly signal: AbortSignal;
}

export interface SocketResponse extends ResponseHead {
  readonly body: ReadableStream<Uint8Array> | null;
}

const HEAD_BYTES_MAX = 65_536;
const CHUNK_LINE_BYTES_MAX = 4_096;

/** Rejects when the connection fails, when the signal aborts, and with Http1ProtocolError for what is not HTTP. */
export async function socketFetch(request: SocketRequest): Promise<SocketResponse> {
  const { signal } = request;
  const socket = connect(
    { hostname: request.hostname, port: request.port },
    { secureTransport: request.isTls ? 'on' : 'off', allowHalfOpen: true },
  );
  socket.closed.catch(() => {});
  const close = () => void socket.close().catch(() => {});
  signal.addEventListener('abort', close);
  try {
    const source = createByteSource(socket.readable);
    // The response may come before the whole request is sent: failures of sending show up in reading.
    send(request, socket.writable, close).catch(() => {});
    const head = await readHead(source);
    const framing = framingOf(request.method, head);
    if (framing.type === 'none') {
      close();
      return { ...head, body: null };
    }
    const pipe = new IdentityTransformStream();
    void copyBody(source, framing, pipe.writable.getWriter()).finally(close);
    return { ...head, body: pipe.readable };
  } catch (error) {
    close();
    throw error;
  }
}

/** `onBroken`: the body cannot be read to its end, and the origin would wait for the rest. */
async function send(
  request: SocketRequest,
  writable: WritableStream<Uint8Array>,
  onBroken: () => void,
): Promise<void> {
  const { method, target, host, fields, body, bodyBytes } = request;
  const length = body === null ? null : (bodyBytes ?? 'chunked');
  const writer = writable.getWriter();
  await writer.write(requestHeadBytes({ method, target, host, fields, body: length }));
  if (body === null) return;
  const isChunked = length === 'chunked';
  const encoder = new TextEncoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error) => {
      onBroken();
      throw error;
    });
    if (done) break;
    if (value.byteLength === 0) continue;
    if (isChunked) await writer.write(encoder.encode(`${value.byteLength.toString(16)}\r\n`));
    await writer.write(value);
    if (isChunked) await writer.write(encoder.encode('\r\n'));
  }
  if (isChunked) await writer.write(encoder.encode('0\r\n\r\n'));
}

/** The first final head; interim ones (1xx) are passed over, as fetch does. */
async function readHead(source: ByteSource): Promise<ResponseHead> {
  const decoder = new TextDecoder();
  for (;;) {
    const bytes = await source.readUntil('\r\n\r\n', HEAD_BYTES_MAX);
    const head = parseResponseHead(decoder.decode(bytes));
    if (head.status === 101) throw new Http1ProtocolError('The origin switched protocols unasked');
    if (head.status >= 200) return head;
  }
}

async function copyBody(
  source: ByteSource,
  framing: Exclude<Framing, { type: 'none' }>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  try {
    if (framing.type === 'length') await copyBytes(source, framing.bytes, writer);
    else if (framing.type === 'chunked') await copyChunks(source, writer);
    else
      for (let piece = await source.readSome(); piece; piece = await source.readSome())
        await writer.write(piece);
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
  }
}

async function copyBytes(
  source: ByteSource,
  bytes: number,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  for (let left = bytes; left > 0; ) {
    const piece = await source.readSome(left);
    if (!piece) throw new Http1ProtocolError(`The body ended ${left} bytes early`);
    left -= piece.byteLength;
    await writer.write(piece);
  }
}

/** RFC 9112 §7.1; extensions and trailers are dropped. */
async function copyChunks(
  source: ByteSource,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  const decoder = new TextDecoder();
  const readLine = async () => decoder.decode(await source.readUntil('\r\n', CHUNK_LINE_BYTES_MAX));
  for (;;) {
    const size = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?$/.exec(await readLine())?.[1];
    if (size === undefined) throw new Http1ProtocolError('A chunk has no size');
    const bytes = Number.parseInt(size, 16);
    if (bytes === 0) break;
    await copyBytes(source, bytes, writer);
    if ((await readLine()) !== '') throw new Http1ProtocolError('A chunk is longer than its size');
  }
  while ((await readLine()) !== '');
}

interface ByteSource {
  /** Up to `bytesMax` bytes; null at the end. */
  readSome(bytesMax?: number): Promise<Uint8Array | null>;
  /** What stands before `end`, which is consumed too. */
  readUntil(end: string, bytesMax: number): Promise<Uint8Array>;
}

function createByteSource(readable: ReadableStream<Uint8Array>): ByteSource {
  const reader = readable.getReader();
  let buffered: Uint8Array = new Uint8Array(0);
  const readMore = async (): Promise<Uint8Array | null> => {
    const { done, value } = await reader.read();
    return done ? null : value;
  };
  return {
    async readSome(bytesMax = Number.POSITIVE_INFINITY) {
      const piece = buffered.byteLength > 0 ? buffered : await readMore();
      if (!piece) return null;
      buffered = piece.subarray(Math.min(bytesMax, piece.byteLength));
      return piece.subarray(0, Math.min(bytesMax, piece.byteLength));
    },
    async readUntil(end, bytesMax) {
      const mark = new TextEncoder().encode(end);
      let searched = 0;
      for (;;) {
        const at = indexOfBytes(buffered, mark, searched);
        if (at !== -1) {
          const before = buffered.subarray(0, at);
          buffered = buffered.subarray(at + mark.byteLength);
          return before;
        }
        searched = Math.max(0, buffered.byteLength - mark.byteLength + 1);
        if (buffered.byteLength > bytesMax) throw new Http1ProtocolError(`A line is over ${bytesMax} bytes`);
        const piece = await readMore();
        if (!piece) throw new Error('The connection ended before the message did');
        const joined = new Uint8Array(buffered.byteLength + piece.byteLength);
        joined.set(buffered);
        joined.set(piece, buffered.byteLength);
        buffered = joined;
      }
    },
  };
}

function indexOfBytes(bytes: Uint8Array, mark: Uint8Array, from: number): number {
  for (let at = from; at + mark.byteLength <= bytes.byteLength; at++) {
    let i = 0;
    while (i < mark.byteLength && bytes[at + i] === mark[i]) i++;
    if (i === mark.byteLength) return at;
  }
  return -1;
}
