// The streams report for people.
import Table from 'cli-table3';
import { bytesText, figureText } from '../number-row.ts';
import type { StreamsReport } from './run-streams.ts';

const PLAIN = { style: { head: [], border: [], compact: true } };

export function streamsTable({ environment, runs, numbers }: StreamsReport): string {
  const { commit, versions, cores, cpu } = environment;
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
    `commit ${commit ?? 'unknown'}, ${cores} cores (${cpu}), ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    '',
    table.toString(),
    '',
    ...numbers.map(({ figure, measured, unit, goal, met }) => {
      const wanted = goal
        ? ` (goal ${goal.relation} ${figureText(goal.value, unit)}: ${met ? 'met' : 'MISSED'})`
        : '';
      return `${figure}: ${figureText(measured, unit)}${wanted}`;
    }),
  ].join('\n');
}
