// What a run must record to be compared with another: commit, versions, machine, seed.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';

export interface Environment {
  /** Null outside a git checkout; ends in "+" when files differ from it. */
  readonly commit: string | null;
  readonly versions: Record<string, string>;
  readonly cores: number;
  readonly cpu: string;
  /** Mean number of running processes in the minute before the lab began; 0 where the system does not tell. */
  readonly loadBefore: number;
  /** ISO 8601. */
  readonly at: string;
  readonly seed: number;
  readonly quick: boolean;
  /** As it was called. */
  readonly command: string;
}

const [loadBefore = 0] = loadavg();
const root = fileURLToPath(new URL('..', import.meta.url));

function versionOf(packageFile: string): string {
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };
  return version;
}

function git(...args: string[]): string | null {
  try {
    return execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return null;
  }
}

/** Others have used so much of the machine that what was measured by a clock says little. */
export const wasBusy = ({ loadBefore: load, cores }: Environment): boolean => load > cores / 2;

/** @param packages npm packages whose versions matter to the results. */
export function describeEnvironment(
  options: { seed: number; quick: boolean },
  packages: readonly string[],
): Environment {
  const head = git('rev-parse', '--short', 'HEAD');
  const changed = git('status', '--porcelain', '--untracked-files=no');
  return {
    commit: head && head + (changed ? '+' : ''),
    versions: {
      roundel: versionOf(`${root}package.json`),
      node: process.versions.node,
      v8: process.versions.v8,
      ...Object.fromEntries(
        // Found by path: not every package lets its package.json be imported.
        packages.map((name) => [name, versionOf(`${root}node_modules/${name}/package.json`)]),
      ),
    },
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    loadBefore,
    at: new Date().toISOString(),
    ...options,
    command: commandLine(process.argv.slice(2)),
  };
}

function commandLine(args: readonly string[]): string {
  const quoted = args.map((arg) =>
    /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`,
  );
  return ['npm run bench', ...(quoted.length === 0 ? [] : ['--', ...quoted])].join(' ');
}
