// The command line of a scripted origin: `node origin-mock/server.ts --port 9001 --name a`.
import { Command, InvalidArgumentError } from 'commander';
import { startOrigin } from './start-origin.ts';

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('It must be 0–65535.');
  return port;
}

const program = new Command('origin-mock')
  .description('A scripted HTTP origin. Scripts and ledger: see /__origin/scripts and /__origin/ledger.')
  .option('--port <n>', 'port to listen on, 0 = any free one', portNumber, 9001)
  .option('--control-port <n>', 'port of its own for /__origin, which is an ordinary path then', portNumber)
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--name <name>', 'name in its answers', 'a')
  .option('--seed <n>', 'seed of latencies and error ratios', Number, 1)
  .parse();

const options = program.opts<{
  port: number;
  controlPort?: number;
  host: string;
  name: string;
  seed: number;
}>();
try {
  const { url, controlUrl, port } = await startOrigin(options);
  // Started by another program, it reports to it, and ends when that program is gone.
  if (process.send) {
    process.on('disconnect', () => process.exit(0));
    // Ctrl-C reaches the whole terminal: the starter decides the order of ending.
    process.on('SIGINT', () => {});
    process.send({ type: 'listening', port });
  } else {
    console.log(`origin ${options.name} listens on ${url} (scripts and ledger: ${controlUrl}/__origin )`);
  }
} catch (error) {
  console.error(`origin-mock: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
