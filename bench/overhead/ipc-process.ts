// Processes of this lab that are spoken to by messages: one question, one answer.
import type { ChildProcess } from 'node:child_process';
import { ended, runNode } from '../resilience/child.ts';

export interface IpcProcess {
  readonly pid: number;
  /** The next message that it sends, after it has got `question` if there is one. */
  ask<T>(question?: object): Promise<T>;
  stop(): Promise<void>;
}

/** `file` relative to the repository. */
export function startIpcProcess(file: string, args: readonly string[] = []): IpcProcess {
  const child: ChildProcess = runNode([file, ...args], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return {
    pid: child.pid ?? 0,
    ask: <T>(question?: object) =>
      new Promise<T>((resolve, reject) => {
        const gone = () => reject(new Error(`Cannot go on: ${file} has ended`));
        child.once('exit', gone);
        child.once('message', (message) => {
          child.off('exit', gone);
          resolve(message as T);
        });
        if (question) child.send(question);
      }),
    stop: () => ended(child, 'SIGKILL'),
  };
}
