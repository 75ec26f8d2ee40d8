// The lab's command line: `npm run bench -- distribution --quick`. Results go to stdout, progress to stderr.
import { existsSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { InputError } from './input-error.ts';
import { LABS, type Result } from './labs.ts';
import { addReplayOptions, type ReplayFlags, replayInputs, wantsReplay } from './replay/replay-options.ts';
import { replayPlots } from './replay/replay-plots.ts';
import { replayTable } from './replay/replay-table.ts';
import { runReplay } from './replay/run-replay.ts';
import { writeReport } from './report/write-report.ts';

interface Flags {
  readonly quick: boolean;
  readonly json: boolean;
  readonly seed: number;
  readonly html?: string;
}

interface Named extends Result {
  readonly name: string;
  readonly summary: string;
}

/** npm tells where its caller stands. */
const folder = process.env.INIT_CWD ?? process.cwd();
const progress = (line: string) => process.stderr.write(`${line}\n`);

function integer(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new InvalidArgumentError('It must be an integer.');
  return Number(text);
}

const withFlags = (command: Command): Command =>
  command
    .option('--quick', 'fewer keys, repetitions and seconds: at most two minutes')
    .option('--json', 'print one JSON value instead of tables')
    .option('--html <file>', 'write one page with plots too, and the JSON beside it')
    .option('--seed <integer>', 'where all chance comes from (default: 1)', integer)
    .showSuggestionAfterError(false)
    .allowExcessArguments(false);

const leftOut = Object.entries(LABS).flatMap(([name, { notInQuick }]) =>
  notInQuick === undefined ? [] : [`${name.padEnd(12)} ${notInQuick}`],
);
const program = new Command('bench');
addReplayOptions(withFlags(program));
program
  .description('Measures the product. Without a lab: all of them; with --config: your own case.')
  .addHelpText(
    'after',
    ['\nWith --quick and without a lab these are left out:', ...leftOut.map((line) => `  ${line}`)].join(
      '\n',
    ),
  )
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

/** Before anything takes its time. */
function willReport({ html }: Flags): void {
  if (html === undefined) return;
  const where = dirname(resolve(folder, html));
  if (!existsSync(where)) throw new InputError(`Cannot write the report ${html}: there is no such folder`);
}

/** One result is printed as it is, several of all labs by name. */
function show({ json, html }: Flags, results: readonly Named[]): void {
  const [first] = results;
  if (html !== undefined) {
    const labs = results.map(({ report, ...section }) => ({ report, section }));
    for (const file of writeReport(resolve(folder, html), labs))
      progress(`written: ${relative(folder, file)}`);
  }
  if (!json) process.stdout.write(results.map(({ table }) => `${table}\n`).join('\n'));
  else if (results.length === 1) process.stdout.write(`${JSON.stringify(first?.report)}\n`);
  else {
    const byName = results.map(({ name, report }) => [name, report] as const);
    process.stdout.write(`${JSON.stringify(Object.fromEntries(byName))}\n`);
  }
}

program.allowExcessArguments().action(async (given: Partial<Flags> & ReplayFlags) => {
  const [unknown] = program.args;
  if (unknown !== undefined) {
    program.error(`error: there is no lab '${unknown}', only: ${Object.keys(LABS).join(', ')}`);
  }
  const flags = flagsOf(given);
  willReport(flags);
  if (wantsReplay(given)) {
    const report = runReplay({ seed: flags.seed, progress, ...replayInputs(given, folder) });
    const summary = `${report.accessLog} against ${report.config}`;
    show(flags, [
      {
        name: 'replay',
        summary,
        report,
        table: replayTable(report),
        plots: replayPlots(report),
        numbers: [],
      },
    ]);
    return;
  }
  const results: Named[] = [];
  for (const [name, lab] of Object.entries(LABS)) {
    if (flags.quick && lab.notInQuick !== undefined) {
      progress(`${name}: left out by --quick, since ${lab.notInQuick}`);
      continue;
    }
    const result = await lab.run({ ...flags, folder, progress }, {});
    results.push({ name, summary: lab.summary, ...result });
  }
  show(flags, results);
});

for (const [name, lab] of Object.entries(LABS)) {
  const command = withFlags(program.command(name).description(lab.summary));
  lab.addOptions?.(command);
  if (lab.workloads.length > 0) {
    command.addHelpText('after', ['\nWorkloads:', ...lab.workloads.map((line) => `  ${line}`)].join('\n'));
  }
  command.action(async (given: Partial<Flags>) => {
    const flags = flagsOf(given);
    willReport(flags);
    const result = await lab.run({ ...flags, folder, progress }, given);
    show(flags, [{ name, summary: lab.summary, ...result }]);
  });
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  program.error(`error: ${error.message}`);
}
