// `npm start`: the edge on plain workerd with durable state, four mock origins and a demo configuration.
import { isAbsolute, join, resolve } from 'node:path';
import { bracketed } from './call-edge.ts';
import { checkPorts } from './check-ports.ts';
import { DEMO_ORIGINS, demoConfig } from './demo-config.ts';
import { adoptionOf, type InitialConfig, readConfigFile } from './initial-config.ts';
import { repository } from './repository.ts';
import { type ServedEdge, serveEdge } from './serve-edge.ts';
import { StartError, sentenceOf } from './start-error.ts';
import { startMocks } from './start-mocks.ts';
import { parseStartOptions, type StartOptions } from './start-options.ts';
import { openStateFolder } from './state-folder.ts';
import { welcome } from './welcome.ts';
import { whenAbandoned } from './when-abandoned.ts';

const log = (line: string) => console.error(line);

/** What was started, in order: undone backwards, once. */
const undo: (() => Promise<void> | void)[] = [];
let ending: Promise<void> | null = null;

function stopAll(): Promise<void> {
  ending ??= (async () => {
    for (const step of undo.splice(0).reverse()) await step();
  })();
  return ending;
}

async function end(status: number): Promise<never> {
  await stopAll();
  process.exit(status);
}

async function start(options: StartOptions): Promise<void> {
  const callersFolder = process.env.INIT_CWD ?? process.cwd();
  const file = options.config === null ? null : readConfigFile(options.config, callersFolder);
  const statePath = options.state === null ? join(repository, '.roundel/state') : options.state;
  const state = await openStateFolder(isAbsolute(statePath) ? statePath : resolve(callersFolder, statePath));
  undo.push(state.release);
  await checkPorts([
    { host: options.host, port: options.port, what: 'the edge', flag: '--port' },
    ...(options.mocks ? DEMO_ORIGINS : []).map((name, i) => ({
      host: '127.0.0.1',
      port: options.mockPort === 0 ? 0 : options.mockPort + i,
      what: `mock origin ${name}`,
      flag: '--mock-port',
    })),
  ]);

  let config: InitialConfig | null = file;
  if (options.mocks) {
    const mocks = await startMocks({
      names: DEMO_ORIGINS,
      firstPort: options.mockPort,
      onEnd: (name) => {
        // A signal to the whole group reaches them as well.
        if (!ending) log(`roundel: mock origin ${name} has ended`);
      },
    });
    undo.push(mocks.stop);
    config ??= { type: 'demo', text: JSON.stringify(demoConfig(mocks.urls)) };
  }
  const adminToken = process.env.ROUNDEL_ADMIN_TOKEN || state.adminToken();
  const edge = await serveEdge({
    state,
    host: options.host,
    ports: [options.port],
    variables: { ...roundelVariables(), ROUNDEL_ADMIN_TOKEN: adminToken },
    prepare: config && adoptionOf(config, state.path),
    onBuild: () => log('roundel: bundling the Worker (once after every change) …'),
    onLine: log,
  });
  undo.push(edge.workerd.stop);
  void edge.workerd.exited.then((why) => {
    if (ending) return;
    log(`roundel: workerd has ended: ${why}; what it stored is kept: start again to go on`);
    void end(1);
  });
  console.log(welcome({ edge, url: publicUrl(edge, options.host), adminToken, mocks: options.mocks, file }));
}

const publicUrl = (edge: ServedEdge, host: string) =>
  host === 'localhost' ? `http://${bracketed(host)}:${edge.ports[0]}` : (edge.urls[0] ?? '');

/** Every secret and setting of the Worker that the environment carries. */
function roundelVariables(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    ([name, value]) => /^ROUNDEL_[A-Z0-9_]+$/.test(name) && value,
  );
  return Object.fromEntries(entries) as Record<string, string>;
}

// Serving goes on when nobody reads the output any more.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void end(0));
}
whenAbandoned(() => void end(1));

try {
  const options = parseStartOptions(process.argv.slice(2));
  if ('help' in options) process.stdout.write(options.help);
  else await start(options);
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  await stopAll();
  log(`roundel: ${sentenceOf(error)}`);
  process.exit(1);
}
