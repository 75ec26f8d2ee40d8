// Takes the port of a server that was killed, refuses everybody who comes by resetting the connection, and writes down
// when and who: what a dead backend cannot do itself.
import { createServer, type Server, type Socket } from 'node:net';

export interface Visitor {
  /** Epoch ms. */
  readonly at: number;
  /** Head of its request; '' when it sent none. */
  readonly head: string;
}

export interface Doorkeeper {
  readonly visitors: readonly Visitor[];
  stop(): Promise<void>;
}

export async function keepDoor(port: number): Promise<Doorkeeper> {
  const visitors: Visitor[] = [];
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const at = Date.now();
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      visitors.push({ at, head: bytes.toString('latin1') });
      socket.resetAndDestroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    visitors,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
