// Speaks to a server byte by byte, for requests that no HTTP client would send and answers that none would show.
import { connect, type Socket } from 'node:net';

export interface RawConnection {
  /** Latin-1: every character is one byte. */
  send(bytes: string | Uint8Array): void;
  /** Everything received so far, Latin-1. */
  received(): string;
  /** Waits until the text has arrived, then returns everything received. */
  until(text: string | RegExp, timeoutMs?: number): Promise<string>;
  /** Waits for the end of the connection, then returns everything received; `reset` tells RST from FIN. */
  end(timeoutMs?: number): Promise<{ readonly received: string; readonly reset: boolean }>;
  /** FIN of our side only. */
  halfClose(): void;
  destroy(): void;
  /** RST: the one way of leaving that a server notices while it writes nothing. */
  reset(): void;
}

/** `url` names host and port: "http://127.0.0.1:8787". */
export async function openRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket: Socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port) || 80,
    allowHalfOpen: true,
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  let text = '';
  let ended: { reset: boolean } | null = null;
  const listeners = new Set<() => void>();
  const changed = () => {
    for (const listener of [...listeners]) listener();
  };
  socket.setEncoding('latin1').on('data', (data) => {
    text += data;
    changed();
  });
  socket.on('end', () => {
    ended ??= { reset: false };
    changed();
  });
  socket.on('error', () => {
    ended ??= { reset: true };
    changed();
  });
  const wait = (isDone: () => boolean, timeoutMs: number, what: string) =>
    new Promise<void>((resolve, reject) => {
      const finish = (done: () => void) => {
        clearTimeout(timer);
        listeners.delete(check);
        done();
      };
      const check = () => {
        if (isDone()) finish(resolve);
        else if (ended)
          finish(() => reject(new Error(`The connection ended before ${what}: ${JSON.stringify(text)}`)));
      };
      const timer = setTimeout(
        () => finish(() => reject(new Error(`No ${what} within ${timeoutMs} ms: ${JSON.stringify(text)}`))),
        timeoutMs,
      );
      listeners.add(check);
      check();
    });
  return {
    send: (bytes) => void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    received: () => text,
    async until(wanted, timeoutMs = 5_000) {
      const found = () => (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text));
      await wait(found, timeoutMs, String(wanted));
      return text;
    },
    async end(timeoutMs = 5_000) {
      await wait(() => ended !== null, timeoutMs, 'end of the connection');
      socket.destroy();
      return { received: text, reset: ended?.reset ?? false };
    },
    halfClose: () => void socket.end(),
    destroy: () => void socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
  };
}

/** Sends the bytes on a connection of their own and returns all that comes until it ends: ask with `Connection: close`. */
export async function rawExchange(
  url: string,
  bytes: string | Uint8Array,
  timeoutMs = 5_000,
): Promise<string> {
  const connection = await openRaw(url);
  connection.send(bytes);
  return (await connection.end(timeoutMs)).received;
}
