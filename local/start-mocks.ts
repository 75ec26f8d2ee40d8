// The demo's four origins, each a process of its own: kill one and watch the edge notice.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { repository } from './repository.ts';
import { StartError } from './start-error.ts';

export interface RunningMocks {
  /** In the order of the names. */
  readonly urls: readonly string[];
  stop(): Promise<void>;
}

export interface MockOptions {
  readonly names: readonly string[];
  /** Of the first; the others follow. 0 = any free ones. */
  readonly firstPort: number;
  readonly onEnd: (name: string) => void;
}

const HOST = '127.0.0.1';

export async function startMocks({ names, firstPort, onEnd }: MockOptions): Promise<RunningMocks> {
  let stopping = false;
  const children: ChildProcess[] = [];
  const stop = async () => {
    stopping = true;
    await Promise.all(children.map(end));
  };
  const started = names.map((name, i) => {
    const port = firstPort === 0 ? 0 : firstPort + i;
    const args = ['--host', HOST, '--port', String(port), '--name', name, '--seed', String(i + 1)];
    const child = fork(join(repository, 'origin-mock/server.ts'), args, {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    children.push(child);
    return untilListening(child, name).then((bound) => {
      child.on('exit', () => stopping || onEnd(name));
      return `http://${HOST}:${bound}`;
    });
  });
  try {
    return { urls: await Promise.all(started), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function untilListening(child: ChildProcess, name: string): Promise<number> {
  let said = '';
  child.stderr?.on('data', (data) => {
    said += data;
  });
  return new Promise((resolve, reject) => {
    child.once('message', (message: { port: number }) => resolve(message.port));
    child.once('close', () => {
      reject(new StartError(`Cannot start mock origin ${name}: ${said.trim().replaceAll(/\s*\n\s*/g, ' ')}`));
    });
  });
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
