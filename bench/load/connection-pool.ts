// Connections that are kept, each with one request on it at a time. Written for load: what a general client does beyond
// that costs more processor time than the servers that are measured (docs/adr/0044).
import { createConnection, type Socket } from 'node:net';
import { ResponseReader } from './response-reader.ts';

/** What goes over the wire, made once for as many requests as are to be alike. */
export interface WireRequest {
  readonly bytes: Buffer;
  readonly isHead: boolean;
}

/** `status`: null without a whole answer. */
export type OnAnswer = (status: number | null, bodyBytes: number) => void;

export interface RequestParts {
  readonly method?: string;
  /** With the query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | null;
}

/** `host`: as in the Host field. */
export function wireRequest(host: string, parts: RequestParts): WireRequest {
  const { method = 'GET', path, headers = {}, body = null } = parts;
  const content = Buffer.from(body ?? '');
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}`,
    ...Object.entries(headers).map((pair) => pair.join(': ')),
    ...(body === null ? [] : [`Content-Length: ${content.length}`]),
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return { bytes: Buffer.concat([head, content]), isHead: method === 'HEAD' };
}

class Connection {
  readonly #socket: Socket;
  readonly #reader = new ResponseReader();
  readonly #onFree: (connection: Connection) => void;
  readonly #onGone: (connection: Connection) => void;
  #onAnswer: OnAnswer | null = null;

  constructor(
    { hostname, port }: URL,
    onFree: (connection: Connection) => void,
    onGone: (connection: Connection) => void,
  ) {
    this.#onFree = onFree;
    this.#onGone = onGone;
    this.#socket = createConnection({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.on('data', (data) => this.#read(data));
    this.#socket.on('end', () => this.#end(this.#reader.close()));
    this.#socket.on('error', () => this.#end(false));
    this.#socket.on('close', () => this.#end(false));
  }

  send({ bytes, isHead }: WireRequest, onAnswer: OnAnswer): void {
    this.#onAnswer = onAnswer;
    this.#reader.begin(isHead);
    this.#socket.write(bytes);
  }

  /** Who waits for an answer hears at once that there is none. */
  close(): void {
    this.#end(false);
  }

  #read(data: Buffer): void {
    const onAnswer = this.#onAnswer;
    let isWhole = false;
    try {
      isWhole = this.#reader.push(data);
    } catch {
      // No response, or bytes that nobody has asked for.
      this.#end(false);
      return;
    }
    if (!isWhole) return;
    if (!this.#reader.isReusable) {
      this.#end(true);
      return;
    }
    const { status, bodyBytes } = this.#reader;
    this.#onAnswer = null;
    // Free before the answer is told: who asks again at once, asks here. Whoever waited has it from now on.
    this.#onFree(this);
    onAnswer?.(status, bodyBytes);
  }

  #end(isWhole: boolean): void {
    const onAnswer = this.#onAnswer;
    this.#onAnswer = null;
    this.#socket.destroy();
    this.#onGone(this);
    onAnswer?.(isWhole ? this.#reader.status : null, this.#reader.bodyBytes);
  }
}

export class ConnectionPool {
  readonly #url: URL;
  readonly #max: number;
  readonly #all = new Set<Connection>();
  readonly #free: Connection[] = [];
  #waiting: { readonly request: WireRequest; readonly onAnswer: OnAnswer }[] = [];
  #isClosed = false;

  /** `max`: connections; requests beyond wait in line. */
  constructor(url: string, max: number) {
    this.#url = new URL(url);
    this.#max = max;
  }

  /** On a free connection, on a new one, or on the first that gets free. */
  send(request: WireRequest, onAnswer: OnAnswer): void {
    const free = this.#free.pop() ?? (this.#all.size < this.#max ? this.#open() : undefined);
    if (free) free.send(request, onAnswer);
    else this.#waiting.push({ request, onAnswer });
  }

  /** What is under way, and who waits, gets no answer. */
  close(): void {
    this.#isClosed = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of [...this.#all]) connection.close();
    for (const { onAnswer } of waiting) onAnswer(null, 0);
  }

  #open(): Connection {
    const connection: Connection = new Connection(
      this.#url,
      (one) => {
        const next = this.#waiting.shift();
        if (next) one.send(next.request, next.onAnswer);
        else this.#free.push(one);
      },
      (one) => this.#gone(one),
    );
    this.#all.add(connection);
    return connection;
  }

  #gone(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    const index = this.#free.indexOf(connection);
    if (index !== -1) this.#free.splice(index, 1);
    const next = this.#isClosed ? undefined : this.#waiting.shift();
    if (next) this.#open().send(next.request, next.onAnswer);
  }
}
