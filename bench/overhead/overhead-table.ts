// The overhead report for people: every contender beside the bare pass-through Worker, and the goal.
import Table from 'cli-table3';
import { environmentText, numbersTable, PLAIN } from '../numbers-table.ts';
import type { OverheadReport } from './run-overhead.ts';

export function overheadTable({ environment, load, contenders, numbers, base }: OverheadReport): string {
  const seconds = load.roundMs / 1_000;
  const table = new Table({
    head: ['GET of 1 KiB', 'requests/s', 'against bare', 'CPU a request', 'against bare', 'CPU of the load'],
    ...PLAIN,
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
  });
  const micros = (value: number | null) => (value === null ? '–' : `${value.toFixed(0)} µs`);
  const times = (value: number | null) => (value === null ? '–' : value.toFixed(2));
  table.push(
    ...contenders.map((one) => [
      one.name,
      one.perSecond.toFixed(0),
      times(one.perSecondRatio),
      micros(one.cpuMicros),
      times(one.cpuRatio),
      micros(one.loadCpuMicros),
    ]),
  );
  return [
    `Overhead: ${load.connections} connections in a closed loop, ${load.rounds} rounds of ${seconds} s for each, in turn; medians; bare = ${base}.`,
    environmentText(environment),
    '',
    table.toString(),
    '',
    numbersTable(numbers),
  ].join('\n');
}
