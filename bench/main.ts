// The lab's command line: `npm run bench -- distribution --quick`. Results go to stdout, progress to stderr.
import { Command, InvalidArgumentError } from 'commander';
import { distributionTable } from './distribution/distribution-table.ts';
import { type DistributionReport, runDistribution } from './distribution/run-distribution.ts';

interface Flags {
  readonly quick: boolean;
  readonly json: boolean;
  readonly seed: number;
}

/** Each lab by name; without a name all of them run. */
const LABS = {
  distribution: {
    summary: 'how evenly and how fast strategies spread keys, beside other libraries and balancers',
    run: runDistribution,
    table: distributionTable,
  },
} as const;

type LabName = keyof typeof LABS;

function runLab(name: LabName, { quick, seed }: Flags): DistributionReport {
  return LABS[name].run({ quick, seed, progress: (line) => process.stderr.write(`${line}\n`) });
}

function integer(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be an integer.');
  return Number(text);
}

const withFlags = (command: Command): Command =>
  command
    .option('--quick', 'fewer keys and repetitions: well under a minute')
    .option('--json', 'print one JSON value instead of tables')
    .option('--seed <integer>', 'where all chance comes from (default: 1)', integer)
    .showSuggestionAfterError(false)
    .allowExcessArguments(false);

const program = withFlags(new Command('bench'))
  .description('Measures the product. Without a lab: all of them.')
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

program.allowExcessArguments().action((given: Partial<Flags>) => {
  const [unknown] = program.args;
  if (unknown !== undefined) {
    program.error(`error: there is no lab '${unknown}', only: ${Object.keys(LABS).join(', ')}`);
  }
  const flags = flagsOf(given);
  const reports = (Object.keys(LABS) as LabName[]).map((name) => [name, runLab(name, flags)] as const);
  process.stdout.write(
    flags.json
      ? `${JSON.stringify(Object.fromEntries(reports))}\n`
      : reports.map(([name, report]) => `${LABS[name].table(report)}\n`).join('\n'),
  );
});

for (const [name, lab] of Object.entries(LABS)) {
  withFlags(program.command(name).description(lab.summary)).action((given: Partial<Flags>) => {
    const flags = flagsOf(given);
    const report = runLab(name as LabName, flags);
    process.stdout.write(`${flags.json ? JSON.stringify(report) : lab.table(report)}\n`);
  });
}

program.parse();
