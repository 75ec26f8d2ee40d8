// A probe over a plain socket, for a Host other than the URL's: the runtime's fetch always sends the URL's. Of the
// answer only the status is read; the connection is closed after it.
import { connect } from 'cloudflare:sockets';
import type { OriginUrl } from '../../core/config/origin-url.ts';

export interface SocketProbe {
  readonly origin: OriginUrl;
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly host: string;
  /** Beside Host and Connection. */
  readonly headers: ReadonlyMap<string, string>;
  readonly signal: AbortSignal;
}

type Connection = Pick<Socket, 'readable' | 'writable' | 'close' | 'closed'>;
type Connect = (address: SocketAddress, options: SocketOptions) => Connection;

const HEAD_BYTES_MAX = 65_536;

/** The status of the final answer. Rejects when there is none, when it is not HTTP/1.1, and when the signal aborts. */
export async function socketStatus(probe: SocketProbe, connectTo: Connect = connect): Promise<number> {
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
    return await readStatus(socket.readable);
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
async function readStatus(readable: ReadableStream<Uint8Array>): Promise<number> {
  const reader = readable.getReader();
  const decoder = new TextDecoder('latin1');
  let text = '';
  while (text.length <= HEAD_BYTES_MAX) {
    const { done, value } = await reader.read();
    if (done) throw new Error('The connection ended before the answer did');
    text += decoder.decode(value, { stream: true });
    for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
      const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |\r\n)/.exec(`${text.slice(0, end)}\r\n`)?.[1]);
      if (Number.isNaN(status)) throw new Error('The answer is not HTTP/1.1');
      if (status >= 200) return status;
      text = text.slice(end + 4);
    }
  }
  throw new Error(`The head of the answer is over ${HEAD_BYTES_MAX} bytes`);
}
