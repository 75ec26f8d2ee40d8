// The shards report for people: the ratios that have goals first, then what every contender did.
import Table from 'cli-table3';
import { figureText } from '../number-row.ts';
import type { ShardsReport } from './run-shards.ts';

const PLAIN = { style: { head: [], border: [], compact: true } };

export function shardsTable({ environment, load, contenders, numbers }: ShardsReport): string {
  const { commit, versions, cores, cpu } = environment;
  const seconds = load.roundMs / 1_000;
  const ratios = new Table({ head: ['requests/s', 'measured', 'goal', ''], ...PLAIN });
  ratios.push(
    ...numbers.map(({ figure, measured, unit, goal, met }) => [
      figure,
      figureText(measured, unit),
      goal === null ? '' : `${goal.relation} ${goal.value}`,
      met === null ? '' : met ? 'met' : 'MISSED',
    ]),
  );
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
    `commit ${commit ?? 'unknown'}, ${cores} cores (${cpu}), ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    '',
    ratios.toString(),
    ...tables.flatMap((table) => ['', table]),
  ].join('\n');
}
