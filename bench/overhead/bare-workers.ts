// What the product is measured against, on the same runtime: a Worker that answers by itself, and one that only passes
// requests on. One workerd for both, since a round asks only one of them.
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ended, repository, run } from '../resilience/child.ts';
import { BODY_BYTES } from './plain-answer.ts';

export interface BareWorkers {
  readonly pid: number;
  /** Without a slash at the end. */
  readonly constantUrl: string;
  readonly passThroughUrl: string;
  stop(): Promise<void>;
}

const { default: workerdPath } = createRequire(import.meta.url)('workerd') as { default: string };

const constant = `const body = 'x'.repeat(${BODY_BYTES});
export default { fetch: () => new Response(body) };`;

/** As short as a proxy can be. The path is cut out of the text: parsing the URL would cost it more than all the rest. */
const passThrough = (origin: string) => `const origin = ${JSON.stringify(origin)};
export default { fetch: (request) => fetch(origin + request.url.slice(request.url.indexOf('/', 8)), request) };`;

/** `origin`: where the second one passes requests on to, without a slash at the end. */
export async function startBareWorkers(origin: string, compatibilityDate: string): Promise<BareWorkers> {
  const workers = { constant, 'pass-through': passThrough(origin) };
  const folder = mkdtempSync(join(tmpdir(), 'roundel-bench-'));
  const file = join(folder, 'workerd.capnp');
  writeFileSync(file, configOf(workers, compatibilityDate));
  const child = run(workerdPath, ['serve', '--control-fd=3', file], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const ports = await portsOf(child, Object.keys(workers));
  const urlOf = (name: string) => `http://127.0.0.1:${ports.get(name)}`;
  return {
    pid: child.pid ?? 0,
    constantUrl: urlOf('constant'),
    passThroughUrl: urlOf('pass-through'),
    async stop() {
      await ended(child, 'SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function configOf(workers: Readonly<Record<string, string>>, compatibilityDate: string): string {
  const names = Object.keys(workers);
  const services = Object.entries(workers).map(
    ([name, source]) =>
      `(name = ${text(name)}, worker = (compatibilityDate = ${text(compatibilityDate)}, modules = [(name = "worker.js", esModule = ${text(source)})]))`,
  );
  const sockets = names.map(
    (name) => `(name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${text(name)})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "internet", network = (allow = ["public", "private"])),
    ${services.join(',\n    ')}
  ],
  sockets = [
    ${sockets.join(',\n    ')}
  ]
);
`;
}

/** Cap'n Proto takes the escapes that JSON makes for quotes, backslashes and line ends. */
const text = (value: string): string => JSON.stringify(value);

function portsOf(child: ChildProcess, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const ports = new Map<string, number>();
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`Cannot start workerd: it ended with ${code}`)));
    createInterface({ input: child.stdio[3] as Readable }).on('line', (line) => {
      const { event, socket, port } = JSON.parse(line) as { event?: string; socket?: string; port?: number };
      if (event === 'listen' && socket !== undefined && port !== undefined) ports.set(socket, port);
      if (names.every((name) => ports.has(name))) resolve(ports);
    });
  });
}

/** The product's own. */
export function compatibilityDate(): string {
  const toml = readFileSync(join(repository, 'wrangler.toml'), 'utf8');
  const date = /^compatibility_date *= *"([^"]+)"/m.exec(toml)?.[1];
  if (date === undefined)
    throw new Error('Cannot start the bare Workers: wrangler.toml has no compatibility_date');
  return date;
}
