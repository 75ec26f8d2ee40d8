// Other people's proxies and caches, where this machine has them: started beside the product with a configuration of the
// lab's own in a folder that goes with them, on ports of their own. None of them is needed.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { ended, run } from '../../resilience/child.ts';
import { until } from '../../resilience/until.ts';
import { removeFolder, temporaryFolder } from '../../temporary-folder.ts';

export interface Neighbour {
  readonly name: string;
  readonly version: string;
  readonly pid: number;
  /** By what each does: 'constant', 'proxy', 'cache'. Without a slash at the end. */
  readonly urls: ReadonlyMap<string, string>;
  stop(): Promise<void>;
}

/** Why one does not take part. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

export interface Origins {
  /** Behind its proxy, in turn. Without a slash at the end. */
  readonly proxied: readonly string[];
  /** Behind its cache: what it answers may be kept. */
  readonly cached: string;
}

export interface Recipe {
  readonly name: string;
  /** As found on the PATH. */
  readonly command: string;
  /** Makes it print its version, to either output. */
  readonly versionFlag: string;
  /** What it does, each on a port of its own. */
  readonly roles: readonly string[];
  /** Writes what it needs into the folder and says how it is called; it must not go into the background. */
  prepare(folder: string, ports: ReadonlyMap<string, number>, origins: Origins): readonly string[];
}

const START_TIMEOUT_MS = 10_000;

/** The whole path; null when nothing of that name can be run. */
export function onPath(command: string, path = process.env.PATH ?? ''): string | null {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, command);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not here.
    }
  }
  return null;
}

export async function startNeighbour(recipe: Recipe, origins: Origins): Promise<Neighbour | Skipped> {
  const { name, command, versionFlag, roles } = recipe;
  const file = onPath(command);
  if (file === null) return { name, reason: `there is no ${command} on the PATH` };
  const { stdout, stderr } = spawnSync(file, [versionFlag], { encoding: 'utf8' });
  const version = /\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? 'unknown';
  const folder = temporaryFolder(name);
  const ports = new Map<string, number>();
  for (const role of roles) ports.set(role, await freePort());
  const urls = new Map([...ports].map(([role, port]) => [role, `http://127.0.0.1:${port}`] as const));
  const args = recipe.prepare(folder, ports, origins);
  const child = run(file, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (data) => {
    said = `${said}${data}`.slice(-2_000);
  });
  const isGone = () => child.exitCode !== null || child.signalCode !== null;
  const answers = async (url: string) => (await fetch(`${url}/0`).catch(() => null))?.ok === true;
  const stop = async () => {
    await ended(child, 'SIGTERM');
    removeFolder(folder);
  };
  try {
    for (const url of urls.values()) {
      await until(async () => isGone() || (await answers(url)), `${name} to answer`, START_TIMEOUT_MS);
    }
  } catch {
    said ||= `it did not answer within ${START_TIMEOUT_MS} ms`;
    await stop();
  }
  if (isGone()) {
    removeFolder(folder);
    const [line = 'it ended'] = said.trim().split('\n');
    return { name, reason: `cannot start it: ${line}` };
  }
  return { name, version, pid: child.pid ?? 0, urls, stop };
}

/** Somebody else may take it before it is used: then the start fails, with a reason. */
function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
