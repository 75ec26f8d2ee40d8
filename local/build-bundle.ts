// Makes the Worker one module with wrangler, as a deployment would, and keeps it until a source changes.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { repository } from './repository.ts';
import { StartError } from './start-error.ts';
import { readWranglerConfig } from './wrangler-config.ts';

export interface Bundle {
  readonly folder: string;
  /** File names in the folder, the main module first. */
  readonly modules: readonly string[];
  /** False when an earlier build was still good. */
  readonly built: boolean;
}

export interface BuildOptions {
  /** Another entry than wrangler.toml's `main`, relative to the repository. */
  readonly entry?: string;
  /** Another wrangler.toml than the repository's own, relative to it. */
  readonly config?: string;
  readonly onBuild?: () => void;
}

const KEPT_MAX = 8;

/** About 3 s when something changed, else milliseconds. Several processes may build at once. */
export async function buildBundle({
  entry,
  config = 'wrangler.toml',
  onBuild,
}: BuildOptions = {}): Promise<Bundle> {
  const main = entry ?? readWranglerConfig().main;
  const builds = join(repository, '.roundel/build');
  const folder = join(builds, digestOfSources(main, config));
  const built = !existsSync(folder);
  if (built) {
    onBuild?.();
    mkdirSync(builds, { recursive: true });
    const unfinished = `${folder}.${process.pid}`;
    await runWrangler(main, config, unfinished);
    try {
      renameSync(unfinished, folder);
    } catch (error) {
      rmSync(unfinished, { recursive: true, force: true });
      // Another process was faster with the same sources.
      if (!existsSync(folder)) throw error;
    }
    prune(builds, folder);
  }
  const mainModule = `${main.replace(/^.*\//, '').replace(/\.\w+$/, '')}.js`;
  const others = readdirSync(folder).filter((name) => /\.(m?js|wasm)$/.test(name) && name !== mainModule);
  return { folder, modules: [mainModule, ...others], built };
}

function digestOfSources(main: string, config: string): string {
  const folders = ['core', 'worker', 'durable-objects'];
  if (!folders.includes(main.split('/')[0] ?? '')) folders.push(dirname(main));
  const files = folders.flatMap((name) => globSync(`${name}/**/*.{ts,js,wasm,json}`, { cwd: repository }));
  const hash = createHash('sha256').update(main);
  for (const file of [config, 'package-lock.json', ...files.sort()]) {
    hash.update(`\0${file}\0`).update(readFileSync(join(repository, file)));
  }
  return hash.digest('hex').slice(0, 32);
}

async function runWrangler(main: string, config: string, outdir: string): Promise<void> {
  const wrangler = join(repository, 'node_modules/wrangler/bin/wrangler.js');
  const args = [
    wrangler,
    'deploy',
    main,
    '--config',
    join(repository, config),
    '--dry-run',
    '--outdir',
    outdir,
  ];
  const child = spawn(process.execPath, args, {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Nothing is sent anywhere and nothing asked: the bundle is made on this machine alone.
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_HIDE_BANNER: 'true',
      WRANGLER_WRITE_LOGS: 'false',
      CI: '1',
      NO_COLOR: '1',
      FORCE_COLOR: '0',
    },
  });
  let output = '';
  child.stdout.on('data', (data) => {
    output += data;
  });
  child.stderr.on('data', (data) => {
    output += data;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (status !== 0) {
    rmSync(outdir, { recursive: true, force: true });
    throw new StartError(`Cannot bundle ${main}: ${stripVTControlCharacters(output).trim().slice(0, 2_000)}`);
  }
}

/** Removes the oldest builds, never the one in use. */
function prune(builds: string, inUse: string): void {
  const byAge = readdirSync(builds)
    .map((name) => join(builds, name))
    .filter((path) => path !== inUse)
    .map((path) => ({ path, at: statSync(path).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  for (const { path } of byAge.slice(KEPT_MAX)) rmSync(path, { recursive: true, force: true });
}
