// The configuration of plain workerd: one service per edge over the same bundle, all on the first one's objects,
// whose storage is SQLite on disk. Secrets stay in the environment.
import { relative } from 'node:path';
import type { Bundle } from './build-bundle.ts';
import type { WranglerConfig } from './wrangler-config.ts';

export interface WorkerdConfigInput {
  readonly bundle: Pick<Bundle, 'folder' | 'modules'>;
  readonly wrangler: WranglerConfig;
  /** Addresses to listen on, one per edge: "127.0.0.1:8787". */
  readonly addresses: readonly string[];
  /** Absolute folder of the Durable Objects' storage. */
  readonly objectsFolder: string;
  /** Folder in which the configuration will lie: module files are named relative to it. */
  readonly configFolder: string;
  /** Names of environment variables that become bindings of the same name. */
  readonly variables: readonly string[];
}

export const socketName = (edge: number): string => `edge-${edge}`;

/** Cap'n Proto text. The unique keys must never change: storage is found by them. */
export function workerdConfig(input: WorkerdConfigInput): string {
  const { wrangler, bundle } = input;
  const modules = bundle.modules.map((name) => {
    const file = text(relative(input.configFolder, `${bundle.folder}/${name}`).replaceAll('\\', '/'));
    return `(name = ${text(name)}, ${name.endsWith('.wasm') ? 'wasm' : 'esModule'} = embed ${file})`;
  });
  const namespaces = wrangler.durableObjects.map(
    ({ className }) =>
      `(className = ${text(className)}, uniqueKey = ${text(`roundel-${className}`)}, enableSql = true)`,
  );
  const bindings = (edge: number) => [
    ...wrangler.durableObjects.map(({ name, className }) => {
      const target =
        edge === 0 ? text(className) : `(className = ${text(className)}, serviceName = "edge-0")`;
      return `(name = ${text(name)}, durableObjectNamespace = ${target})`;
    }),
    ...input.variables.map((name) => `(name = ${text(name)}, fromEnvironment = ${text(name)})`),
  ];
  const worker = (edge: number) => `(
      compatibilityDate = ${text(wrangler.compatibilityDate)},
      compatibilityFlags = [${wrangler.compatibilityFlags.map(text).join(', ')}],
      modules = [${modules.join(', ')}],
      bindings = [
        ${bindings(edge).join(',\n        ')}
      ],${
        edge === 0
          ? `
      durableObjectNamespaces = [
        ${namespaces.join(',\n        ')}
      ],
      durableObjectStorage = (localDisk = "objects")`
          : ''
      }
    )`;
  const edges = input.addresses.map(
    (_, edge) => `(name = ${text(socketName(edge))}, worker = ${worker(edge)})`,
  );
  const sockets = input.addresses.map(
    (address, edge) =>
      `(name = ${text(socketName(edge))}, address = ${text(address)}, http = (), service = ${text(socketName(edge))})`,
  );
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
    (name = "objects", disk = (path = ${text(input.objectsFolder)}, writable = true)),
    ${edges.join(',\n    ')}
  ],
  sockets = [
    ${sockets.join(',\n    ')}
  ]
);
`;
}

/** Cap'n Proto takes the escapes that JSON makes for quotes, backslashes and line ends. */
const text = (value: string): string => JSON.stringify(value);
