// The live lab's load, arithmetic and command line; a run of it stands in test/e2e/bench-live.test.ts.
import { spawnSync } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { describeEnvironment } from '../../bench/environment.ts';
import {
  type ClosedTurn,
  latencyOf,
  type OpenTurn,
  throughputOf,
  waitedQuantile,
} from '../../bench/live/live-figures.ts';
import { numbersOf } from '../../bench/live/live-numbers.ts';
import { livePlots } from '../../bench/live/live-plots.ts';
import { liveTable } from '../../bench/live/live-table.ts';
import { onPath, startNeighbour } from '../../bench/live/neighbours/neighbour.ts';
import type { LiveReport } from '../../bench/live/run-live.ts';
import { dueTimes } from '../../bench/load/arrivals.ts';
import { closedRound } from '../../bench/load/closed-round.ts';
import { ResponseReader } from '../../bench/load/response-reader.ts';
import { startLoop } from '../../bench/open-loop.ts';
import { waitUntil } from '../support/wait-until.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the reader of responses', () => {
  const read = (text: string, { isHead = false, pieces = text.length } = {}) => {
    const reader = new ResponseReader();
    reader.begin(isHead);
    let isWhole = false;
    const bytes = Buffer.from(text, 'latin1');
    for (let at = 0; at < bytes.length; at += pieces) isWhole = reader.push(bytes.subarray(at, at + pieces));
    const { status, bodyBytes, isReusable } = reader;
    return { isWhole, status, bodyBytes, isReusable, endsWithConnection: reader.close() };
  };
  const whole = (status: number, bodyBytes: number, isReusable = true) => ({
    isWhole: true,
    status,
    bodyBytes,
    isReusable,
    endsWithConnection: false,
  });
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

  it.each<[what: string, text: string, expected: ReturnType<typeof whole>, isHead?: boolean]>([
    ['a length', 'HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\n\r\nhello', whole(200, 5)],
    ['a length of 0', 'HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n', whole(500, 0)],
    ['chunks', `${chunked}5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n`, whole(200, 15)],
    ['chunks and trailers', `${chunked}1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n`, whole(200, 1)],
    ['a status without a body', 'HTTP/1.1 204 No Content\r\n\r\n', whole(204, 0)],
    ['an answer to HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', whole(200, 0), true],
    ['one that came before', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n', whole(204, 0)],
    [
      'a last one',
      'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx',
      whole(200, 1, false),
    ],
  ])('finds the end of %s, whatever the pieces', (_what, text, expected, isHead = false) => {
    for (const pieces of [text.length, 7, 1]) expect(read(text, { isHead, pieces })).toEqual(expected);
  });

  it('leaves open what only the end of the connection ends, and what is cut off', () => {
    expect(read('HTTP/1.1 200 OK\r\n\r\nall that comes')).toMatchObject({
      isWhole: false,
      bodyBytes: 14,
      endsWithConnection: true,
    });
    expect(read('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello')).toMatchObject({
      isWhole: false,
      endsWithConnection: false,
    });
  });

  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['a chunk without a size', `${chunked}what\r\n`],
    ['more than one response', 'HTTP/1.1 204 No\r\n\r\nHTTP/1.1 204 No\r\n\r\n'],
  ])('refuses %s', (_what, text) => {
    expect(() => read(text)).toThrow(/^Cannot read a response/);
  });
});

describe('due times', () => {
  const first = (count: number, seed: number | 'even') => {
    const times = dueTimes({ perSecond: 1_000, seed });
    return Array.from({ length: count }, () => times.next().value);
  };

  it('are even, or by chance that the seed repeats, as many in the long run', () => {
    expect(first(3, 'even')).toEqual([1, 2, 3]);
    expect(first(100, 7)).toEqual(first(100, 7));
    expect(first(100, 7)).not.toEqual(first(100, 8));
    const [last = 0] = first(10_000, 7).slice(-1);
    // Ten thousand gaps of 1 ms, each with a deviation of 1 ms: 1 % together.
    expect(Math.abs(last / 10_000 - 1)).toBeLessThan(0.04);
    // Of a Poisson process a share of 1 − 1/e of the gaps is shorter than the mean.
    const times = first(10_000, 7);
    const short = times.filter((time, i) => time - (times[i - 1] ?? 0) < 1).length / 10_000;
    expect(Math.abs(short - (1 - Math.exp(-1)))).toBeLessThan(0.02);
  });
});

describe('the open loop', () => {
  const STALL_MS = 400;

  it('counts what a server that stalls keeps waiting before it can even be sent', async () => {
    let answered = 0;
    let stalledAt = 0;
    const url = await serve((_request, response) => {
      answered++;
      if (answered === 20) stalledAt = performance.now();
      const leftMs = stalledAt === 0 ? 0 : stalledAt + STALL_MS - performance.now();
      if (leftMs > 0) setTimeout(() => response.end('late'), leftMs);
      else response.end('soon');
    });
    // 200 requests a second over two connections: the stall holds two, and keeps eighty from being sent.
    const loop = startLoop({ url, perSecond: 200, connectionsMax: 2 });
    await waitUntil(() => answered > 140);
    const { requests } = await loop.stop();
    const late = requests.filter(({ tookMs }) => tookMs > STALL_MS / 4);
    expect(late.length).toBeGreaterThan(40);
    expect(requests.every(({ status }) => status === 200)).toBe(true);
    // They waited for others, not for the load.
    const sum = (times: number[]) => times.reduce((total, ms) => total + ms, 0);
    expect(sum(late.map(({ lateMs }) => lateMs))).toBeLessThan(sum(late.map(({ tookMs }) => tookMs)) / 2);
  });

  it('counts what the load itself is late with, and says so', async () => {
    const url = await serve((_request, response) => response.end('soon'));
    const loop = startLoop({ url, perSecond: 200 });
    await loop.started;
    const until = performance.now() + 300;
    while (performance.now() < until);
    const { requests } = await loop.stop();
    expect(requests.filter(({ lateMs }) => lateMs > 100).length).toBeGreaterThan(20);
    expect(requests.every(({ tookMs, lateMs }) => tookMs >= lateMs)).toBe(true);
  });

  it('gives up on who does not answer', async () => {
    let asked = 0;
    const url = await serve((request, response) => {
      asked++;
      if (request.url === '/good') response.end('good');
    });
    const loop = startLoop({ url, perSecond: 100, path: (n) => (n === 0 ? '/good' : '/bad') });
    await waitUntil(() => asked > 2);
    const { requests } = await loop.stop(50);
    expect(requests.length).toBeGreaterThan(2);
    expect(requests.filter(({ status }) => status === null).length).toBe(requests.length - 1);
  });
});

describe('the closed loop', () => {
  it('counts whole good answers, others, and bytes, and asks over as many connections as it is told', async () => {
    const seen = { sockets: new Set<unknown>(), paths: new Set<string>(), bytes: 0 };
    const url = await serve((request, response) => {
      seen.sockets.add(request.socket);
      seen.paths.add(request.url ?? '');
      request.on('data', (data) => {
        seen.bytes += data.length;
      });
      request.on('end', () => {
        if (request.url === '/key-1?x') response.writeHead(500);
        response.end('four');
      });
    });
    const order = { url: `${url}/key-?x`, addresses: 4, method: 'PUT', bodyBytes: 10 } as const;
    const { requests, failures, bodyBytes, loadCpuMicros } = await closedRound({
      ...order,
      connections: 3,
      ms: 100,
    });
    expect(seen.sockets.size).toBe(3);
    expect([...seen.paths].sort()).toEqual(['/key-0?x', '/key-1?x', '/key-2?x', '/key-3?x']);
    expect(seen.bytes).toBe(10 * requests);
    expect(bodyBytes).toBe(4 * requests);
    expect(Math.abs(failures - requests / 4)).toBeLessThanOrEqual(1);
    expect(loadCpuMicros).toBeGreaterThan(0);
  });

  it('goes on after connections that break', async () => {
    let count = 0;
    const url = await serve((_request, response) => {
      if (count++ % 5 === 4) response.socket?.destroy();
      else response.end('whole');
    });
    const { requests, failures } = await closedRound({ url: `${url}/`, connections: 2, ms: 100 });
    expect(failures).toBeGreaterThan(0);
    expect(Math.abs(failures - requests / 5)).toBeLessThanOrEqual(1);
  });
});

const closedTurn = (perSecond: number, more: Partial<ClosedTurn> = {}): ClosedTurn => ({
  requests: 1_000,
  failures: 0,
  perSecond,
  cpuMicros: 100,
  loadCpuMicros: 10,
  atOrigins: [0, 0],
  ...more,
});
const openTurn = (tookMs: number[], failures = 0): OpenTurn => ({ tookMs, failures, lateMs: [0] });

describe('the figures', () => {
  it('make ratios within each round', () => {
    const base = [closedTurn(1_000), closedTurn(100), closedTurn(1_000)];
    const own = [closedTurn(500), closedTurn(80), closedTurn(500)];
    expect(throughputOf(own, base)).toMatchObject({ ratio: 0.5, perSecond: 500, requests: 3_000 });
    expect(throughputOf([closedTurn(1), closedTurn(50)], [closedTurn(10), closedTurn(100)]).ratio).toBe(0.1);
  });

  it('tell how busy the load and the busiest origin were', () => {
    const turn = closedTurn(80_000, { loadCpuMicros: 12, atOrigins: [700, 298, 2] });
    const { loadCores, originRatio, busiestOrigin } = throughputOf([turn], [turn]);
    expect(loadCores).toBeCloseTo(0.96, 9);
    expect(originRatio).toBe(1);
    expect(busiestOrigin).toBeCloseTo(700 / 499, 9);
    expect(throughputOf([closedTurn(1)], []).busiestOrigin).toBeNull();
  });

  it('let those without an answer have waited for longer than all others', () => {
    const took = Array.from({ length: 98 }, (_, i) => i + 1);
    expect(waitedQuantile(took, 0, 0.5)).toBe(49);
    expect(waitedQuantile(took, 2, 0.5)).toBe(50);
    expect(waitedQuantile(took, 2, 0.98)).toBe(98);
    expect(waitedQuantile(took, 2, 0.99)).toBeNull();
    // Of less than a thousand requests nobody knows the thousandth.
    expect(waitedQuantile(took, 2, 0.999)).toBeNull();
    expect(waitedQuantile(new Array(1_000).fill(7), 0, 0.999)).toBe(7);
    expect(waitedQuantile([], 0, 0.5)).toBeNull();
  });

  it('put the turns of all rounds together for waits', () => {
    const own = [openTurn([4, 4, 4]), openTurn([8, 8, 8, 8])];
    expect(latencyOf(own, [openTurn([2, 2]), openTurn([2], 1)])).toMatchObject({
      requests: 7,
      p50: 8,
      p50Ratio: 4,
      p99: null,
      p99Ratio: null,
    });
  });

  it('tell the p99 of the median turn apart from that of all, which one stall makes', () => {
    const calm = new Array<number>(200).fill(1);
    const stalled = [...new Array<number>(180).fill(1), ...new Array<number>(20).fill(40)];
    const { p99, p99Turn, p99Ratio } = latencyOf(
      [openTurn(calm), openTurn(stalled), openTurn(calm)],
      [openTurn(stalled), openTurn(calm), openTurn(calm)],
    );
    expect([p99, p99Turn, p99Ratio]).toEqual([40, 1, 1]);
    // A turn with failures beyond its hundredth has none; two of three have not.
    const failed = openTurn(calm, 5);
    expect(latencyOf([failed, failed, openTurn(calm)], []).p99Turn).toBeNull();
  });
});

describe('the report', () => {
  const named = { workload: 'proxy', contender: 'Roundel, round-robin' } as const;
  const own = throughputOf([closedTurn(600, { failures: 3 })], [closedTurn(1_000)]);
  const fast = throughputOf([closedTurn(95_000)], [closedTurn(1_000)]);
  const throughput = [
    { ...named, connections: 32, ...own },
    { ...named, contender: 'nginx', connections: 32, ...fast },
  ];
  const latency = [{ ...named, rate: 100, ...latencyOf([openTurn([3, 4])], [openTurn([2, 4])]) }];
  const numbers = numbersOf(throughput, latency);

  it('judges the product by its ratios, and counts its failures', () => {
    expect(numbers).toMatchObject([
      { measured: 0.6, goal: { relation: '≥', value: 0.85 }, met: false },
      { measured: 1.5, goal: null },
      { figure: 'failed requests of Roundel', measured: 3, met: false },
    ]);
  });

  it('draws a plot for each workload and each rate, and says what there is to see', () => {
    const workloads = [{ name: 'proxy', summary: 'passed on', base: 'bare' }] as const;
    const slow = { ...named, contender: 'Roundel, random', rate: 100, ...latencyOf([openTurn([9, 9])], []) };
    const plots = livePlots({ workloads, throughput, latency: [...latency, slow] });
    expect(plots.map(({ title, sentence }) => [title, sentence])).toEqual([
      [
        'Requests/s, proxy: passed on',
        'Times the requests/s of "bare" over 32 connections. Roundel, round-robin: 0.60; nginx: 95.00.',
      ],
      [
        'How long users wait at 100 requests/s',
        "In ms from when each request was due: Roundel's medians are from 3.0 (proxy: Roundel, round-robin) to 9.0 (proxy: Roundel, random). Where the p99 of all turns is far above that of the median turn, one turn had a stall.",
      ],
    ]);
  });

  it('shows ratios first, marks whom the load could not fill, and names who is missing', () => {
    const report: LiveReport = {
      lab: 'live',
      environment: describeEnvironment({ seed: 1, quick: true }, []),
      rounds: 1,
      roundMs: 1_000,
      workloads: [{ name: 'proxy', summary: 'passed on', base: 'bare' }],
      throughput,
      latency,
      skipped: [{ name: 'haproxy', reason: 'there is no haproxy on the PATH' }],
      load: null,
      numbers,
    };
    const text = liveTable(report);
    expect(text).toMatch(/Roundel, round-robin │ +0\.60 │ +600 │ +3 │ +100 µs │ +0\.01 │ +0 │ +│/);
    expect(text).toMatch(/nginx +│ +95\.00 │ ≥ 95000 │/);
    expect(text).toMatch(/Roundel, round-robin │ +1\.50 │ +– │ 3\.00 │ +– │ +– │/);
    expect(text).toContain('without haproxy: there is no haproxy on the PATH');
  });
});

describe('neighbours', () => {
  const origins = { proxied: [], cached: 'http://127.0.0.1:1' };
  const recipe = (command: string, args: readonly string[]) => ({
    name: 'planted',
    command,
    versionFlag: '--version',
    roles: ['proxy'],
    prepare: () => args,
  });

  it('are left out with the reason when they are not there, or do not start', async () => {
    expect(await startNeighbour(recipe('no-such-program', []), origins)).toEqual({
      name: 'planted',
      reason: 'there is no no-such-program on the PATH',
    });
    const fails = recipe('node', ['-e', 'console.error("line 3: unknown word"); process.exit(1)']);
    expect(await startNeighbour(fails, origins)).toEqual({
      name: 'planted',
      reason: 'cannot start it: line 3: unknown word',
    });
  });

  it('are looked for on the PATH alone', () => {
    expect(onPath('node', '')).toBeNull();
    expect(onPath('node')).toMatch(/\/node$/);
  });
});

describe('npm run bench -- live', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const bench = (...args: string[]) =>
    spawnSync(process.execPath, ['bench/main.ts', 'live', ...args], { cwd: root, encoding: 'utf8' });

  it('says in its help which workloads there are', () => {
    const { stdout, status } = bench('--help');
    expect(status).toBe(0);
    for (const name of ['constant', 'proxy', 'cache', 'shard', 'kv-read', 'kv-write']) {
      expect(stdout).toMatch(new RegExp(`\\n {2}${name} `));
    }
  });

  it.each([
    [['--workload', 'calm'], "There is no workload 'calm'"],
    [['--strategy', 'best'], "There is no strategy 'best'"],
    [['--connections', '0'], 'whole numbers from 1 to 1000'],
    [['--rate', '10,x'], 'whole numbers from 1 to 100000'],
    [['--seconds', '0'], 'from 0.1 to 600'],
    [['--rounds', '1.5'], 'whole numbers from 1 to 1000'],
    [['--connections', 'none', '--rate', 'none'], 'nothing to measure'],
  ])('refuses %j in one line', (args, message) => {
    const { stdout, stderr, status } = bench(...args);
    expect(status).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
