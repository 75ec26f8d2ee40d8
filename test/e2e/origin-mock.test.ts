// The scripted origin over real sockets: the same behaviour in Node and as a Worker on miniflare, and in Node also
// what only a program with sockets can do wrong.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { repository } from '../../local/repository.ts';
import { patternBytes } from '../../origin-mock/reply.ts';
import type { ScriptInput } from '../../origin-mock/script.ts';
import { type RunningOrigin, startOrigin, startOrigins } from '../../origin-mock/start-origin.ts';
import { onMiniflare } from '../support/on-miniflare.ts';
import { openRaw, rawExchange } from '../support/raw-http.ts';
import { waitUntil } from '../support/wait-until.ts';

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

interface Started {
  readonly url: string;
  stop(): Promise<void>;
}

const runtimes: [name: string, start: () => Promise<Started>][] = [
  ['in Node', () => startOrigin({ name: 'a' })],
  [
    'as a Worker',
    () =>
      onMiniflare({
        entry: 'origin-mock/worker.ts',
        config: 'origin-mock/wrangler.toml',
        variables: { ORIGIN_NAME: 'a' },
      }),
  ],
];

describe.each(runtimes)('a scripted origin %s', (_, start) => {
  let origin: Started;
  beforeAll(async () => {
    origin = await start();
  });
  afterAll(() => origin.stop());
  afterEach(async () => {
    await fetch(`${origin.url}/__origin/scripts`, { method: 'DELETE' });
    await fetch(`${origin.url}/__origin/ledger`, { method: 'DELETE' });
  });

  const script = async (...scripts: ScriptInput[]) => {
    const response = await fetch(`${origin.url}/__origin/scripts`, {
      method: 'PUT',
      body: JSON.stringify(scripts),
    });
    expect(response.status).toBe(200);
  };
  const wire = async (query = '') =>
    (await (await fetch(`${origin.url}/__origin/ledger/wire${query}`)).text()).trimEnd().split('\n\n');

  it('answers as scripted, then as the path says, and remembers what came', async () => {
    await script({ on: 'GET /x', times: 1, answer: 'HTTP/1.1 503\nRetry-After: 7\n\nnot now' });
    const first = await fetch(`${origin.url}/x`, { headers: { 'X-Test': '1' } });
    expect([first.status, first.headers.get('retry-after'), await first.text()]).toEqual([
      503,
      '7',
      'not now',
    ]);
    const second = await fetch(`${origin.url}/x`);
    expect([second.status, await second.text()]).toEqual([200, 'Hello from origin a: GET /x\n']);
    expect((await wire('?field=x-test')).map((line) => line.toLowerCase())).toEqual([
      'get /x\nx-test: 1',
      'get /x',
    ]);
  });

  it('keeps length and digest of what it is sent', async () => {
    const body = patternBytes(0, 300_000);
    await fetch(`${origin.url}/in`, { method: 'POST', body });
    const [entry] = (await (await fetch(`${origin.url}/__origin/ledger?on=/in`)).json()) as unknown[];
    expect(entry).toMatchObject({
      method: 'POST',
      bodyBytes: 300_000,
      bodySha256: sha256(body),
      status: 200,
    });
  });

  it('sends large bodies with their length', async () => {
    const response = await fetch(`${origin.url}/bytes/5000000`);
    expect(response.headers.get('content-length')).toBe('5000000');
    expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(sha256(patternBytes(0, 5_000_000)));
  });

  it('answers HEAD without a body and validators with 304', async () => {
    const head = await fetch(`${origin.url}/etag/v1`, { method: 'HEAD' });
    expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, '"v1"', '']);
    const again = await fetch(`${origin.url}/etag/v1`, { headers: { 'If-None-Match': '"v1"' } });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('streams Server-Sent Events one by one', async () => {
    const response = await fetch(`${origin.url}/sse?events=3&intervalMs=30`);
    const chunks: string[] = [];
    for await (const chunk of response.body ?? []) chunks.push(Buffer.from(chunk).toString());
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(chunks.join('')).toBe('id: 1\ndata: event 1\n\nid: 2\ndata: event 2\n\nid: 3\ndata: event 3\n\n');
    expect(chunks.length).toBeGreaterThan(1);
  });

  it('echoes WebSocket messages, text and binary', async () => {
    const socket = new WebSocket(`${origin.url.replace('http', 'ws')}/socket`);
    socket.binaryType = 'arraybuffer';
    const messages: unknown[] = [];
    const closed = new Promise<number>((resolve) => {
      socket.addEventListener('close', ({ code }) => resolve(code));
    });
    socket.addEventListener('message', ({ data }) => {
      messages.push(typeof data === 'string' ? data : [...new Uint8Array(data as ArrayBuffer)]);
      if (messages.length === 2) socket.close(1000);
    });
    socket.addEventListener('open', () => {
      socket.send('hello');
      socket.send(Uint8Array.of(1, 2, 255));
    });
    expect(await closed).toBe(1000);
    expect(messages).toEqual(['hello', [1, 2, 255]]);
    expect(await wire('?on=/socket')).toEqual(['GET /socket']);
  });

  it('takes its time: latency before the headers, pauses within the body', async () => {
    await script({
      on: '*',
      latency: { type: 'fixed', ms: 120 },
      bodyBytes: 30,
      chunkBytes: 10,
      chunkIntervalMs: 60,
    });
    const startedAt = performance.now();
    const response = await fetch(`${origin.url}/slow`);
    const headersMs = performance.now() - startedAt;
    expect((await response.arrayBuffer()).byteLength).toBe(30);
    // Timers may be early by less than a millisecond.
    expect(headersMs).toBeGreaterThan(118);
    expect(performance.now() - startedAt - headersMs).toBeGreaterThan(80);
  });

  it('never answers when told to hang, also in the middle of a body', async () => {
    await script({ on: '/hang', fault: 'hang' }, { on: '/stall', bodyBytes: 100, fault: 'stall-mid-body' });
    const patience = { signal: AbortSignal.timeout(300) };
    await expect(fetch(`${origin.url}/hang`, patience)).rejects.toThrow(/timeout/i);
    const stalled = await fetch(`${origin.url}/stall`, { signal: AbortSignal.timeout(300) });
    await expect(stalled.text()).rejects.toThrow(/timeout/i);
  });

  it.each([
    ['reset-mid-body', 'length'],
    ['reset-mid-body', 'chunked'],
    ['short-body', 'length'],
    ['short-body', 'chunked'],
  ] as const)('never lets a %s (%s) look complete', async (fault, framing) => {
    await script({ on: '/cut', bodyBytes: 100_000, fault, framing });
    // How much arrives before the end, headers included, is up to the runtime.
    const whole = fetch(`${origin.url}/cut`).then((response) => response.arrayBuffer());
    await expect(whole).rejects.toThrow();
  });

  it('refuses a script it does not understand', async () => {
    const response = await fetch(`${origin.url}/__origin/scripts`, { method: 'POST', body: '{"fault":"x"}' });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('fault');
  });
});

describe('a scripted origin with sockets', () => {
  let origin: RunningOrigin;
  beforeAll(async () => {
    origin = await startOrigin();
  });
  afterEach(() => origin.reset());
  afterAll(() => origin.stop());

  const ask = (target: string) =>
    rawExchange(origin.url, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);

  it('shows target and field lines byte for byte', async () => {
    await rawExchange(
      origin.url,
      'PUT /a%2fb//..;?%zz HTTP/1.1\r\nhOsT: X\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc',
    );
    expect(origin.ledger.wire({ fields: ['host', 'x-a'] })).toEqual([
      'PUT /a%2fb//..;?%zz\nhOsT: X\nX-A: 1\nx-a: 2',
    ]);
    expect(origin.ledger.entries()[0]).toMatchObject({ body: 'abc', bodySha256: sha256('abc') });
  });

  it('writes repeated field lines and their case as scripted', async () => {
    origin.script({ on: '*', answer: '200\nset-COOKIE: a=1\nset-COOKIE: b=2\n\nok' });
    expect(await ask('/')).toMatch(
      /^HTTP\/1\.1 200 OK\r\nset-COOKIE: a=1\r\nset-COOKIE: b=2\r\nContent-Length: 2\r\n/,
    );
  });

  it.each([
    ['reset', /^$/, true],
    ['close', /^$/, false],
    ['garbage', /this is not HTTP/, false],
  ] as const)('breaks by %s before the headers', async (fault, expected, reset) => {
    origin.script({ on: '/x', fault });
    const connection = await openRaw(origin.url);
    connection.send('GET /x HTTP/1.1\r\nHost: x\r\n\r\n');
    const end = await connection.end();
    expect(end.received).toMatch(expected);
    expect(end.reset).toBe(reset);
    await waitUntil(() => origin.ledger.entries()[0]?.outcome === 'fault');
  });

  it.each([
    ['short-body', 'length', false],
    ['short-body', 'chunked', false],
    ['reset-mid-body', 'length', true],
  ] as const)('breaks by %s (%s) after the bytes that were asked for', async (fault, framing, reset) => {
    origin.script({ on: '*', bodyBytes: 50, framing, fault, faultAfterBytes: 20 });
    const connection = await openRaw(origin.url);
    connection.send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const sent = Buffer.from(patternBytes(0, 20)).toString('latin1');
    // A reset may overtake bytes that the reader has not taken yet.
    if (!reset) expect(await connection.until(sent)).toContain(sent);
    const end = await connection.end();
    expect(end.reset).toBe(reset);
    expect(end.received).not.toContain(Buffer.from(patternBytes(0, 21)).toString('latin1'));
    expect(end.received.endsWith('0\r\n\r\n')).toBe(false);
  });

  it('ends a body by closing the connection when told so', async () => {
    origin.script({ on: '*', answer: '200\n\nuntil the end', framing: 'close' });
    const received = await ask('/');
    expect(received).not.toMatch(/content-length|transfer-encoding/i);
    expect(received.endsWith('\r\n\r\nuntil the end')).toBe(true);
  });

  it('notes a client that leaves', async () => {
    origin.script({ on: '*', latency: { type: 'fixed', ms: 60_000 } });
    const connection = await openRaw(origin.url);
    connection.send('GET /left HTTP/1.1\r\nHost: x\r\n\r\n');
    await waitUntil(() => origin.ledger.entries().length === 1);
    connection.destroy();
    await waitUntil(() => origin.ledger.entries()[0]?.outcome === 'client-left');
  });

  it('refuses or breaks a WebSocket handshake when scripted', async () => {
    origin.script({ on: '/no', answer: '403' }, { on: '/cut', fault: 'reset' });
    for (const path of ['/no', '/cut']) {
      const socket = new WebSocket(`${origin.url.replace('http', 'ws')}${path}`);
      const event = await new Promise<string>((resolve) => {
        socket.addEventListener('open', () => resolve('open'));
        socket.addEventListener('error', () => resolve('error'));
      });
      expect(event).toBe('error');
    }
    expect(origin.ledger.entries().map(({ status, outcome }) => [status, outcome])).toEqual([
      [403, 'answered'],
      [null, 'fault'],
    ]);
  });

  it('reserves no path when its control endpoint has a port of its own', async () => {
    const apart = await startOrigin({ controlPort: 0 });
    try {
      expect(await (await fetch(`${apart.url}/__origin`)).text()).toBe(
        'Hello from origin a: GET /__origin\n',
      );
      const wire = await fetch(`${apart.controlUrl}/__origin/ledger/wire`);
      expect(await wire.text()).toBe('GET /__origin\n');
    } finally {
      await apart.stop();
    }
  });

  it('comes in any number, each with a name and port of its own', async () => {
    const origins = await startOrigins(3);
    try {
      expect(new Set(origins.map(({ port }) => port)).size).toBe(3);
      const answers = origins.map(async ({ url }) => (await fetch(url)).text());
      expect(await Promise.all(answers)).toEqual(
        ['a', 'b', 'c'].map((n) => `Hello from origin ${n}: GET /\n`),
      );
    } finally {
      await Promise.all(origins.map((each) => each.stop()));
    }
  });

  it('is a program too, and says in one line why it cannot start', async () => {
    const run = (...args: string[]) =>
      spawn(process.execPath, [join(repository, 'origin-mock/server.ts'), ...args]);
    const program = run('--port', '0', '--name', 'z');
    try {
      const line = await new Promise<string>((resolve) =>
        program.stdout.once('data', (data) => resolve(String(data))),
      );
      const url = /http:\S+/.exec(line)?.[0] ?? '';
      expect(await (await fetch(`${url}/hi`)).text()).toBe('Hello from origin z: GET /hi\n');
      const second = run('--port', new URL(url).port);
      let said = '';
      second.stderr.on('data', (data) => {
        said += data;
      });
      expect(await new Promise((resolve) => second.on('close', resolve))).toBe(1);
      expect(said).toMatch(/^origin-mock: .*EADDRINUSE.*\n$/);
    } finally {
      program.kill('SIGKILL');
    }
  });
});
