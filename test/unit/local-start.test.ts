// The parts of the start command that need no process: its options, its configuration files, what it writes.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { unstable_readConfig } from 'wrangler';
import { parseConfig } from '../../core/config/parse-config.ts';
import { demoConfig, isDemoConfig } from '../../local/demo-config.ts';
import { documentDigest } from '../../local/document-digest.ts';
import { adoptionOf, readConfigFile } from '../../local/initial-config.ts';
import { commandOf, parentOf } from '../../local/process-table.ts';
import { parseStartOptions } from '../../local/start-options.ts';
import { openStateFolder } from '../../local/state-folder.ts';
import { workerdConfig } from '../../local/workerd-config.ts';
import { readWranglerConfig } from '../../local/wrangler-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'roundel-local-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('options', () => {
  it('have the documented defaults', () => {
    expect(parseStartOptions([])).toEqual({
      port: 8787,
      host: '127.0.0.1',
      config: null,
      state: null,
      mocks: true,
      mockPort: 9001,
    });
  });

  it('are all understood', () => {
    const args = '--port 1 --host ::1 --config c.json --state s --no-mocks --mock-port=2'.split(' ');
    expect(parseStartOptions(args)).toEqual({
      port: 1,
      host: '::1',
      config: 'c.json',
      state: 's',
      mocks: false,
      mockPort: 2,
    });
  });

  it.each([
    [['--port', '-1']],
    [['--port', '1e3']],
    [['--mock-port', '65533']],
    [['--config']],
    [['--config', '']],
    [['--state', '']],
    [['--host', '']],
    [['--ports', '1']],
    [['serve']],
  ])('refuse %j in one line', (args) => {
    expect(() => parseStartOptions(args)).toThrow(/^[^\n]+$/);
  });
});

describe('the configuration that a start brings', () => {
  it('is valid where it is ours', () => {
    const demo = demoConfig(['http://127.0.0.1:1', 'http://127.0.0.1:2', 'http://127.0.0.1:3', 'http://h:4']);
    expect(parseConfig(demo)).toMatchObject({ ok: true });
    expect(isDemoConfig(JSON.parse(JSON.stringify(demo)))).toBe(true);
    expect(isDemoConfig({ ...demo, routes: [] })).toBe(false);
    expect(isDemoConfig({ pools: {}, routes: [] })).toBe(false);
  });

  it('names all that is wrong in a file', () => {
    writeFileSync(
      join(folder, 'bad.json'),
      JSON.stringify({ pools: { P: {} }, routes: [{ id: 'r' }], x: 1 }),
    );
    expect(() => readConfigFile('.', folder)).toThrow('it is a folder, not a file');
    expect(() => readConfigFile('bad.json', folder)).toThrow(/pools\.P.*x: unknown field/s);
  });

  it('is handed over once', async () => {
    writeFileSync(join(folder, 'good.json'), '{ "pools": {}, "routes": [] }');
    const file = readConfigFile('good.json', folder);
    const sent: unknown[] = [];
    const control = async (path: string, call: unknown) => {
      sent.push([path, call]);
      return { status: 200, body: '{}' };
    };
    await adoptionOf(file, folder)?.(control);
    expect(sent).toMatchObject([['/v1/config', { method: 'PUT', body: file.text }]]);
    expect(adoptionOf(file, folder)).toBeNull();
    expect(adoptionOf({ ...file, text: '{}' }, folder)).not.toBeNull();
  });

  it('stays wanted when the edge refuses it', async () => {
    const file = { type: 'file', path: 'mine.json', text: '{"pools":{}}' } as const;
    const problem = JSON.stringify({ errors: [{ path: 'shards', message: 'is fixed' }] });
    const refuse = async () => ({ status: 422, body: problem });
    await expect(adoptionOf(file, folder)?.(refuse)).rejects.toThrow('mine.json: 422 shards: is fixed');
    expect(adoptionOf(file, folder)).not.toBeNull();
  });
});

describe('the configuration of workerd', () => {
  it('follows wrangler.toml, read as wrangler reads it', () => {
    const wrangler = unstable_readConfig({ config: 'wrangler.toml' }, { hideWarnings: true });
    const read = readWranglerConfig();
    expect(read.compatibilityDate).toBe(wrangler.compatibility_date);
    expect(read.compatibilityFlags).toEqual(wrangler.compatibility_flags);
    expect(wrangler.main?.endsWith(read.main)).toBe(true);
    expect(read.durableObjects.map(({ name, className }) => ({ name, class_name: className }))).toEqual(
      wrangler.durable_objects.bindings,
    );
    const classes = read.durableObjects.map(({ className }) => className);
    expect(wrangler.migrations.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes)).toEqual(classes);
  });

  const input = {
    bundle: { folder: '/builds/x', modules: ['index.js', 'hash.wasm'] },
    wrangler: readWranglerConfig(),
    addresses: ['127.0.0.1:1', '127.0.0.1:2'],
    objectsFolder: '/state/objects',
    configFolder: '/state',
    variables: ['ROUNDEL_ADMIN_TOKEN'],
  };

  it('binds a second edge to the objects of the first', () => {
    const text = workerdConfig(input);
    expect(text.match(/uniqueKey = "roundel-Directory"/g)).toHaveLength(1);
    expect(text).toContain('durableObjectNamespace = (className = "Directory", serviceName = "edge-0")');
    expect(text).toContain('(name = "index.js", esModule = embed "../builds/x/index.js")');
    expect(text).toContain('(name = "hash.wasm", wasm = embed "../builds/x/hash.wasm")');
  });

  it('names secrets and never holds them', () => {
    expect(workerdConfig(input)).toContain(
      '(name = "ROUNDEL_ADMIN_TOKEN", fromEnvironment = "ROUNDEL_ADMIN_TOKEN")',
    );
  });
});

describe('the state folder', () => {
  it('keeps its token, and belongs to one owner until it is released', async () => {
    const path = join(folder, 'state');
    const state = await openStateFolder(path);
    const token = state.adminToken();
    expect(token).toMatch(/^[\w-]{32}$/);
    state.release();
    const again = await openStateFolder(path);
    expect(again.adminToken()).toBe(token);
    again.release();
  });

  it('is taken over from an owner that is gone, even if another process has its number now', async () => {
    const path = join(folder, 'orphaned');
    (await openStateFolder(path)).release();
    const note = { pid: process.ppid, command: 'node of an earlier day', workerdPid: process.pid };
    writeFileSync(join(path, 'running.json'), JSON.stringify(note));
    // Its workerd's number is ours now: this process does not run that configuration and must live.
    (await openStateFolder(path)).release();
  });
});

describe('the process table', () => {
  it('knows this process and its parent, and none that does not exist', () => {
    expect(commandOf(process.pid)).toContain('node');
    expect(parentOf(process.pid)).toBe(process.ppid);
    expect(commandOf(2 ** 30)).toBeNull();
    expect(parentOf(2 ** 30)).toBeNull();
  });
});

describe('documentDigest', () => {
  it('is the same for the same document, however it is written', () => {
    const digest = documentDigest('{"pools":{"b":{},"a":{"backends":[{"id":"x","url":"http://x"}]}}}');
    expect(
      documentDigest('{ "pools": { "a": { "backends": [\n{ "url": "http://x", "id": "x" } ] }, "b": {} } }'),
    ).toBe(digest);
    expect(documentDigest('{"pools":{"a":{},"b":{"backends":[{"id":"x","url":"http://x"}]}}}')).not.toBe(
      digest,
    );
  });

  it('keeps the order of lists', () => {
    expect(documentDigest('[1,2]')).not.toBe(documentDigest('[2,1]'));
  });
});
