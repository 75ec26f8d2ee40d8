// The shards report for people: the ratios that have goals first, then what every contender did.
import Table from 'cli-table3';
import { environmentText, numbersTable, PLAIN } from '../numbers-table.ts';
import type { ShardsReport } from './run-shards.ts';

export function shardsTable({ environment, load, contenders, numbers }: ShardsReport): string {
  const seconds = load.roundMs / 1_000;
  const micros = (value: number | null) => (value === null ? '–' : `${value.toFixed(0)} µs`);
  const tables = contenders.map(({ connections, summaries }) => {
    const table = new Table({
      head: [
        `${connections} connections`,
        'requests/s',
        'against constant',
        'CPU a request',
        'CPU of the load',
      ],
      ...PLAIN,
      colAligns: ['left', 'right', 'right', 'right', 'right'],
    });
    table.push(
      ...summaries.map((one) => [
        one.name,
        one.perSecond.toFixed(0),
        one.perSecondRatio.toFixed(2),
        micros(one.cpuMicros),
        micros(one.loadCpuMicros),
      ]),
    );
    return table.toString();
  });
  return [
    `Shards: closed loop, ${load.rounds} rounds of ${seconds} s for each, in turn; medians; 1 KiB bodies; one shard of three replicas.`,
    environmentText(environment),
    '',
    numbersTable(numbers),
    ...tables.flatMap((table) => ['', table]),
  ].join('\n');
}
