// The simulator's command line: `npm run simulate -- --profile core --seeds 1000`. Results go to stdout, progress to stderr.
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import { killMutants } from './campaign/kill-mutants.ts';
import { mutantsReport } from './campaign/mutants-report.ts';
import { replaySeed } from './campaign/replay-seed.ts';
import { seedsReport } from './campaign/seeds-report.ts';
import { hasFailed, simulateSeeds, toJson } from './campaign/simulate-seeds.ts';
import { FAULTS } from './engine/faults.ts';
import { MUTANTS } from './mutants/all.ts';
import { PHASES } from './run/phase.ts';
import { PROFILES, type ProfileName } from './run/profiles.ts';

interface Flags {
  readonly profile: ProfileName | 'all';
  readonly seeds: number;
  readonly firstSeed: number;
  readonly ops: number;
  readonly seed?: number;
  readonly trace: boolean;
  readonly mutants: boolean;
  readonly only: readonly string[];
  readonly json: boolean;
  readonly threads: number;
}

const THREADS_MAX = 64;

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d{1,10}$/.test(text) || number < min || number > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return number;
  };
}

function mutantName(text: string, before: readonly string[]): readonly string[] {
  if (!MUTANTS.some(({ name }) => name === text)) throw new InvalidArgumentError('There is no such mutant.');
  return [...before, text];
}

const progress = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const SEED_MAX = 2 ** 31 - 1;

const program = new Command('simulate')
  .description(
    'Runs the replication core on simulated networks, disks, clocks and edges, with faults, and judges every run. ' +
      'Exit status 1 if anything that must hold did not.',
  )
  .addOption(new Option('--profile <name>', 'what clients do').choices([...PROFILES, 'all']).default('all'))
  .option('--seeds <count>', 'how many runs of each profile', whole(1, 10_000_000), 1_000)
  .option('--first-seed <number>', 'the seed of the first', whole(0, SEED_MAX), 1)
  .option('--ops <count>', 'client operations of a run', whole(1, 100_000), 200)
  .option('--seed <number>', 'runs this one seed only', whole(0, SEED_MAX))
  .option('--trace', 'with --seed: prints everything that happens', false)
  .option(
    '--mutants',
    'plants each deliberate bug in turn and tells what caught it, within so many seeds of each profile',
    false,
  )
  .option('--only <mutant...>', 'with --mutants: these by name', mutantName, [])
  .option(
    '--threads <count>',
    'how many runs at a time',
    whole(1, THREADS_MAX),
    Math.min(availableParallelism(), 4),
  )
  .option('--json', 'print one JSON value', false)
  .showSuggestionAfterError(false)
  .allowExcessArguments(false);

program.action(
  async ({ profile, seeds, firstSeed, ops, seed, trace, mutants, only, json, threads }: Flags) => {
    const profiles = profile === 'all' ? PROFILES : [profile];
    if (mutants) {
      if (seed !== undefined) program.error('error: --mutants and --seed exclude each other');
      const kills = await killMutants({
        profiles,
        only,
        seeds,
        firstSeed,
        operations: ops,
        threads,
        progress,
      });
      process.stdout.write(json ? `${JSON.stringify({ mutants: kills })}\n` : `${mutantsReport(kills)}\n`);
      if (kills.some(({ caughtBy }) => caughtBy === null)) process.exitCode = 1;
      return;
    }
    if (seed === undefined) {
      if (trace) program.error('error: --trace needs --seed');
      const reports = await simulateSeeds({ profiles, seeds, firstSeed, operations: ops, threads, progress });
      process.stdout.write(
        json
          ? `${JSON.stringify({ profiles: reports.map((report) => toJson(report, FAULTS, PHASES)) })}\n`
          : `${reports.map((report) => seedsReport(report, ops)).join('\n\n')}\n`,
      );
      if (reports.some(hasFailed)) process.exitCode = 1;
      return;
    }
    if (json && trace) program.error('error: --json and --trace exclude each other');
    const results = profiles.map((name) => replaySeed(name, seed, ops, trace));
    process.stdout.write(
      json
        ? `${JSON.stringify({ profiles: results.map(({ report }) => report) })}\n`
        : results.map(({ text }) => text).join(''),
    );
    if (results.some(({ violation }) => violation !== null)) process.exitCode = 1;
  },
);

await program.parseAsync();
