// The replay's options on the command line, and what they come to.
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { type Capacity, parseCapacities } from '../cache/capacity.ts';
import { InputError } from '../input-error.ts';
import { readText } from '../read-text.ts';
import { JSON_NAMES } from './access-log.ts';
import { readConfig } from './read-config.ts';

export interface ReplayFlags {
  readonly config?: string;
  readonly accessLog?: string;
  readonly against?: string;
  readonly host?: string;
  readonly capacity?: readonly Capacity[];
}

const DEFAULT_CAPACITIES = '1%,5%,10%,25%,50%,100%';
const DEFAULT_HOST = 'localhost';

function capacities(text: string): Capacity[] {
  const parsed = parseCapacities(text);
  if (parsed) return parsed;
  throw new InvalidArgumentError('It must be percentages over 0 and up to 100, such as 1%,10%.');
}

export function addReplayOptions(command: Command): void {
  command
    .option('--config <file>', 'replay an access log against this configuration, instead of any lab')
    .option('--access-log <file>', 'in the common or combined log format, or JSON lines; plain or gzip')
    .option('--against <file>', 'a second configuration: how much would move')
    .option('--host <name>', `of requests whose line names none (default: ${DEFAULT_HOST})`)
    .option(
      '--capacity <list>',
      `cache sizes, as shares of the log's distinct bytes (default: ${DEFAULT_CAPACITIES})`,
      capacities,
    )
    .addHelpText(
      'after',
      [
        '\nOf JSON lines, the first that there is in each of these rows:',
        ...JSON_NAMES.map((names) => `  ${names}`),
        'Lines that cannot be read are left out and counted; with more than a tenth of them nothing is replayed.',
      ].join('\n'),
    );
}

/** Whether a replay is asked for, or nothing of the kind. */
export function wantsReplay({ config, accessLog, against, host, capacity }: ReplayFlags): boolean {
  return [config, accessLog, against, host, capacity].some((flag) => flag !== undefined);
}

/** @param folder what relative file names are relative to */
export function replayInputs(flags: ReplayFlags, folder: string) {
  const { config, accessLog, against, host = DEFAULT_HOST } = flags;
  if (config === undefined) throw new InputError('Cannot replay without --config FILE');
  if (accessLog === undefined) throw new InputError('Cannot replay without --access-log FILE');
  const named = (name: string) => ({ name, config: readConfig(resolve(folder, name), name) });
  return {
    config: named(config),
    against: against === undefined ? null : named(against),
    log: { name: accessLog, text: readText(resolve(folder, accessLog), `the access log ${accessLog}`) },
    host,
    capacities: flags.capacity ?? capacities(DEFAULT_CAPACITIES),
  };
}
