// A probe over a plain socket, for a Host other than the URL's: the runtime's fetch always sends the URL's. Reads the
// head of the answer, and the beginning of its body where the check looks at it; the connection is closed after it.
import { connect } from 'cloudflare:sockets';
import type { OriginUrl } from '../../core/config/origin-url.ts';
import { BodyPrefix } from './body-prefix.ts';
import type { ProbeAnswer } from './judge-answer.ts';

export interface SocketProbe {
  readonly origin: OriginUrl;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly host: string;
  /** Beside Host and Connection. */
  readonly headers: ReadonlyMap<string, string>;
  readonly wantsBody: boolean;
  readonly signal: AbortSignal;
}

type Connection = Pick<Socket, 'readable' | 'writable' | 'close' | 'closed'>;
type Connect = (address: SocketAddress, options: SocketOptions) => Connection;

const HEAD_BYTES_MAX = 65_536;
const LINE_BYTES_MAX = 4_096;

/** The final answer. Rejects when there is none, when it is not HTTP/1.1, and when the signal aborts. */
export async function socketAnswer(probe: SocketProbe, connectTo: Connect = connect): Promise<ProbeAnswer> {
  const { origin, signal } = probe;
  const isTls = origin.scheme === 'https';
  const socket = connectTo(
    { hostname: origin.host, port: origin.port ?? (isTls ? 443 : 80) },
    { secureTransport: isTls ? 'on' : 'off', allowHalfOpen: true },
  );
  socket.closed.catch(() => {});
  const close = (): void => void socket.close().catch(() => {});
  signal.addEventListener('abort', close);
  try {
    const sending = socket.writable.getWriter().write(requestHead(probe));
    // An answer may come before the request is sent whole; what fails here shows in reading.
    sending.catch(() => {});
    const input = new Input(socket.readable.getReader());
    const head = await readHead(input);
    const hasBody = probe.wantsBody && head.status !== 204 && head.status !== 304;
    return { ...head, body: hasBody ? await readBody(input, head.fields) : '' };
  } finally {
    signal.removeEventListener('abort', close);
    close();
  }
}

function requestHead({ method, target, host, headers }: SocketProbe): Uint8Array {
  const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host}`, 'Connection: close'];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  return new TextEncoder().encode(`${lines.join('\r\n')}\r\n\r\n`);
}

/** Interim answers (1xx) are passed over, as fetch does. */
async function readHead(input: Input): Promise<Omit<ProbeAnswer, 'body'>> {
  for (;;) {
    const head = await input.until('\r\n\r\n', HEAD_BYTES_MAX, 'head of the answer');
    const [statusLine = '', ...lines] = head.split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) throw new Error('The answer is not HTTP/1.1');
    if (status < 200) continue;
    const fields = new Map<string, string>();
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, Math.max(0, colon)).toLowerCase();
      const value = line.slice(colon + 1).trim();
      const before = fields.get(name);
      fields.set(name, before === undefined ? value : `${before}, ${value}`);
    }
    return { status, fields };
  }
}

/** RFC 9112 §6.3: chunks, a length, or all until the connection ends; no more than a probe looks at. */
async function readBody(input: Input, fields: ReadonlyMap<string, string>): Promise<string> {
  const body = new BodyPrefix();
  const length = fields.get('content-length');
  if (fields.has('transfer-encoding')) await readChunks(input, body);
  else if (length !== undefined) await input.copy(Number(length), body);
  else
    for (let piece = await input.next(); piece && !body.isFull; piece = await input.next()) body.add(piece);
  return body.text();
}

async function readChunks(input: Input, body: BodyPrefix): Promise<void> {
  while (!body.isFull) {
    const line = await input.until('\r\n', LINE_BYTES_MAX, 'line of a chunk');
    const size = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?$/.exec(line)?.[1];
    if (size === undefined) throw new Error('A chunk of the body has no size');
    const bytes = Number.parseInt(size, 16);
    if (bytes === 0) return;
    await input.copy(bytes, body);
    if (!body.isFull) await input.until('\r\n', LINE_BYTES_MAX, 'line of a chunk');
  }
}

/** What the connection brings, and what of it has not been used yet. */
class Input {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #left: Uint8Array = new Uint8Array(0);

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>) {
    this.#reader = reader;
  }

  /** Some bytes; null at the end of the connection. */
  async next(): Promise<Uint8Array | null> {
    if (this.#left.byteLength > 0) {
      const piece = this.#left;
      this.#left = new Uint8Array(0);
      return piece;
    }
    const { done, value } = await this.#reader.read();
    return done ? null : value;
  }

  /** The text before `end`, which is used up too. */
  async until(end: string, bytesMax: number, what: string): Promise<string> {
    // A byte a character: offsets in the text are offsets in the bytes.
    let text = '';
    for (;;) {
      const piece = await this.next();
      if (piece === null) throw new Error('The connection ended before the answer did');
      const searched = Math.max(0, text.length - end.length + 1);
      for (const byte of piece) text += String.fromCharCode(byte);
      const at = text.indexOf(end, searched);
      if (at !== -1) {
        const unused = text.length - at - end.length;
        this.#left = piece.subarray(piece.byteLength - unused);
        return text.slice(0, at);
      }
      if (text.length > bytesMax) throw new Error(`The ${what} is over ${bytesMax} bytes`);
    }
  }

  async copy(bytes: number, body: BodyPrefix): Promise<void> {
    for (let missing = bytes; missing > 0 && !body.isFull; ) {
      const piece = await this.next();
      if (piece === null) throw new Error('The connection ended before the answer did');
      body.add(piece.subarray(0, missing));
      if (piece.byteLength > missing) this.#left = piece.subarray(missing);
      missing -= Math.min(missing, piece.byteLength);
    }
  }
}
