// The queues lab's own options on the command line, and what they come to.
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { namedList, numberList, numberWithin } from '../list-options.ts';
import { CONTENDERS, type Contender } from './contenders.ts';
import { DISPATCHERS, LOADS, REQUESTS_QUICK } from './run-queues.ts';
import { WITHIN } from './simulate-queues.ts';
import { WORKLOADS, type Workload } from './workloads.ts';

export interface QueuesFlags {
  readonly workload?: readonly Workload[];
  readonly strategy?: readonly Contender[];
  readonly dispatchers?: readonly number[];
  readonly load?: readonly number[];
  readonly backends?: number;
  readonly requests?: number;
  readonly threads?: number;
}

const BACKENDS = 100;

export function addQueuesOptions(command: Command): void {
  command
    .option(
      '--workload <list>',
      'which of the workloads below (default: all)',
      namedList('workload', WORKLOADS),
    )
    .option(
      '--strategy <list>',
      `which of: ${CONTENDERS.map(({ name }) => name).join('; ')} (default: all)`,
      namedList('strategy', CONTENDERS),
    )
    .option(
      '--dispatchers <list>',
      `how many edges, each seeing its own requests only (default: ${DISPATCHERS.join()})`,
      numberList(1, 10_000, true),
    )
    .option(
      '--load <list>',
      `of all backends' capacity (default: ${LOADS.join()}; 0.8 where a backend fails; fewer with --quick)`,
      numberList(0.01, 0.99, false),
    )
    .option('--backends <count>', `default: ${BACKENDS}`, (text) => numberWithin(text, 2, 10_000, true))
    .option(
      '--requests <count>',
      `of each run (default: until p99 is known to ${100 * WITHIN} %, at most 3 million; --quick ${REQUESTS_QUICK})`,
      (text) => numberWithin(text, 1_000, 100_000_000, true),
    )
    .option('--threads <count>', 'the figures are the same for any (default: one for each core)', (text) =>
      numberWithin(text, 1, 256, true),
    )
    .addHelpText(
      'after',
      [
        '\nWorkloads:',
        ...WORKLOADS.map(({ name, summary }) => `  ${name.padEnd(16)} ${summary}`),
        '\nBackends serve in the order of arrival, 50 ms on average, exponentially distributed; requests come at random.',
        'Ejections, verdicts, slow start and bounded load are the product’s, with its defaults; nothing is retried.',
        'first-available is not among the strategies: one backend cannot carry the load. join-shortest is no strategy of',
        'the product: it sees all queues exactly, and is the best that can be hoped for.',
      ].join('\n'),
    );
}

export function queuesInputs(flags: QueuesFlags) {
  return {
    workloads: flags.workload ?? WORKLOADS,
    contenders: flags.strategy ?? CONTENDERS,
    dispatchers: flags.dispatchers ?? DISPATCHERS,
    loads: flags.load ?? null,
    backends: flags.backends ?? BACKENDS,
    requests: flags.requests ?? null,
    threads: flags.threads ?? availableParallelism(),
  };
}
