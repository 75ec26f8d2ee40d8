// Brings up the product on plain workerd over a state folder: bundle, configuration, process, readiness. What
// `npm start` and the end-to-end tests share.
import { writeFileSync } from 'node:fs';
import { type Bundle, buildBundle } from './build-bundle.ts';
import { bracketed, callEdge, type EdgeAnswer, type EdgeCall, reachable } from './call-edge.ts';
import { type RunningWorkerd, runWorkerd } from './run-workerd.ts';
import { StartError, sentenceOf } from './start-error.ts';
import type { StateFolder } from './state-folder.ts';
import { workerdConfig } from './workerd-config.ts';
import { readWranglerConfig } from './wrangler-config.ts';

export interface ServeOptions {
  readonly state: StateFolder;
  readonly host: string;
  /** One per edge; 0 = any free one. */
  readonly ports: readonly number[];
  /** Bindings of the Worker: ROUNDEL_ADMIN_TOKEN and its relatives. */
  readonly variables: Readonly<Record<string, string>>;
  /** Another Worker than the product's, relative to the repository. */
  readonly entry?: string;
  /** Runs against a private edge on the same state, before anybody can reach the real one. */
  readonly prepare?: ((control: Control) => Promise<void>) | null;
  readonly onBuild?: () => void;
  readonly onLine?: (line: string) => void;
}

/** A control-plane call with the admin token; `path` is below the prefix: "/v1/config". */
export type Control = (path: string, call?: Partial<EdgeCall>) => Promise<EdgeAnswer>;

export interface ServedEdge {
  readonly ports: readonly number[];
  /** Without a slash at the end, one per edge. */
  readonly urls: readonly string[];
  /** Path of the control plane, "/_roundel" unless the variables change it. */
  readonly prefix: string;
  readonly workerd: RunningWorkerd;
  readonly control: Control;
}

const READY_TIMEOUT_MS = 30_000;
const READY_POLL_MS = 25;
const PRIVATE_HOST = '127.0.0.1';

/**
 * Throws a StartError, with nothing left running, when the edges do not come up. What `prepare` does is done when the
 * first request can arrive: "ready" on the real port already means "with this configuration".
 */
export async function serveEdge(options: ServeOptions): Promise<ServedEdge> {
  const { entry, onBuild, prepare } = options;
  const bundle = await buildBundle({ ...(entry ? { entry } : {}), ...(onBuild ? { onBuild } : {}) });
  if (prepare) {
    const hidden = await bringUp(bundle, { ...options, host: PRIVATE_HOST, ports: [0] });
    try {
      await prepare(hidden.control);
    } finally {
      await hidden.workerd.stop();
    }
  }
  return bringUp(bundle, options);
}

async function bringUp(bundle: Bundle, options: ServeOptions): Promise<ServedEdge> {
  const { state, host, variables, onLine = () => {} } = options;
  const config = workerdConfig({
    bundle,
    wrangler: readWranglerConfig(),
    addresses: options.ports.map((port) => `${bracketed(host)}:${port}`),
    objectsFolder: state.objectsFolder,
    configFolder: state.path,
    variables: Object.keys(variables),
  });
  writeFileSync(state.configFile, config);
  const workerd = await runWorkerd({
    configFile: state.configFile,
    edges: options.ports.length,
    environment: variables,
    onLine,
  }).catch((error: unknown) => {
    throw new StartError(`Cannot start workerd: ${sentenceOf(error)}`);
  });
  state.noteWorkerd(workerd.pid);

  const prefix = variables.ROUNDEL_PREFIX || '/_roundel';
  const adminHost = variables.ROUNDEL_ADMIN_HOST;
  const control: Control = (path, call = {}) =>
    callEdge({
      host: reachable(host),
      port: workerd.ports[0] ?? 0,
      ...call,
      path: prefix + path,
      headers: {
        ...(adminHost ? { Host: adminHost } : {}),
        Authorization: `Bearer ${variables.ROUNDEL_ADMIN_TOKEN ?? ''}`,
        ...call.headers,
      },
    });
  try {
    await Promise.all(workerd.ports.map((port) => untilReady(workerd, () => control('/ready', { port }))));
  } catch (error) {
    await workerd.kill9();
    throw error;
  }
  return {
    ports: workerd.ports,
    urls: workerd.ports.map((port) => `http://${bracketed(reachable(host))}:${port}`),
    prefix,
    workerd,
    control,
  };
}

async function untilReady(workerd: RunningWorkerd, ask: () => Promise<EdgeAnswer>): Promise<void> {
  const deadlineAt = Date.now() + READY_TIMEOUT_MS;
  const ended = workerd.exited.then((why) => {
    throw new StartError(`workerd ended while starting: ${why.replaceAll(/\s*\n\s*/g, ' ')}`);
  });
  // Only looked at while waiting.
  ended.catch(() => {});
  let last = 'no answer';
  while (Date.now() < deadlineAt) {
    const answer = await Promise.race([ask().catch(sentenceOf), ended]);
    if (typeof answer !== 'string' && answer.status === 200) return;
    last = typeof answer === 'string' ? answer : `${answer.status} ${answer.body}`.replaceAll(/\s+/g, ' ');
    await Promise.race([new Promise((resolve) => setTimeout(resolve, READY_POLL_MS)), ended]);
  }
  throw new StartError(`The edge is not ready after ${READY_TIMEOUT_MS / 1_000} s: ${last.slice(0, 300)}`);
}
