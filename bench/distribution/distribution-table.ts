// The distribution report for people: one table a size and weight pattern, and the numbers with their goals.
import Table from 'cli-table3';
import { bytesText } from '../number-row.ts';
import { environmentText, numbersTable, PLAIN } from '../numbers-table.ts';
import type { DistributionReport, DistributionRow } from './run-distribution.ts';

const percent = (ratio: number): string => `${(100 * ratio).toFixed(2)}%`;

function distributionRow(row: DistributionRow): string[] {
  return [
    row.contender,
    row.arcs ? row.arcs.max.toFixed(3) : '–',
    row.arcs ? percent(row.arcs.deviation) : '–',
    row.uniform.max.toFixed(3),
    row.zipf.max.toFixed(2),
    row.onAdd ? percent(row.onAdd.moved) : '–',
    row.onRemove ? percent(row.onRemove.moved) : '–',
    row.onAdd && row.onRemove ? percent(Math.max(row.onAdd.needless, row.onRemove.needless)) : '–',
    row.buildMs.toFixed(row.buildMs < 10 ? 2 : 0),
    bytesText(row.memoryBytes),
    row.pickNs.toFixed(0),
    `${(row.picksPerSecond / 1e6).toFixed(2)} M`,
  ];
}

const titleOf = ({ backends, weights }: DistributionRow): string =>
  `${backends} backends, weights ${weights}`;

const HEAD = [
  'strategy',
  'max/fair, arcs',
  'deviation',
  'max/fair, keys',
  'max/fair, Zipf',
  'moved on add',
  'on remove',
  'of it needless',
  'build ms',
  'memory',
  'ns/pick',
  'picks/s',
];

export function distributionTable({ environment, keys, rows, numbers }: DistributionReport): string {
  const parts = [
    `Distribution: ${keys.count} keys of ${keys.length} characters; a share is given against the backend's fair share.`,
    environmentText(environment),
  ];
  for (const title of new Set(rows.map(titleOf))) {
    const group = rows.filter((row) => titleOf(row) === title);
    const ideal = group.find(({ onAdd }) => onAdd !== null);
    const best =
      ideal?.onAdd && ideal.onRemove
        ? ` (at best ${percent(ideal.onAdd.ideal)} of the keys move on add, ${percent(ideal.onRemove.ideal)} on remove)`
        : '';
    const table = new Table({
      head: HEAD,
      ...PLAIN,
      colAligns: ['left', ...HEAD.slice(1).map(() => 'right' as const)],
    });
    table.push(...group.map(distributionRow));
    parts.push(`\n${title}${best}`, table.toString());
  }
  parts.push('', numbersTable(numbers));
  return parts.join('\n');
}
