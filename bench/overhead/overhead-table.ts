// The overhead report for people: every contender beside the bare pass-through Worker, and the goal.
import Table from 'cli-table3';
import { figureText } from '../number-row.ts';
import type { OverheadReport } from './run-overhead.ts';

const PLAIN = { style: { head: [], border: [], compact: true } };

export function overheadTable({ environment, load, contenders, numbers, base }: OverheadReport): string {
  const { commit, versions, cores, cpu } = environment;
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
    `commit ${commit ?? 'unknown'}, ${cores} cores (${cpu}), ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    '',
    table.toString(),
    '',
    ...numbers.map(({ figure, measured, unit, goal, met }) => {
      const wanted = goal ? ` (goal ${goal.relation} ${goal.value}: ${met ? 'met' : 'MISSED'})` : '';
      return `${figure}: ${figureText(measured, unit)}${wanted}`;
    }),
  ].join('\n');
}
