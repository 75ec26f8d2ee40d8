// The linearizability checker's command line: `npm run linearize -- FILE…`. One verdict a line on stdout; on stderr why a
// history is not linearizable, or why it could not be judged.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { type Judgement, judge } from './judge.ts';
import { readHistory } from './read-history.ts';

interface Flags {
  readonly json: boolean;
  readonly memory: number;
}

interface Result {
  readonly file: string;
  readonly verdict: Judgement['verdict'];
  readonly keys: number;
  readonly operations: number;
  /** Milliseconds of reading and judging. */
  readonly elapsedMs: number;
  /** Why it is not, or was not found to be, linearizable; null if it is. */
  readonly reason: string | null;
}

const MIB = 1024 * 1024;

function memoryMib(text: string): number {
  const number = Number(text);
  if (!/^\d{1,5}$/.test(text) || number < 1) throw new InvalidArgumentError('It must be 1 to 99999 (MiB).');
  return number;
}

function judgeFile(file: string, callersFolder: string, memoryBytes: number): Result {
  const beganAt = performance.now();
  const result = (
    verdict: Judgement['verdict'],
    reason: string | null,
    size = { keys: 0, operations: 0 },
  ) => ({
    file,
    verdict,
    ...size,
    elapsedMs: Math.round(performance.now() - beganAt),
    reason,
  });
  try {
    const judgement = judge(readHistory(readFile(resolve(callersFolder, file))), memoryBytes);
    const { verdict, keys, operations } = judgement;
    return result(verdict, reasonOf(judgement, memoryBytes), { keys, operations });
  } catch (error) {
    return result('unknown', `not judged: ${(error as Error).message}`);
  }
}

function readFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Error('there is no such file');
    if (code === 'EISDIR') throw new Error('it is a folder');
    throw new Error(`it cannot be read: ${message}`);
  }
}

function reasonOf({ verdict, key, violation }: Judgement, memoryBytes: number): string | null {
  const where = key === null || key === 'nil' ? '' : `key ${key}: `;
  if (verdict === 'linearizable') return null;
  if (verdict === 'unknown')
    return `${where}not judged within ${memoryBytes / MIB} MiB; --memory allows more`;
  if (violation === null) return `${where}no order of the operations explains them all`;
  const { action, invokedAt, returnedAt } = violation;
  return `${where}no order explains the ${action.type} of lines ${invokedAt} to ${returnedAt} and what ended before it`;
}

new Command('linearize')
  .description(
    'Tells of recorded histories whether each is linearizable. Exit status 1 if one could not be judged.',
  )
  .argument('<file...>', "Jepsen's log of one register, or one EDN map a line of a key-value store")
  .option('--json', 'print one JSON value instead of lines', false)
  .option('--memory <mib>', 'how much the search of one key may remember before it gives up', memoryMib, 1024)
  .showSuggestionAfterError(false)
  .action((files: string[], { json, memory }: Flags) => {
    const callersFolder = process.env.INIT_CWD ?? process.cwd();
    const results = files.map((file) => {
      const result = judgeFile(file, callersFolder, memory * MIB);
      if (result.reason !== null) process.stderr.write(`${file}: ${result.reason}\n`);
      if (!json) process.stdout.write(`${file} ${result.verdict}\n`);
      return result;
    });
    if (json) process.stdout.write(`${JSON.stringify({ results })}\n`);
    if (results.some(({ verdict }) => verdict === 'unknown')) process.exitCode = 1;
  })
  .parse();
