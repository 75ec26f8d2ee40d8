// The programs that a lab runs beside itself: each a process of its own, ended with the lab however that ends.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../..', import.meta.url));

const running = new Set<ChildProcess>();
process.on('exit', () => {
  // Not SIGKILL: the starter of the product has a child of its own to end.
  for (const child of running) child.kill('SIGTERM');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // So that "exit" comes, and the children end.
  process.on(signal, () => process.exit(1));
}

export function runNode(args: readonly string[], options: SpawnOptions): ChildProcess {
  return run(process.execPath, args, options);
}

export function run(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, { cwd: repository, ...options });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Resolves when it is gone; at once when it was already. */
export function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill(signal);
  });
}
