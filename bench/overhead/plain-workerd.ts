// A workerd over Workers of a lab's own: plain configuration text in, the ports of its sockets out.
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { ended, repository, run } from '../resilience/child.ts';
import { removeFolder, temporaryFolder } from '../temporary-folder.ts';

export interface PlainWorkerd {
  readonly pid: number;
  /** Without a slash at the end. */
  urlOf(socket: string): string;
  stop(): Promise<void>;
}

export interface PlainService {
  readonly name: string;
  /** Source of its one module. */
  readonly source: string;
  /** Cap'n Proto text: more of the worker's fields. */
  readonly more?: string;
}

const { default: workerdPath } = createRequire(import.meta.url)('workerd') as { default: string };

/** Each service listens on a socket of its own. A disk of the name "objects" is there, gone with the workerd. */
export async function startPlainWorkerd(services: readonly PlainService[]): Promise<PlainWorkerd> {
  const folder = temporaryFolder('plain-workerd');
  const objects = join(folder, 'objects');
  mkdirSync(objects);
  const file = join(folder, 'workerd.capnp');
  writeFileSync(file, configOf(services, compatibilityDate(), objects));
  const child = run(workerdPath, ['serve', '--control-fd=3', file], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const names = services.map(({ name }) => name);
  const ports = await portsOf(child, names);
  return {
    pid: child.pid ?? 0,
    urlOf: (name) => `http://127.0.0.1:${ports.get(name)}`,
    async stop() {
      await ended(child, 'SIGKILL');
      removeFolder(folder);
    },
  };
}

function configOf(
  services: readonly PlainService[],
  compatibilityDate: string,
  objectsFolder: string,
): string {
  const workers = services.map(
    ({ name, source, more = '' }) =>
      `(name = ${text(name)}, worker = (compatibilityDate = ${text(compatibilityDate)}, modules = [(name = "worker.js", esModule = ${text(source)})]${more}))`,
  );
  const sockets = services.map(
    ({ name }) => `(name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${text(name)})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "internet", network = (allow = ["public", "private"])),
    (name = "objects", disk = (path = ${text(objectsFolder)}, writable = true)),
    ${workers.join(',\n    ')}
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
function compatibilityDate(): string {
  const toml = readFileSync(join(repository, 'wrangler.toml'), 'utf8');
  const date = /^compatibility_date *= *"([^"]+)"/m.exec(toml)?.[1];
  if (date === undefined)
    throw new Error('Cannot start plain Workers: wrangler.toml has no compatibility_date');
  return date;
}
