// `npm start` as its user meets it: flags, errors, what survives, and that nothing is left behind.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigDocument } from '../../core/config/schema.ts';
import { commandOf, isRunning } from '../../local/process-table.ts';
import { repository } from '../../local/repository.ts';
import { processesOfGroup } from '../support/processes-of-group.ts';
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
    [
      'a host of another machine',
      () => ['--host', '192.0.2.1', '--mock-port', '0'],
      /192\.0\.2\.1 .*with --host/,
    ],
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

  it('without mocks and file starts empty, alone on its state, and the demo does not replace what it has', async () => {
    const env = { ROUNDEL_ADMIN_TOKEN: 'from-outside', ROUNDEL_READ_TOKEN: 'reader' };
    const first = runStart({ args: ['--port', '0', '--no-mocks', ...state()], env });
    const at = await first.ready();
    // It waits a while for the first to end.
    const beside = runStart({ args: ['--port', '0', '--no-mocks', ...state()] });
    expect(at.token).toBe('from-outside');
    expect(await configOf(at)).toMatchObject({ version: 1, config: { pools: {}, routes: [] } });
    const asReader = { ...at, token: 'reader' };
    expect((await call(asReader, '/config')).status).toBe(200);
    expect((await call(asReader, '/config', { method: 'PUT', body: '{}' })).status).toBe(403);
    expect((await call({ ...at, token: 'wrong' }, '/config')).status).toBe(401);
    expect((await fetch(at.url)).status).toBe(404);
    await put(at, onePool('mine'));
    expect(await beside.ended).toBe(1);
    expect(beside.stderr()).toMatch(
      new RegExp(`^roundel: The state folder is in use by the process ${first.pid}.*\n$`),
    );
    first.child.kill('SIGTERM');
    await first.ended;

    const withMocks = runStart({ args: ['--port', '0', '--mock-port', '0', ...state()] });
    expect((await configOf(await withMocks.ready())).config).toEqual(onePool('mine'));
  });

  it('brings its own demo up to date with the ports of the origins, and ends with all it started', async () => {
    const args = ['--port', '0', '--mock-port', '0', ...state()];
    const start = async () => {
      const command = runStart({ args });
      const { url } = await command.ready();
      expect(await (await fetch(`${url}/hello`)).text()).toMatch(/^Hello from origin/);
      return command;
    };
    const told = await start();
    told.child.kill('SIGTERM');
    expect(await told.ended).toBe(0);
    await waitUntil(() => processesOfGroup(told.pid).length === 0);

    const bereft = await start();
    const isWorkerd = (pid: number) => commandOf(pid)?.includes('workerd serve');
    process.kill(processesOfGroup(bereft.pid).find(isWorkerd) ?? 0, 'SIGKILL');
    expect(await bereft.ended).toBe(1);
    expect(bereft.stderr()).toContain('workerd has ended');
    await waitUntil(() => processesOfGroup(bereft.pid).length === 0);
  });
});

describe('kill -9', () => {
  it('leaves nothing running, whoever of them it meets, and a new start has what was written', async () => {
    const args = ['--port', String(await freePort()), '--no-mocks', ...state()];
    let before: { url: string; token: string } | null = null;
    for (const [round, victim] of ['the whole group', 'the starter alone', 'npm alone', 'nobody'].entries()) {
      const command = runStart({ npm: victim === 'npm alone', args });
      const at = await command.ready();
      if (before) {
        expect(at).toEqual(before);
        expect(await configOf(at)).toMatchObject({
          version: round + 1,
          config: onePool(`kept-${round - 1}`),
        });
      }
      before = at;
      if (victim === 'nobody') continue;
      await put(at, onePool(`kept-${round}`));
      const left = processesOfGroup(command.pid);
      if (victim === 'the whole group') command.signalGroup('SIGKILL');
      else command.child.kill('SIGKILL');
      await waitUntil(() => !left.some(isRunning), { what: `all to end after ${victim} was killed` });
    }
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
