// A scripted origin as a process of its own, which can be killed as real ones are: its port and its end are all that
// it shares with the lab. While it is dead a doorkeeper may hold its port.
import type { ChildProcess } from 'node:child_process';
import { type Doorkeeper, keepDoor } from '../../origin-mock/doorkeeper.ts';
import type { LedgerEntry } from '../../origin-mock/ledger.ts';
import type { ScriptInput } from '../../origin-mock/script.ts';
import { ended, runNode } from './child.ts';

export interface OriginProcess {
  readonly name: string;
  readonly url: string;
  /** Replaces its scripts; resolves when they hold. */
  script(...scripts: readonly ScriptInput[]): Promise<void>;
  /** What it received since the last `reset` or start: at most 10,000. */
  ledger(on: string): Promise<readonly LedgerEntry[]>;
  /** Forgets scripts and ledger. */
  reset(): Promise<void>;
  /** `kill -9`; then refuses whoever comes to its port, and writes down who that was. Resolves when it is dead. */
  kill(): Promise<Doorkeeper>;
  /** On the same port as before; the doorkeeper leaves. Does nothing when it lives. */
  revive(): Promise<void>;
  stop(): Promise<void>;
}

export async function startOriginProcess(name: string, seed: number): Promise<OriginProcess> {
  let { child, port } = await start(name, seed, 0);
  let door: Doorkeeper | null = null;
  const url = `http://127.0.0.1:${port}`;
  const control = async (method: string, path: string, body?: string): Promise<Response> => {
    const response = await fetch(`${url}/__origin/${path}`, { method, ...(body ? { body } : {}) });
    if (!response.ok) throw new Error(`Cannot ${method} ${path} of origin ${name}: ${await response.text()}`);
    return response;
  };
  return {
    name,
    url,
    script: async (...scripts) => void (await control('PUT', 'scripts', JSON.stringify(scripts))),
    ledger: async (on) =>
      (await control('GET', `ledger?on=${encodeURIComponent(on)}`)).json() as Promise<LedgerEntry[]>,
    async reset() {
      await control('DELETE', 'scripts');
      await control('DELETE', 'ledger');
    },
    async kill() {
      await ended(child, 'SIGKILL');
      door = await keepDoor(port);
      return door;
    },
    async revive() {
      if (!door) return;
      await door.stop();
      door = null;
      ({ child, port } = await start(name, seed, port));
    },
    async stop() {
      await door?.stop();
      await ended(child, 'SIGKILL');
    },
  };
}

async function start(
  name: string,
  seed: number,
  port: number,
): Promise<{ child: ChildProcess; port: number }> {
  const args = ['origin-mock/server.ts', '--port', String(port), '--name', name, '--seed', String(seed)];
  const child = runNode(args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let said = '';
  child.stderr?.on('data', (data) => {
    said += data;
  });
  const bound = await new Promise<number>((resolve, reject) => {
    child.once('message', (message: { port: number }) => resolve(message.port));
    child.once('exit', () => reject(new Error(`Cannot start origin ${name}: ${said.trim()}`)));
  });
  return { child, port: bound };
}
