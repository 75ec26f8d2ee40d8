// Runs the start command as a user would, in a process group of its own, and ends whatever it left.
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { isRunning } from '../../local/process-table.ts';
import { repository } from '../../local/repository.ts';
import { waitUntil } from './wait-until.ts';

export interface StartCommand {
  readonly child: ChildProcess;
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Resolves once the URLs are printed; rejects with its output when it ends before. */
  ready(): Promise<{ readonly url: string; readonly token: string }>;
  /** Exit status, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
  /** To the whole group, as a terminal's Ctrl-C and a crash reach it. */
  signalGroup(signal: NodeJS.Signals): void;
}

export interface RunInput {
  readonly args: readonly string[];
  /** Where relative file arguments start. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Through `npm start --` instead of the program behind it. */
  readonly npm?: boolean;
}

const running = new Set<StartCommand>();

export function runStart({ args, folder = repository, env = {}, npm = false }: RunInput): StartCommand {
  const { npm_lifecycle_event: _, ...inherited } = process.env;
  const program = npm ? 'npm' : process.execPath;
  const child = spawn(
    program,
    npm ? ['start', '--', ...args] : [join(repository, 'local/start.ts'), ...args],
    {
      cwd: repository,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...inherited, INIT_CWD: folder, ...env },
    },
  );
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stderr.on('data', (data) => {
    err += data;
  });
  const ended = new Promise<number | string | null>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? signal));
  });
  const command: StartCommand = {
    child,
    pid: child.pid ?? 0,
    stdout: () => out,
    stderr: () => err,
    ended,
    async ready() {
      let status: number | string | null | undefined;
      void ended.then((value) => {
        status = value;
      });
      await waitUntil(() => status !== undefined || out.includes('Ctrl-C'), {
        timeoutMs: 60_000,
        what: 'the start command prints its URLs',
      });
      if (status !== undefined) throw new Error(`The start command ended with ${status}: ${err}`);
      const url = /edge +(\S+)/.exec(out)?.[1] ?? '';
      return { url, token: /admin token +(\S+)/.exec(out)?.[1] ?? '' };
    },
    signalGroup(signal) {
      try {
        process.kill(-(child.pid ?? 0), signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    },
  };
  running.add(command);
  return command;
}

/** After every test: no group that was started is left. */
export async function endAllStarts(): Promise<void> {
  for (const command of running) command.signalGroup('SIGKILL');
  for (const command of running) await waitUntil(() => !isRunning(command.pid));
  running.clear();
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
