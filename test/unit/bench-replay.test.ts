// Replaying an access log: what is read of its lines, what becomes of the requests, and the command line.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLog } from '../../bench/replay/access-log.ts';
import type { ReplayReport } from '../../bench/replay/run-replay.ts';

const read = (...lines: string[]) => [...readLog(lines.join('\n'), 'my.log', 'default.example')];
const only = (line: string) => {
  const [entry] = read(line);
  if (!entry || !('target' in entry)) throw new Error(`not a request: ${JSON.stringify(entry)}`);
  return entry;
};

describe('an access log', () => {
  const common = '192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b=1 HTTP/1.0" 200 2326';

  it('is read in the common format', () => {
    const { clientIp, method, status, bytes, target, fields } = only(common);
    expect({ clientIp, method, status, bytes, fields }).toEqual({
      clientIp: '192.0.2.1',
      method: 'GET',
      status: 200,
      bytes: 2326,
      fields: [],
    });
    expect(target.canonicalUrl).toBe('http://default.example/a?b=1');
  });

  it('is read in the combined format, with escaped quotes', () => {
    const { fields } = only(String.raw`${common} "http://r.example/\"x\"" "agent 1.0"`);
    expect(fields).toEqual([
      ['referer', String.raw`http://r.example/\"x\"`],
      ['user-agent', 'agent 1.0'],
    ]);
  });

  it('names its hosts in front, in absolute targets, or not at all', () => {
    expect(only(`www.example:80 ${common}`).target.host).toBe('www.example');
    expect(only(common.replace('/a?', 'https://other.example/a?')).target.canonicalUrl).toBe(
      'https://other.example/a?b=1',
    );
    const named = only(common.replace('192.0.2.1 - -', '192.0.2.1 - Ann Bo'));
    expect([named.target.host, named.clientIp]).toEqual(['default.example', '192.0.2.1']);
  });

  it('is read as JSON lines, by the names that servers write', () => {
    const nginx =
      '{"remote_addr":"2001:db8::1","host":"h.example","request":"POST /x HTTP/2.0","status":"201","body_bytes_sent":7}';
    const own =
      '{"clientIp":"2001:db8::1","url":"http://h.example/x","method":"POST","status":201,"bytes":7,"headers":{"Cookie":"s=1"}}';
    const caddy =
      '{"request":{"remote_ip":"2001:db8::1","method":"POST","host":"h.example","uri":"/x","headers":{"Accept":["a","b"]}},"status":201,"size":7}';
    const cloudflare =
      '{"ClientIP":"2001:db8::1","ClientRequestHost":"h.example","ClientRequestMethod":"POST","ClientRequestURI":"/x","EdgeResponseStatus":201,"EdgeResponseBytes":7}';
    for (const line of [nginx, own, caddy, cloudflare]) {
      const { clientIp, method, status, bytes, target } = only(line);
      expect([clientIp, method, status, bytes]).toEqual(['2001:db8::1', 'POST', 201, 7]);
      expect(target.canonicalUrl).toBe('http://h.example/x');
    }
    expect(only(own).fields).toEqual([['cookie', 's=1']]);
    expect(only(caddy).fields).toEqual([
      ['accept', 'a'],
      ['accept', 'b'],
    ]);
  });

  it('leaves out what was no request, and says where', () => {
    const entries = read(
      common.replace('GET /a?b=1 HTTP/1.0', String.raw`\x16\x03\x01`),
      '',
      common.replace('/a?b=1', '/a/../b'),
      common,
    );
    expect(entries.slice(0, 2)).toEqual([
      { line: 1, reason: 'not an HTTP request' },
      { line: 3, reason: 'bad-target: dot-segment' },
    ]);
    expect(entries[2]).toMatchObject({ line: 4 });
  });

  it('leaves out a few lines that cannot be read, and says where', () => {
    const nine = new Array<string>(9).fill(common);
    expect(read(...nine, 'broken')).toHaveLength(10);
    expect(read(...nine, 'broken').at(-1)).toEqual({
      line: 10,
      reason: 'it is neither in the common log format nor a JSON object: "broken"',
    });
    expect(() => read(...nine, 'broken', '{')).toThrow('line 10 is neither');
    expect(() => read(...nine, 'broken', '{')).toThrow('2 of its 11 lines cannot be read');
  });

  it.each([
    ['broken', 'line 2 is neither in the common log format nor a JSON object: "broken"'],
    ['{"url":', 'line 2 is not JSON'],
    ['{"status":200}', 'line 2 has no "url"'],
    ['{"url":"/","status":"fine"}', 'line 2 has a "status" that is none'],
    ['{"url":"/","bytes":-1}', 'line 2 has a "bytes" that is no whole number'],
    ['{"url":"/","headers":["a"]}', 'line 2 has "headers" that are not an object of texts'],
  ])('is refused by line for %s', (line, message) => {
    expect(() => read(common, line)).toThrow(message);
  });
});

describe('npm run bench -- --config --access-log', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'roundel-replay-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const config = (ids: readonly string[], strategy: object, route: object = {}) =>
    JSON.stringify({
      pools: { web: { strategy, backends: ids.map((id) => ({ id, url: `http://${id}.example` })) } },
      routes: [{ id: 'all', pool: 'web', ...route }],
    });
  const KEYS = 60;
  const REPEATS = 4;

  beforeAll(() => {
    const byUrl = { type: 'consistent-hash', key: ['path'] };
    const cached = { cache: { enabled: true } };
    const files = {
      'three.json': config(['a', 'b', 'c'], byUrl, cached),
      'two.json': config(['a', 'b'], byUrl, cached),
      'turns.json': config(['a', 'b', 'c'], { type: 'round-robin' }),
      'elsewhere.json': config(['a'], byUrl, { match: { hosts: ['shop.example'] } }),
      'bad.json': config(['a', 'a'], byUrl),
      'broken.log': 'this is no log\n',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const line = (i: number) =>
      `192.0.2.${i} - - [10/Oct/2000:13:55:36 -0700] "GET /${i} HTTP/1.1" 200 1000 "-" "-"\n`;
    const log = Array.from({ length: KEYS * REPEATS }, (_, i) => line(i % KEYS)).join('');
    writeFileSync(join(folder, 'access.log.gz'), gzipSync(log + line(7).repeat(20)));
  });

  const bench = (...args: string[]) =>
    spawnSync(process.execPath, ['bench/main.ts', ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, INIT_CWD: folder },
    });
  const replay = (...args: string[]): ReplayReport => {
    const { stdout, stderr, status } = bench('--access-log', 'access.log.gz', '--json', ...args);
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout);
  };

  it('tells shares, hot keys, hits and what a second configuration moves', () => {
    const report = replay('--config', 'three.json', '--against', 'two.json', '--capacity', '100%');
    const total = KEYS * REPEATS + 20;
    const [pool] = report.pools;
    expect(report.requests).toBe(total);
    expect(pool?.keys).toBe(KEYS);
    expect(pool?.backends.reduce((sum, { requests }) => sum + requests, 0)).toBe(total);
    expect(pool?.hotKeys[0]).toMatchObject({ key: '/7', requests: REPEATS + 20 });
    expect(report.hotUrls[0]).toMatchObject({ key: 'http://localhost/7', requests: REPEATS + 20 });
    // What is never evicted is missed once.
    expect(report.cache).toMatchObject({ requests: total, objects: KEYS, distinctBytes: KEYS * 1000 });
    expect(report.cache?.sizes).toEqual([
      {
        capacity: '100%',
        bytes: KEYS * 1000,
        hitRatio: 1 - KEYS / total,
        byteHitRatio: 1 - KEYS / total,
      },
    ]);
    // Only the keys of the backend that leaves move, and all of them.
    const gone = pool?.backends.find(({ id }) => id === 'c');
    expect(gone?.requests).toBeGreaterThan(0);
    expect(report.moved).toMatchObject([{ pool: 'web', keys: KEYS, requests: total, unpinned: 0 }]);
    expect(report.moved?.[0]?.requestsMovedRatio).toBeCloseTo(gone?.share ?? 0, 12);
  });

  it('says that nothing can be moved where turns decide, and that nothing is cached', () => {
    const report = replay('--config', 'turns.json', '--against', 'three.json');
    expect(report.moved).toMatchObject([{ keys: 0, requests: 0, unpinned: KEYS * REPEATS + 20 }]);
    expect(report.cache).toBeNull();
    expect(report.pools[0]?.backends.map(({ share }) => share.toFixed(2))).toEqual(['0.33', '0.33', '0.33']);
  });

  it.each([
    [['--config', 'three.json', '--access-log', 'none.log'], 'there is no such file'],
    [['--config', 'bad.json', '--access-log', 'access.log.gz'], 'pools.web.backends'],
    [['--config', 'broken.log', '--access-log', 'access.log.gz'], 'it is not JSON'],
    [
      ['--config', 'three.json', '--access-log', 'broken.log'],
      'Cannot read the access log broken.log: line 1',
    ],
    [['--config', 'three.json'], 'without --access-log FILE'],
    [
      ['--config', 'three.json', '--access-log', 'access.log.gz', '--html', 'nowhere/report.html'],
      'Cannot write the report nowhere/report.html: there is no such folder',
    ],
    [
      ['--config', 'elsewhere.json', '--access-log', 'access.log.gz'],
      'no route takes any of its requests, the first on line 1: GET localhost/0',
    ],
  ])('refuses %j in one line', (args, message) => {
    const { stdout, stderr, status } = bench(...args);
    expect(status).not.toBe(0);
    expect(stdout).toBe('');
    const errors = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('replay: '));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(message);
  });

  it('takes the host from --host', () => {
    const report = replay('--config', 'elsewhere.json', '--host', 'shop.example');
    expect(report.unrouted).toBe(0);
  });
});
