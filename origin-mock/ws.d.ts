// The part of the package ws that the origins use: it ships no types of its own.
declare module 'ws' {
  import type { EventEmitter } from 'node:events';
  import type { IncomingMessage } from 'node:http';
  import type { Duplex } from 'node:stream';

  export class WebSocket extends EventEmitter {
    send(data: Uint8Array | string, options?: { binary?: boolean }): void;
    close(code?: number, reason?: string): void;
    terminate(): void;
  }

  export class WebSocketServer extends EventEmitter {
    constructor(options: { noServer: true });
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Uint8Array,
      done: (socket: WebSocket) => void,
    ): void;
    readonly clients: Set<WebSocket>;
    close(): void;
  }
}
