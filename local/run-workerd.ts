// Runs the workerd binary of the npm package over a configuration file and tells when it listens and when it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { repository } from './repository.ts';
import { socketName } from './workerd-config.ts';

export interface RunningWorkerd {
  readonly pid: number;
  /** Port of each edge, in the order of their addresses. */
  readonly ports: readonly number[];
  readonly exited: Promise<string>;
  /** Asks, then insists after a second: its storage bears both. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash of the machine would end it. */
  kill9(): Promise<void>;
}

export interface RunOptions {
  readonly configFile: string;
  readonly edges: number;
  readonly environment: Readonly<Record<string, string>>;
  /** Lines that workerd writes, warnings and the Worker's console included. */
  readonly onLine: (line: string) => void;
}

// The package (CommonJS, untyped) finds the binary of this machine.
const { default: workerdPath } = createRequire(import.meta.url)('workerd') as { default: string };

const STOP_PATIENCE_MS = 1_000;
const STDERR_KEPT_CHARACTERS = 4_000;

/** Rejects with workerd's own words when it ends before it listens. */
export async function runWorkerd({
  configFile,
  edges,
  environment,
  onLine,
}: RunOptions): Promise<RunningWorkerd> {
  const child = spawn(workerdPath, ['serve', '--control-fd=3', configFile], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  const guard = spawn(process.execPath, [join(repository, 'local/guard-workerd.ts'), String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  let said = '';
  const listen = (stream: Readable | null) =>
    eachLine(stream, (line) => {
      said = `${said}${line}\n`.slice(-STDERR_KEPT_CHARACTERS);
      onLine(line);
    });
  listen(child.stdout);
  listen(child.stderr);
  // However this process ends in order, its workerd does not outlive it.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = new Promise<string>((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', () => {
      process.off('exit', kill);
      guard.kill();
    });
    child.on('close', (code, signal) => resolve(said.trim() || `it ended with ${signal ?? code}`));
  });

  const ports = await Promise.race([portsOf(child, edges), exited]);
  if (typeof ports === 'string') throw new Error(ports);
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exited;
  };
  return {
    pid: child.pid ?? 0,
    ports,
    exited,
    async stop() {
      const insist = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
      await end('SIGTERM');
      clearTimeout(insist);
    },
    kill9: () => end('SIGKILL'),
  };
}

function portsOf(child: ChildProcess, edges: number): Promise<number[]> {
  const found = new Map<string, number>();
  return new Promise((resolve) => {
    eachLine(child.stdio[3] as Readable, (line) => {
      const message = JSON.parse(line) as { event?: string; socket?: string; port?: number };
      if (message.event === 'listen' && message.socket && message.port)
        found.set(message.socket, message.port);
      const ports = Array.from({ length: edges }, (_, edge) => found.get(socketName(edge)));
      if (ports.every((port) => port !== undefined)) resolve(ports);
    });
  });
}

function eachLine(stream: Readable | null, take: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8').on('data', (data: string) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') take(line);
  });
}
