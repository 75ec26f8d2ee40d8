// The lab's command line: `npm run bench -- distribution --quick`. Results go to stdout, progress to stderr.
import { Command, InvalidArgumentError } from 'commander';
import { addCacheOptions, type CacheFlags, cacheInputs } from './cache/cache-options.ts';
import { cacheTable } from './cache/cache-table.ts';
import { runCache } from './cache/run-cache.ts';
import { distributionTable } from './distribution/distribution-table.ts';
import { runDistribution } from './distribution/run-distribution.ts';
import { InputError } from './input-error.ts';
import { overheadTable } from './overhead/overhead-table.ts';
import { runOverhead } from './overhead/run-overhead.ts';
import { addQueuesOptions, type QueuesFlags, queuesInputs } from './queues/queues-options.ts';
import { queuesTable } from './queues/queues-table.ts';
import { runQueues } from './queues/run-queues.ts';
import { addReplayOptions, type ReplayFlags, replayInputs, wantsReplay } from './replay/replay-options.ts';
import { replayTable } from './replay/replay-table.ts';
import { runReplay } from './replay/run-replay.ts';
import { resilienceTable } from './resilience/resilience-table.ts';
import { runResilience } from './resilience/run-resilience.ts';
import { runStreams } from './streams/run-streams.ts';
import { streamsTable } from './streams/streams-table.ts';

interface Flags {
  readonly quick: boolean;
  readonly json: boolean;
  readonly seed: number;
}

interface Result {
  /** For `--json`. */
  readonly report: unknown;
  /** For people. */
  readonly table: string;
}

interface Lab {
  readonly summary: string;
  /** Declares options of its own; they come to `run` beside the flags. */
  addOptions?(command: Command): void;
  /** @param own the lab's own options as given, none where all labs run */
  run(flags: Flags, own: object): Promise<Result>;
}

const progress = (line: string) => process.stderr.write(`${line}\n`);

/** Each lab by name; without a name all of them run. */
const LABS: Readonly<Record<string, Lab>> = {
  distribution: {
    summary: 'how evenly and how fast strategies spread keys, beside other libraries and balancers',
    async run({ quick, seed }) {
      const report = runDistribution({ quick, seed, progress });
      return { report, table: distributionTable(report) };
    },
  },
  queues: {
    summary: 'how long users wait under each strategy when many edges see only their own requests, simulated',
    addOptions: addQueuesOptions,
    async run({ quick, seed }, own: QueuesFlags) {
      const report = runQueues({ quick, seed, progress, ...queuesInputs(own) });
      return { report, table: queuesTable(report) };
    },
  },
  cache: {
    summary: 'what share of requests and bytes each eviction policy misses, on your traces or made-up ones',
    addOptions: addCacheOptions,
    async run({ quick, seed }, own: CacheFlags) {
      const inputs = cacheInputs(own, process.env.INIT_CWD ?? process.cwd());
      const report = runCache({ quick, seed, progress, ...inputs });
      return { report, table: cacheTable(report) };
    },
  },
  overhead: {
    summary: 'what proxying costs beside a Worker that only passes requests on, on plain workerd',
    async run({ quick, seed }) {
      const report = await runOverhead({ quick, seed, progress });
      return { report, table: overheadTable(report) };
    },
  },
  streams: {
    summary: 'memory of the edge while one body of 1 GiB passes, in each direction, on plain workerd',
    async run({ quick, seed }) {
      const report = await runStreams({ quick, seed, progress });
      return { report, table: streamsTable(report) };
    },
  },
  resilience: {
    summary: 'what users notice when backends die, fail or slow down under load, on plain workerd',
    async run({ quick, seed }) {
      const report = await runResilience({ quick, seed, progress });
      return { report, table: resilienceTable(report) };
    },
  },
};

function integer(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be an integer.');
  return Number(text);
}

const withFlags = (command: Command): Command =>
  command
    .option('--quick', 'fewer keys, repetitions and seconds: at most two minutes a lab')
    .option('--json', 'print one JSON value instead of tables')
    .option('--seed <integer>', 'where all chance comes from (default: 1)', integer)
    .showSuggestionAfterError(false)
    .allowExcessArguments(false);

const program = new Command('bench');
addReplayOptions(withFlags(program));
program
  .description('Measures the product. Without a lab: all of them; with --config: your own case.')
  // So that flags after a lab's name are the lab's.
  .enablePositionalOptions();

/** Flags may stand before the lab's name too. */
const flagsOf = (given: Partial<Flags>): Flags => ({
  quick: false,
  json: false,
  seed: 1,
  ...program.opts<Partial<Flags>>(),
  ...given,
});

program.allowExcessArguments().action(async (given: Partial<Flags> & ReplayFlags) => {
  const [unknown] = program.args;
  if (unknown !== undefined) {
    program.error(`error: there is no lab '${unknown}', only: ${Object.keys(LABS).join(', ')}`);
  }
  const flags = flagsOf(given);
  if (wantsReplay(given)) {
    const inputs = replayInputs(given, process.env.INIT_CWD ?? process.cwd());
    const report = runReplay({ seed: flags.seed, progress, ...inputs });
    process.stdout.write(`${flags.json ? JSON.stringify(report) : replayTable(report)}\n`);
    return;
  }
  const results: [name: string, result: Result][] = [];
  for (const [name, lab] of Object.entries(LABS)) results.push([name, await lab.run(flags, {})]);
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(Object.fromEntries(results.map(([name, { report }]) => [name, report])))}\n`
      : results.map(([, { table }]) => `${table}\n`).join('\n'),
  );
});

for (const [name, lab] of Object.entries(LABS)) {
  const command = withFlags(program.command(name).description(lab.summary));
  lab.addOptions?.(command);
  command.action(async (given: Partial<Flags>) => {
    const flags = flagsOf(given);
    const { report, table } = await lab.run(flags, given);
    process.stdout.write(`${flags.json ? JSON.stringify(report) : table}\n`);
  });
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  program.error(`error: ${error.message}`);
}
