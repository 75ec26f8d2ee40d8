// Scripted origins as real HTTP servers in this process: one listening port each, with a ledger of all that arrives.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { LedgerEntry } from './ledger.ts';
import { BODY_KEPT_BYTES, createOrigin, isControl, type Origin } from './origin.ts';
import { renderOnNode } from './render-node.ts';
import type { FieldLine, Reply } from './reply.ts';
import type { ScriptInput } from './script.ts';

export interface OriginSpec {
  readonly name?: string;
  readonly host?: string;
  /** 0 = any free one. */
  readonly port?: number;
  /** A port of its own for the control endpoint: then no path of the origin is reserved. 0 = any free one. */
  readonly controlPort?: number;
  readonly seed?: number;
  readonly scripts?: readonly ScriptInput[];
}

export interface RunningOrigin extends Origin {
  readonly port: number;
  /** Without a slash at the end. */
  readonly url: string;
  /** Where "/__origin" is: `url` unless the control endpoint has a port of its own. */
  readonly controlUrl: string;
  /** Adds scripts; throws a sentence when one is wrong. */
  script(...scripts: readonly ScriptInput[]): void;
  /** Forgets scripts and ledger. */
  reset(): void;
  /** Closes every connection at once; a second call does nothing. */
  stop(): Promise<void>;
}

export async function startOrigin(spec: OriginSpec = {}): Promise<RunningOrigin> {
  const { name = 'a', host = '127.0.0.1', port = 0, controlPort, seed = 1, scripts = [] } = spec;
  const origin = createOrigin({ name, seed });
  origin.scripts.add(...scripts);
  const sockets = new WebSocketServer({ noServer: true });
  const main = createListener((request, response, connection) => {
    const control = controlPort === undefined && isControl(request.url ?? '');
    void handle({ origin, request, response, connection, control });
  });
  main.server.on('upgrade', (request, socket, head) => {
    void upgrade(origin, sockets, request, socket, head, main.numberOf(socket));
  });
  const apart = createListener((request, response, connection) => {
    void handle({ origin, request, response, connection, control: true });
  });

  const urlOf = (bound: number) => `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  const bound = await main.listen(port, host);
  const controlUrl = urlOf(controlPort === undefined ? bound : await apart.listen(controlPort, host));
  return {
    ...origin,
    port: bound,
    url: urlOf(bound),
    controlUrl,
    script: (...added) => origin.scripts.add(...added),
    reset() {
      origin.scripts.clear();
      origin.ledger.clear();
    },
    async stop() {
      sockets.close();
      await Promise.all([main.stop(), apart.stop()]);
    },
  };
}

/** An HTTP server that numbers its connections and can end them all. */
function createListener(
  take: (request: IncomingMessage, response: ServerResponse, connection: number) => void,
) {
  const connections = new Map<Duplex, number>();
  let connectionsSeen = 0;
  const numberOf = (socket: Duplex) => connections.get(socket) ?? 0;
  // A proxy keeps connections for long: the origin must never be the one that closes an idle one.
  const server = createServer({ keepAliveTimeout: 600_000, requestTimeout: 0, maxHeaderSize: 131_072 });
  server.on('connection', (socket: Socket) => {
    connections.set(socket, ++connectionsSeen);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
  });
  server.on('request', (request, response) => take(request, response, numberOf(request.socket)));
  return {
    server,
    numberOf,
    listen: (port: number, host: string) =>
      new Promise<number>((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
      }),
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of connections.keys()) socket.destroy();
      }),
  };
}

const NAMES = 'abcdefghijklmnopqrstuvwxyz';

/** `startOrigins(4)` gives origins "a" to "d" on free ports; a list of specs names and scripts each. */
export function startOrigins(count: number | readonly OriginSpec[]): Promise<RunningOrigin[]> {
  const specs = typeof count === 'number' ? Array.from({ length: count }, (): OriginSpec => ({})) : count;
  return Promise.all(
    specs.map((spec, i) => startOrigin({ name: NAMES[i] ?? `origin-${i}`, seed: i + 1, ...spec })),
  );
}

function head(request: IncomingMessage) {
  const fields: FieldLine[] = [];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    fields.push([request.rawHeaders[i] ?? '', request.rawHeaders[i + 1] ?? '']);
  }
  return { method: request.method ?? 'GET', target: request.url ?? '/', fields };
}

interface Handled {
  readonly origin: Origin;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly connection: number;
  readonly control: boolean;
}

async function handle({ origin, request, response, connection, control }: Handled) {
  const received = head(request);
  const update = control ? () => {} : origin.ledger.record({ at: Date.now(), ...received, connection });
  response.on('error', () => {});
  const body = await readBody(request, update);
  if (!body) return update({ outcome: 'client-left' });
  const arrived = { ...received, ...body };
  const reply: Reply = control ? await origin.control(arrived) : await origin.reply(arrived);
  if (!reply.fault || /mid-body|short/.test(reply.fault)) update({ status: reply.status });
  update({ outcome: await renderOnNode(reply, received.method, response) });
}

/** null when the client left before the body was complete. Keeps the first 64 KiB only. */
async function readBody(request: IncomingMessage, update: (change: Partial<LedgerEntry>) => void) {
  const hash = createHash('sha256');
  const kept: Buffer[] = [];
  let bodyBytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      hash.update(chunk);
      if (bodyBytes < BODY_KEPT_BYTES) kept.push(chunk.subarray(0, BODY_KEPT_BYTES - bodyBytes));
      bodyBytes += chunk.length;
      update({ bodyBytes });
    }
  } catch {
    return null;
  }
  const body = Buffer.concat(kept).toString();
  update({ body, bodySha256: hash.digest('hex') });
  return { body, bodyBytes };
}

/** Echoes every message as it came; a script that matches may refuse or break the handshake instead. */
async function upgrade(
  origin: Origin,
  sockets: WebSocketServer,
  request: IncomingMessage,
  socket: Duplex,
  firstBytes: Buffer,
  connection: number,
) {
  const received = head(request);
  const update = origin.ledger.record({ at: Date.now(), ...received, connection });
  const reply = await origin.reply({ ...received, body: '', bodyBytes: 0 });
  if (reply.fault || reply.status >= 400) {
    update({ outcome: reply.fault ? 'fault' : 'answered', status: reply.fault ? null : reply.status });
    if (reply.fault === 'hang') return;
    socket.end(reply.fault ? '' : `HTTP/1.1 ${reply.status} Refused\r\nContent-Length: 0\r\n\r\n`);
    return;
  }
  sockets.handleUpgrade(request, socket, firstBytes, (accepted) => {
    update({ outcome: 'answered', status: 101 });
    accepted.on('error', () => accepted.terminate());
    accepted.on('message', (data: Buffer, binary: boolean) => accepted.send(data, { binary }));
  });
}
