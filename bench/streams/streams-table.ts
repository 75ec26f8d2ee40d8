// The streams report for people.
import Table from 'cli-table3';
import { bytesText } from '../number-row.ts';
import { environmentText, numbersTable, PLAIN } from '../numbers-table.ts';
import type { StreamsReport } from './run-streams.ts';

export function streamsTable({ environment, runs, numbers }: StreamsReport): string {
  const table = new Table({
    head: ['one body', 'bytes', 'bytes/s', 'memory it took'],
    ...PLAIN,
    colAligns: ['left', 'right', 'right', 'right'],
  });
  table.push(
    ...runs.map(({ contender, direction, bytes, bytesPerSecond, memoryBytes }) => [
      `${direction}, ${contender}`,
      bytesText(bytes),
      bytesText(bytesPerSecond),
      memoryBytes === null ? '–' : bytesText(memoryBytes),
    ]),
  );
  return [
    'Streams: memory of workerd while one long body passes, beyond what it had before.',
    environmentText(environment),
    '',
    table.toString(),
    '',
    numbersTable(numbers),
  ].join('\n');
}
