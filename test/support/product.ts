// The whole product for one test: plain workerd on free ports over a state folder of its own, with scripted origins
// beside it, brought up by the code behind `npm start`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigDocument } from '../../core/config/schema.ts';
import { adoptConfig } from '../../local/adopt-config.ts';
import { type ServedEdge, serveEdge } from '../../local/serve-edge.ts';
import { openStateFolder, type StateFolder } from '../../local/state-folder.ts';
import { type OriginSpec, type RunningOrigin, startOrigins } from '../../origin-mock/start-origin.ts';
import { waitUntil } from './wait-until.ts';

export interface ProductOptions {
  /** There before the first request; a function gets the origins that it points to. */
  readonly config?: ConfigDocument | ((origins: readonly RunningOrigin[]) => ConfigDocument);
  /** How many scripted origins (named "a", "b" …), or a spec of each. Default 0. */
  readonly mocks?: number | readonly OriginSpec[];
  /** 2 = a second edge, an isolate of its own, bound to the same objects. */
  readonly edges?: 1 | 2;
  /** Another Worker than the product's, relative to the repository. */
  readonly entry?: string;
  /** Default: a temporary one, removed by `stop`. */
  readonly stateDir?: string;
  /** More ROUNDEL_… bindings. An empty ROUNDEL_ADMIN_TOKEN leaves the edge without one. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface AdminInit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>;
  /** Which edge answers. Default 0. */
  readonly edge?: number;
}

export interface Product {
  /** Of the first edge, without a slash at the end. */
  readonly url: string;
  readonly urls: readonly string[];
  readonly adminToken: string;
  readonly origins: readonly RunningOrigin[];
  readonly stateDir: string;
  /** Lines that workerd and the Worker's console wrote. */
  readonly log: readonly string[];
  readonly pid: number;
  /** A control-plane call with the admin token; `path` is below "/_roundel": "/v1/config". */
  admin(path: string, init?: AdminInit): Promise<Response>;
  /** Puts a configuration and waits until every edge serves by it. Throws when it is refused. Returns its version. */
  configure(config: ConfigDocument): Promise<number>;
  /** Ends workerd as a crash would; the origins live on. */
  kill9(): Promise<void>;
  /** Brings it up again on the same ports and state, after kill9 or from running. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export const TEST_ADMIN_TOKEN = 'test-admin-token';

export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const { edges = 1, entry, env = {} } = options;
  const origins = await startOrigins(options.mocks ?? 0);
  const stateDir = options.stateDir ?? mkdtempSync(join(tmpdir(), 'roundel-test-'));
  const config = typeof options.config === 'function' ? options.config(origins) : options.config;
  const log: string[] = [];
  const given = { ROUNDEL_ADMIN_TOKEN: TEST_ADMIN_TOKEN, ...env };
  const variables = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''));

  let state: StateFolder | null = null;
  let edge: ServedEdge | null = null;
  let ports: readonly number[] = Array.from({ length: edges }, () => 0);

  const up = async (prepared: ConfigDocument | undefined) => {
    state = await openStateFolder(stateDir);
    edge = await serveEdge({
      state,
      host: '127.0.0.1',
      ports,
      variables,
      ...(entry ? { entry } : {}),
      prepare: prepared
        ? (control) => adoptConfig(control, JSON.stringify(prepared), 'the configuration of the test')
        : null,
      onLine: (line) => log.push(line),
    });
    ports = edge.ports;
  };
  const stopAll = async () => {
    await edge?.workerd.stop();
    state?.release();
    await Promise.all(origins.map((origin) => origin.stop()));
    if (options.stateDir === undefined) rmSync(stateDir, { recursive: true, force: true });
  };
  const running = (): ServedEdge => {
    if (!edge) throw new Error('The product was not started');
    return edge;
  };
  const admin: Product['admin'] = (path, { json, edge: number = 0, ...init } = {}) =>
    fetch(`${running().urls[number]}${running().prefix}${path}`, {
      ...init,
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
      headers: {
        Authorization: `Bearer ${variables.ROUNDEL_ADMIN_TOKEN}`,
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...init.headers,
      },
    });

  try {
    await up(config);
  } catch (error) {
    await stopAll();
    throw new Error(`${error instanceof Error ? error.message : error}\n${log.slice(-20).join('\n')}`);
  }
  return {
    get url() {
      return running().urls[0] ?? '';
    },
    get urls() {
      return running().urls;
    },
    get pid() {
      return running().workerd.pid;
    },
    adminToken: variables.ROUNDEL_ADMIN_TOKEN ?? '',
    origins,
    stateDir,
    log,
    admin,
    async configure(document) {
      const response = await admin('/v1/config', { method: 'PUT', json: document });
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
      const { version } = (await response.json()) as { version: number };
      for (const number of running().ports.keys()) {
        await waitUntil(async () => (await servedVersion(admin, number)) >= version, {
          what: `version ${version} at edge ${number}`,
        });
      }
      return version;
    },
    kill9: () => running().workerd.kill9(),
    async restart() {
      await running().workerd.stop();
      await up(undefined);
    },
    stop: stopAll,
  };
}

/** The version that an edge itself serves by; reading the configuration would ask the Directory. */
async function servedVersion(admin: Product['admin'], edge: number): Promise<number> {
  const json = { url: 'http://version.test/', method: 'GET', headers: {}, clientIp: '192.0.2.1' };
  const response = await admin('/v1/explain', { method: 'POST', json, edge });
  if (!response.ok) throw new Error(`explain: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { configVersion: number }).configVersion;
}
