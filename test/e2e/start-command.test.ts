// `npm start` as its user meets it: flags, errors, what survives, and that nothing is left behind; and the live lab.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LiveReport } from '../../bench/live/run-live.ts';
import type { ConfigDocument } from '../../core/config/schema.ts';
import { commandOf, isRunning } from '../../local/process-table.ts';
import { repository } from '../../local/repository.ts';
import { endAllStarts, freePort, runStart } from '../support/start-command.ts';
import { waitUntil } from '../support/wait-until.ts';

const folders: string[] = [];
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'roundel-start-'));
  folders.push(folder);
});
afterEach(endAllStarts);
afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

const state = () => ['--state', join(folder, 'state')];
const write = (name: string, content: unknown) =>
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));

interface Versioned {
  readonly version: number;
  readonly createdBy: string;
  readonly config: ConfigDocument;
}

const call = (at: { url: string; token: string }, path: string, init: RequestInit = {}) =>
  fetch(`${at.url}/_roundel/v1${path}`, { ...init, headers: { Authorization: `Bearer ${at.token}` } });
const configOf = async (at: { url: string; token: string }) =>
  (await (await call(at, '/config')).json()) as Versioned;
const put = async (at: { url: string; token: string }, config: ConfigDocument) =>
  expect((await call(at, '/config', { method: 'PUT', body: JSON.stringify(config) })).status).toBe(200);

const onePool = (name: string): ConfigDocument => ({ pools: { [name]: { backends: [] } }, routes: [] });

describe('the command line', () => {
  it('explains itself', async () => {
    const command = runStart({ args: ['--help'] });
    expect(await command.ended).toBe(0);
    for (const flag of ['--port', '--host', '--config', '--state', '--no-mocks', '--mock-port']) {
      expect(command.stdout()).toContain(flag);
    }
    expect(command.stderr()).toBe('');
  });

  const wrong: [name: string, args: () => string[], message: RegExp][] = [
    ['an unknown flag', () => ['--nonsense'], /unknown option '--nonsense'/],
    ['an argument too many', () => ['something'], /too many arguments/],
    ['a port that is none', () => ['--port', '70000'], /'70000' is invalid/],
    ['a port without a number', () => ['--port'], /argument missing/],
    ['two things on one port', () => ['--port', '9102', '--mock-port', '9101'], /port 9102 .*mock origin b/],
    ['a host of another machine', () => ['--host', '192.0.2.1', '--mock-port', '0'], /192\.0\.2\.1/],
    ['a missing configuration', () => ['--config', 'none.json'], /none\.json: there is no such file/],
    ['a configuration that is no JSON', () => ['--config', 'text.json'], /text\.json: not JSON/],
    [
      'a wrong configuration, every field named',
      () => ['--config', 'bad.json'],
      /pools\.w\.backends\[0\]\.weight: .*; routes\[0\]\.pool: /,
    ],
    ['a state folder that cannot be', () => ['--state', 'text.json/state'], /Cannot write the state folder/],
  ];
  it.each(wrong)('refuses %s in one line', async (_, args, message) => {
    write('text.json', 'text');
    write('bad.json', {
      pools: { w: { backends: [{ id: 'a', url: 'http://a', weight: -1 }] } },
      routes: [{ id: 'r', pool: 'other' }],
    });
    const given = args();
    const command = runStart({ args: given.includes('--state') ? given : [...state(), ...given], folder });
    expect(await command.ended).toBe(1);
    expect(command.stderr()).toMatch(message);
    expect(command.stderr().trimEnd().split('\n')).toHaveLength(1);
    expect(command.stdout()).toBe('');
  });

  it.each([
    ['the edge', 'the edge', (port: number) => ['--port', String(port), '--no-mocks']],
    ['a mock origin', 'mock origin a', (port: number) => ['--port', '0', '--mock-port', String(port)]],
  ])('starts nothing when the port of %s is in use', async (_, names, args) => {
    const taken = await new Promise<Server>((resolve) => {
      const server: Server = createServer().listen(0, '127.0.0.1', () => resolve(server));
    });
    const { port } = taken.address() as { port: number };
    const command = runStart({ args: [...args(port), ...state()] });
    expect(await command.ended).toBe(1);
    expect(command.stderr()).toMatch(
      new RegExp(`^roundel: Cannot start ${names}: port ${port} .* is in use.*\n$`),
    );
    taken.close();
  });
});

describe('a run', () => {
  it('through npm serves the demo, keeps its token private, and leaves nothing after Ctrl-C', async () => {
    const command = runStart({ npm: true, args: ['--port', '0', '--mock-port', '0', ...state()] });
    const at = await command.ready();

    // Ready means ready: the very first request is served by the demo's routes.
    const hello = await fetch(`${at.url}/hello`);
    expect(await hello.text()).toMatch(/^Hello from origin [a-d]: GET \/hello\n$/);
    expect(hello.headers.get('roundel-backend')).toMatch(/^demo\/[a-d]$/);
    await (await fetch(`${at.url}/cache/60`)).text();
    const cached = await waitUntil(async () => {
      const status = (await fetch(`${at.url}/cache/60`)).headers.get('cache-status');
      return status?.includes('hit') && status;
    });
    expect(cached).toMatch(/^Roundel; ?hit/);
    expect((await fetch(`${at.url}/_roundel/ready`)).status).toBe(200);

    const tokenFile = join(folder, 'state/admin-token');
    expect(readFileSync(tokenFile, 'utf8').trim()).toBe(at.token);
    expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
    const curls = command.stdout().match(/^ *curl .*$/gm) ?? [];
    expect(curls).toHaveLength(3);
    for (const line of curls) {
      const curl = spawnSync('sh', ['-c', `${line.replace(/#.*/, '')} --silent --show-error --fail`]);
      expect(curl.status, `${line}\n${curl.stderr}`).toBe(0);
    }

    const group = processesOfGroup(command.pid);
    // npm, its shell, the starter, four origins, workerd.
    expect(group.length).toBeGreaterThanOrEqual(7);
    command.signalGroup('SIGINT');
    await command.ended;
    await waitUntil(() => processesOfGroup(command.pid).length === 0);
    await expect(fetch(at.url)).rejects.toThrow();
  });

  it('stops everything it started when it alone is told to end', async () => {
    const command = runStart({ args: ['--port', '0', '--mock-port', '0', ...state()] });
    await command.ready();
    command.child.kill('SIGTERM');
    expect(await command.ended).toBe(0);
    await waitUntil(() => processesOfGroup(command.pid).length === 0);
  });

  it('without mocks and file starts empty, and takes its token from the environment', async () => {
    const env = { ROUNDEL_ADMIN_TOKEN: 'from-outside', ROUNDEL_READ_TOKEN: 'reader' };
    const command = runStart({ args: ['--port', '0', '--no-mocks', ...state()], env });
    const at = await command.ready();
    expect(at.token).toBe('from-outside');
    expect(await configOf(at)).toMatchObject({ version: 1, config: { pools: {}, routes: [] } });
    expect((await call({ ...at, token: 'reader' }, '/config')).status).toBe(200);
    expect((await call({ ...at, token: 'reader' }, '/config', { method: 'PUT', body: '{}' })).status).toBe(
      403,
    );
    expect((await call({ ...at, token: 'wrong' }, '/config')).status).toBe(401);
    expect((await fetch(at.url)).status).toBe(404);
  });

  it('keeps changes made through the API over a restart with the same file, and takes a changed file', async () => {
    write('mine.json', onePool('from-file'));
    const args = ['--port', '0', '--no-mocks', '--config', 'mine.json', ...state()];
    const first = runStart({ args, folder });
    const at = await first.ready();
    expect(await configOf(at)).toMatchObject({ version: 2, config: onePool('from-file') });
    await put(at, onePool('from-api'));
    first.child.kill('SIGINT');
    expect(await first.ended).toBe(0);

    const second = runStart({ args, folder });
    const again = await second.ready();
    expect(again.token).toBe(at.token);
    expect(await configOf(again)).toMatchObject({ version: 3, config: onePool('from-api') });
    second.child.kill('SIGINT');
    expect(await second.ended).toBe(0);

    write('mine.json', onePool('from-changed-file'));
    const third = runStart({ args, folder });
    expect(await configOf(await third.ready())).toMatchObject({
      version: 4,
      config: onePool('from-changed-file'),
    });
  });

  it('does not show the demo over a configuration of one’s own', async () => {
    const first = runStart({ args: ['--port', '0', '--no-mocks', ...state()] });
    await put(await first.ready(), onePool('mine'));
    first.child.kill('SIGTERM');
    await first.ended;
    const second = runStart({ args: ['--port', '0', '--mock-port', '0', ...state()] });
    expect((await configOf(await second.ready())).config).toEqual(onePool('mine'));
  });

  it('brings its own demo up to date with the ports of the origins', async () => {
    for (const _ of [1, 2]) {
      const command = runStart({ args: ['--port', '0', '--mock-port', '0', ...state()] });
      const at = await command.ready();
      expect(await (await fetch(`${at.url}/hello`)).text()).toMatch(/^Hello from origin/);
      command.child.kill('SIGTERM');
      await command.ended;
    }
  });
});

describe('after kill -9', () => {
  it.each(['the whole group', 'the starter alone', 'npm alone'])(
    'of %s nothing is left running, and a new start has what was written',
    async (who) => {
      const port = String(await freePort());
      const args = ['--port', port, '--no-mocks', ...state()];
      const first = runStart({ npm: who === 'npm alone', args });
      const at = await first.ready();
      await put(at, onePool('kept'));
      const left = processesOfGroup(first.pid);
      if (who === 'the whole group') first.signalGroup('SIGKILL');
      else first.child.kill('SIGKILL');
      await waitUntil(() => !left.some(isRunning));

      const second = runStart({ args });
      const again = await second.ready();
      expect(again).toEqual(at);
      expect(await configOf(again)).toMatchObject({ version: 2, config: onePool('kept') });
    },
  );

  it('of workerd the command ends, says so, and leaves nothing', async () => {
    const command = runStart({ args: ['--port', '0', '--mock-port', '0', ...state()] });
    await command.ready();
    const workerd =
      processesOfGroup(command.pid).find((pid) => commandOf(pid)?.includes('workerd serve')) ?? 0;
    process.kill(workerd, 'SIGKILL');
    expect(await command.ended).toBe(1);
    expect(command.stderr()).toContain('workerd has ended');
    await waitUntil(() => processesOfGroup(command.pid).length === 0);
  });

  it('only one run at a time uses a state folder', async () => {
    const first = runStart({ args: ['--port', '0', '--no-mocks', ...state()] });
    await first.ready();
    const second = runStart({ args: ['--port', '0', '--no-mocks', ...state()] });
    expect(await second.ended).toBe(1);
    expect(second.stderr()).toMatch(
      new RegExp(`^roundel: The state folder is in use by the process ${first.pid}.*\n$`),
    );
  });
});

describe('deployment', () => {
  it('has a Worker that wrangler accepts', () => {
    const wrangler = join(repository, 'node_modules/wrangler/bin/wrangler.js');
    const output = execFileSync(
      process.execPath,
      [wrangler, 'deploy', '--dry-run', '--outdir', join(folder, 'out')],
      {
        cwd: repository,
        encoding: 'utf8',
        env: { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', CI: '1' },
      },
    );
    for (const binding of [
      'DIRECTORY',
      'SHARD_REPLICA',
      'HEALTH_MONITOR',
      'PURGE_COORDINATOR',
      'TELEMETRY',
    ]) {
      expect(output).toContain(`env.${binding}`);
    }
  });
});

describe('npm run bench -- live', () => {
  it('measures the product beside plain Workers and what else there is, and leaves nothing behind', async () => {
    const turns = ['--rounds', '1', '--seconds', '0.3', '--connections', '4', '--rate', '50'];
    const args = ['bench/main.ts', 'live', '--workload', 'constant,cache', ...turns, '--json'];
    const child = spawn(process.execPath, args, { cwd: repository, detached: true });
    let out = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    let err = '';
    child.stderr.on('data', (data) => {
      err += data;
    });
    const [status] = await once(child, 'close');
    expect(status, err).toBe(0);
    expect(err).toContain('live: round 1 of 1');
    const { throughput, latency, skipped, environment } = JSON.parse(out) as LiveReport;
    const memory = throughput.find(({ contender }) => contender === 'Roundel, memory');
    expect(memory).toMatchObject({ workload: 'cache', connections: 4, failures: 0 });
    expect(memory?.requests).toBeGreaterThan(0);
    expect(memory?.originRatio).toBeLessThan(0.05);
    expect(throughput.find(({ contender }) => contender === 'Worker with a Map')?.ratio).toBe(1);
    expect(latency.find(({ contender }) => contender === 'Roundel, memory')).toMatchObject({
      rate: 50,
      failures: 0,
    });
    // Each of the neighbours takes part, or its absence has a reason.
    for (const name of ['nginx', 'haproxy', 'varnish']) {
      const isThere = name in environment.versions;
      expect(skipped.some((one) => one.name === name && one.reason !== '')).toBe(!isThere);
    }
    expect(processesOfGroup(child.pid ?? 0)).toEqual([]);
  });
});

/** Zombies are not counted: they wait for nothing but to be collected. */
function processesOfGroup(group: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,pgid=,stat='], { encoding: 'utf8' });
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, pgid, stat]) => Number(pgid) === group && !stat?.startsWith('Z'))
    .map(([pid]) => Number(pid));
}
