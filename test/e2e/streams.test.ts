// Bodies and sockets of any length through the edge: nothing piles up in it, a change of configuration cuts nothing, and
// whoever leaves early leaves nothing behind. Counts of requests in flight are seen from outside, by a cap of one.
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { RunningOrigin } from '../../origin-mock/start-origin.ts';
import { type Product, startProduct } from '../support/product.ts';
import { openRaw } from '../support/raw-http.ts';
import { waitUntil } from '../support/wait-until.ts';
import { askEdge } from './ask-edge.ts';

const MiB = 2 ** 20;
const BODY_BYTES = 96 * MiB;
/** What two connections hold at most in the kernel's buffers of both ends, and the edge's own chunks. */
const HELD_BYTES_MAX = 48 * MiB;

let product: Product;
let flood: Flood;

beforeAll(async () => {
  flood = await startFlood();
  product = await startProduct({ mocks: 2, config: configFor });
});
afterAll(async () => {
  await product?.stop();
  await flood?.stop();
});
beforeEach(() => {
  for (const one of product.origins) one.reset();
});

type Backends = NonNullable<NonNullable<ConfigDocument['pools']>[string]['backends']>;

/** `a` and `b` as the pool "web" has them. */
function configFor(
  origins: readonly RunningOrigin[],
  web?: (a: string, b: string) => Backends,
): ConfigDocument {
  const [a = '', b = ''] = origins.map(({ url }) => url);
  const capped = [{ id: 'only', url: a, maxInFlight: 1 }];
  return {
    pools: {
      web: { backends: web?.(a, b) ?? [{ id: 'a', url: a }] },
      capped: { backends: capped },
      flood: { backends: [{ id: 'flood', url: flood.url }] },
    },
    routes: [
      { id: 'sockets', match: { paths: ['/websocket'] }, pool: 'web' },
      { id: 'capped-sockets', match: { paths: ['/capped-socket'] }, pool: 'capped' },
      ...['web', 'capped', 'flood'].map((name) => ({
        id: name,
        match: { hosts: [`${name}.test`] },
        pool: name,
        response: { exposeBackend: true },
      })),
    ],
    shards: { count: 1, replicas: 1, regions: ['weur'] },
  };
}

function origin(index = 0): RunningOrigin {
  const found = product.origins[index];
  if (!found) throw new Error(`There is no origin ${index}`);
  return found;
}

/** Why the one backend of the pool "capped" would not be taken now: "healthy" when it would. */
async function capped(): Promise<string | undefined> {
  const response = await product.admin('/v1/explain', {
    method: 'POST',
    json: { url: 'http://capped.test/' },
  });
  const { candidates } = (await response.json()) as { candidates: readonly { reason: string }[] };
  return candidates[0]?.reason;
}
const untilCapped = () =>
  waitUntil(async () => (await capped()) === 'at-capacity', { what: 'one in flight' });
const untilFree = () => waitUntil(async () => (await capped()) === 'healthy', { what: 'none in flight' });

/** An origin that writes as fast as it is read from, and reads as fast as it is told to. */
interface Flood {
  readonly url: string;
  /** Bytes that it could get rid of. */
  sentBytes(): number;
  receivedBytes(): number;
  /** Until then uploads are not read. */
  read(): void;
  stop(): Promise<void>;
}

async function startFlood(): Promise<Flood> {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  let sent = 0;
  let received = 0;
  let held: IncomingMessage | null = null;
  function* chunks(): Generator<Buffer> {
    for (let bytes = 0; bytes < BODY_BYTES; bytes += chunk.length) {
      sent += chunk.length;
      yield chunk;
    }
  }
  const server = createServer({ requestTimeout: 0 }, (request, response) => {
    if (request.url === '/hints') {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      return void response.end('final');
    }
    if (request.method === 'GET') {
      response.writeHead(200, { 'Content-Length': BODY_BYTES });
      return void pipeline(chunks(), response).catch(() => {});
    }
    held = request.pause();
    request.on('data', (data: Buffer) => {
      received += data.length;
    });
    request.pause();
    request.on('end', () => response.end(String(received)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    sentBytes: () => sent,
    receivedBytes: () => received,
    read: () => void held?.resume(),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Resolves when the count has stood still for twenty looks at it. */
async function untilStill(count: () => number): Promise<number> {
  let last = -1;
  let looks = 0;
  await waitUntil(
    () => {
      looks = count() === last && last > 0 ? looks + 1 : 0;
      last = count();
      return looks >= 20;
    },
    { timeoutMs: 30_000, what: 'a count to stand still' },
  );
  return last;
}

describe('a large body', () => {
  it('comes as slowly as its client reads it, and whole', async () => {
    const { hostname, port } = new URL(product.url);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpRequest({ hostname, port, path: '/', headers: { host: 'flood.test' }, agent: false }, resolve)
        .on('error', reject)
        .end();
    });
    // Nobody reads.
    expect(await untilStill(flood.sentBytes)).toBeLessThan(HELD_BYTES_MAX);
    let bytes = 0;
    for await (const data of response as AsyncIterable<Buffer>) bytes += data.length;
    expect(bytes).toBe(BODY_BYTES);
  });

  it.each(['length', 'chunked'])('goes as slowly as its origin reads it, and whole (%s)', async (framing) => {
    const { hostname, port } = new URL(product.url);
    const before = flood.receivedBytes();
    const chunk = Buffer.alloc(64 * 1024, 'y');
    const headers = {
      host: 'flood.test',
      ...(framing === 'length' ? { 'content-length': String(BODY_BYTES) } : {}),
    };
    const request = httpRequest({ hostname, port, method: 'PUT', path: '/', headers, agent: false });
    const answered = new Promise<string>((resolve, reject) => {
      request.on('error', reject).on('response', async (response: IncomingMessage) => {
        let text = '';
        for await (const data of response) text += data;
        resolve(text);
      });
    });
    let written = 0;
    const sending = (async () => {
      while (written < BODY_BYTES) {
        written += chunk.length;
        if (!request.write(chunk)) await once(request, 'drain');
      }
      request.end();
    })();
    // The origin has the head, and reads no body.
    expect(await untilStill(() => written)).toBeLessThan(HELD_BYTES_MAX);
    flood.read();
    await sending;
    expect(Number(await answered) - before).toBe(BODY_BYTES);
  });
});

describe('what comes before a final answer', () => {
  it('is asked of the edge by Expect: 100-continue, and the body arrives', async () => {
    const client = await openRaw(product.url);
    const head = ['PUT /expected HTTP/1.1', 'Host: web.test', 'Expect: 100-continue', 'Content-Length: 5'];
    client.send(`${head.join('\r\n')}\r\n\r\n`);
    await client.until('HTTP/1.1 100 ');
    client.send('hello');
    await client.until('HTTP/1.1 200 ');
    client.destroy();
    const [entry] = origin().ledger.entries({ on: '/expected' });
    expect([entry?.body, entry?.outcome]).toEqual(['hello', 'answered']);
  });

  it('an interim answer (103) is not taken for it', async () => {
    const { status, body } = await askEdge(product.url, 'flood.test', { path: '/hints' });
    expect([status, body.toString()]).toEqual([200, 'final']);
  });
});

describe('a change of the configuration', () => {
  it('cuts no stream, even of a backend that is drained or gone', async () => {
    const { hostname, port } = new URL(product.url);
    const events = await openRaw(product.url);
    events.send('GET /sse?events=100000&intervalMs=10 HTTP/1.1\r\nHost: web.test\r\n\r\n');
    await events.until('data: event 3');
    const socket = new WebSocket(`ws://${hostname}:${port}/websocket`);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    const echo = async (text: string) => {
      const echoed = new Promise((resolve) =>
        socket.addEventListener('message', ({ data }) => resolve(data), { once: true }),
      );
      socket.send(text);
      expect(await echoed).toBe(text);
    };
    const nextEvent = async () => {
      const seen = [...events.received().matchAll(/data: event (\d+)/g)].length;
      await events.until(new RegExp(`data: event ${seen + 5}\\n`));
    };
    await echo('before');
    const versions: readonly ((a: string, b: string) => Backends)[] = [
      (a, b) => [
        { id: 'a', url: a, weight: 5 },
        { id: 'b', url: b },
      ],
      (a, b) => [
        { id: 'a', url: a, state: 'draining' },
        { id: 'b', url: b },
      ],
      (_a, b) => [{ id: 'b', url: b }],
    ];
    for (const [number, web] of versions.entries()) {
      await product.configure(configFor(product.origins, web));
      await nextEvent();
      await echo(`version ${number}`);
    }
    expect((await askEdge(product.url, 'web.test')).headers['roundel-backend']).toBe('web/b');
    socket.close();
    events.destroy();
    await waitUntil(() => origin().ledger.entries({ on: '/sse*' })[0]?.outcome === 'client-left');
    await product.configure(configFor(product.origins));
  });

  it('forgets no request that is in flight, and counts it once', async () => {
    const events = await openRaw(product.url);
    events.send('GET /sse?events=100000&intervalMs=10 HTTP/1.1\r\nHost: capped.test\r\n\r\n');
    await events.until('data: event 3');
    await untilCapped();
    await product.configure(
      configFor(product.origins, (a, b) => [
        { id: 'a', url: a },
        { id: 'b', url: b },
      ]),
    );
    expect(await capped()).toBe('at-capacity');
    expect((await askEdge(product.url, 'capped.test')).status).toBe(503);
    events.destroy();
    await untilFree();
    expect((await askEdge(product.url, 'capped.test')).status).toBe(200);
    expect(await capped()).toBe('healthy');
  });
});

describe('a WebSocket', () => {
  it('is in flight until its handshake is answered, for the runtime tells nobody when it ends', async () => {
    const socket = new WebSocket(`${product.url.replace('http', 'ws')}/capped-socket`);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    expect(await capped()).toBe('healthy');
    socket.close();
  });
});

describe('a client that leaves', () => {
  const OUTCOMES = { before: 'fault', within: 'client-left' } as const;

  it.each([
    ['before the head', { on: '/x', fault: 'hang' }],
    ['within a body of known length', { on: '/x', bodyBytes: 50 * MiB, chunkIntervalMs: 10 }],
    ['within a short body', { on: '/x', bodyBytes: 2_000, chunkBytes: 10, chunkIntervalMs: 100 }],
    ['within a chunked body', { on: '/x', bodyBytes: 50 * MiB, chunkIntervalMs: 10, framing: 'chunked' }],
  ] as const)('%s frees its place, and its origin', async (when, script) => {
    origin().script(script);
    const client = await openRaw(product.url);
    client.send('GET /x HTTP/1.1\r\nHost: capped.test\r\n\r\n');
    await untilCapped();
    await waitUntil(() => origin().ledger.entries({ on: '/x' }).length === 1);
    client.reset();
    const outcome = OUTCOMES[when.split(' ')[0] as 'before' | 'within'];
    await waitUntil(() => origin().ledger.entries({ on: '/x' })[0]?.outcome === outcome, {
      what: 'the origin to notice',
    });
    await untilFree();
    expect((await askEdge(product.url, 'capped.test')).status).toBe(200);
    expect(await capped()).toBe('healthy');
  });

  it.each(['reset', 'destroy'] as const)(
    'within its upload (%s) frees its place, and its origin',
    async (leave) => {
      const client = await openRaw(product.url);
      client.send('PUT /up HTTP/1.1\r\nHost: capped.test\r\nContent-Length: 1000000\r\n\r\n');
      client.send('x'.repeat(200_000));
      await untilCapped();
      await waitUntil(() => (origin().ledger.entries({ on: '/up' })[0]?.bodyBytes ?? 0) > 0);
      client[leave]();
      await waitUntil(() => origin().ledger.entries({ on: '/up' })[0]?.outcome === 'client-left', {
        what: 'the origin to notice',
      });
      await untilFree();
      expect((await askEdge(product.url, 'capped.test')).status).toBe(200);
      expect(await capped()).toBe('healthy');
    },
  );
});
