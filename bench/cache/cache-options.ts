// The cache lab's own options on the command line, and what they come to.
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { InputError } from '../input-error.ts';
import { type Capacity, parseCapacities } from './capacity.ts';
import { CONTENDERS } from './run-cache.ts';
import { readTrace, type Trace } from './trace.ts';

export interface CacheFlags {
  readonly trace?: readonly string[];
  readonly capacity?: readonly Capacity[];
  readonly policy?: readonly string[];
}

const DEFAULT_CAPACITIES = '1%,10%,25%';

function capacities(text: string): Capacity[] {
  const parsed = parseCapacities(text);
  if (parsed === null) {
    throw new InvalidArgumentError('It must be percentages over 0 and up to 100, such as 1%,10%.');
  }
  return parsed;
}

function policies(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !CONTENDERS.has(name));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(
      `There is no policy '${unknown}', only: ${[...CONTENDERS.keys()].join(', ')}.`,
    );
  }
  return names;
}

export function addCacheOptions(command: Command): void {
  command
    .option(
      '--trace <file>',
      'a request trace, "time key size" a line, plain or gzip; may be given several times (default: made-up ones)',
      (file: string, before: readonly string[] = []) => [...before, file],
    )
    .option(
      '--capacity <list>',
      `shares of each trace's distinct bytes (default: ${DEFAULT_CAPACITIES})`,
      capacities,
    )
    .option('--policy <list>', `which of: ${[...CONTENDERS.keys()].join(', ')} (default: all)`, policies);
}

/** @param folder what relative file names are relative to */
export function cacheInputs(flags: CacheFlags, folder: string) {
  const files = flags.trace ?? [];
  const twice = files.find((file, i) => files.indexOf(file) < i);
  if (twice !== undefined) throw new InputError(`Cannot use the trace ${twice} twice`);
  return {
    traces: files.map((file): Trace => readTrace(resolve(folder, file), file)),
    capacities: flags.capacity ?? capacities(DEFAULT_CAPACITIES),
    policies: flags.policy ?? [...CONTENDERS.keys()],
  };
}
