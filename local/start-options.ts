// The command line of `npm start`.
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { StartError } from './start-error.ts';

export interface StartOptions {
  readonly port: number;
  readonly host: string;
  /** As given: relative to the caller's folder. */
  readonly config: string | null;
  readonly state: string | null;
  readonly mocks: boolean;
  readonly mockPort: number;
}

const PORT_MAX = 65_535;

function portUpTo(max: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,5}$/.test(text) || Number(text) > max) throw new InvalidArgumentError(`It must be 0–${max}.`);
    return Number(text);
  };
}

function notEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

/** `help` is the text to print when that was asked for. Throws a StartError for anything it does not know. */
export function parseStartOptions(args: readonly string[]): StartOptions | { readonly help: string } {
  let said = '';
  const command = new Command('npm start --')
    .description('Serves the edge on this machine, on plain workerd, until Ctrl-C.')
    .usage('[options]')
    .option('--port <n>', 'port of the edge, 0 = any free one', portUpTo(PORT_MAX), 8787)
    .option('--host <address>', 'address to listen on', notEmpty, '127.0.0.1')
    .option(
      '--config <file>',
      'a configuration; a new version if it differs from the file last given so',
      notEmpty,
    )
    .option(
      '--state <folder>',
      'what survives restarts (default: .roundel/state of the repository)',
      notEmpty,
    )
    .option('--no-mocks', 'without the four mock origins and their demo configuration')
    .option(
      '--mock-port <n>',
      'port of the first mock origin, 0 = any free ones',
      portUpTo(PORT_MAX - 3),
      9001,
    )
    .addHelpText(
      'after',
      '\nROUNDEL_ADMIN_TOKEN sets the admin token; without it one is kept in the state folder.' +
        '\nROUNDEL_AFFINITY_SECRET signs affinity cookies; the same one at every start keeps them good.' +
        '\nROUNDEL_REGION (weur, EU, …) says where this edge stands, for pools with preferRegion.',
    )
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        said += text;
      },
      writeErr: () => {},
    });
  try {
    command.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { help: said };
    const sentence = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
    throw new StartError(`${sentence} (npm start -- --help lists the options)`);
  }
  const { config = null, state = null, ...rest } = command.opts();
  return { config, state, ...rest } as StartOptions;
}
