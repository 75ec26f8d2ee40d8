// The product as its user starts it, on a state folder of its own that goes with it, or on a given one; spoken to over
// HTTP only.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConfigDocument } from '../../core/config/schema.ts';
import { removeFolder, temporaryFolder } from '../temporary-folder.ts';
import { ended, runNode } from './child.ts';
import { until } from './until.ts';

export interface EdgeProcess {
  /** Of `npm start`, whose child workerd is. */
  readonly pid: number;
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: string;
  /** A control-plane call with a JSON answer; throws when it is refused. `path` is below "/_roundel/v1/". */
  admin<T>(method: string, path: string, json?: unknown): Promise<T>;
  /** Resolves when the edge serves by it. */
  configure(config: ConfigDocument): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;

export interface EdgeProcessOptions {
  /** What it starts with, for fields that are fixed from then on. */
  readonly config?: ConfigDocument;
  /** One that is kept; by default one of its own that goes with it. */
  readonly stateDir?: string;
}

export async function startEdgeProcess(options: EdgeProcessOptions = {}): Promise<EdgeProcess> {
  const stateDir = options.stateDir ?? temporaryFolder('bench');
  const configFile = join(stateDir, 'config.json');
  writeFileSync(configFile, JSON.stringify(options.config ?? {}));
  // Not as a script of npm, even if the lab is one: the starter would wait for the end of that npm.
  const { npm_lifecycle_event: _, ...env } = process.env;
  const args = ['local/start.ts', '--no-mocks', '--port', '0', '--state', stateDir, '--config', configFile];
  const child = runNode(args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout?.on('data', (data) => {
    out += data;
  });
  child.stderr?.on('data', (data) => {
    err = `${err}${data}`.slice(-10_000);
  });
  await until(
    () => out.includes('Ctrl-C') || child.exitCode !== null,
    'npm start to say its address',
    START_TIMEOUT_MS,
  );
  if (child.exitCode !== null) throw new Error(`Cannot start the product: ${err.trim()}`);
  const url = /edge +(\S+)/.exec(out)?.[1] ?? '';
  const token = /admin token +(\S+)/.exec(out)?.[1] ?? '';

  const admin = async <T>(method: string, path: string, json?: unknown): Promise<T> => {
    const response = await fetch(`${url}/_roundel/v1/${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Cannot ${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  };
  return {
    pid: child.pid ?? 0,
    url,
    token,
    admin,
    async configure(config) {
      const { version } = await admin<{ version: number }>('PUT', 'config', config);
      const serves = async (): Promise<boolean> => {
        const json = { url: 'http://version.test/' };
        return (await admin<{ configVersion: number }>('POST', 'explain', json)).configVersion >= version;
      };
      await until(serves, `the edge to serve by version ${version}`);
    },
    async stop(signal = 'SIGTERM') {
      await ended(child, signal);
      if (options.stateDir === undefined) removeFolder(stateDir);
    },
  };
}
