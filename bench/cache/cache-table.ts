// The cache report for people: one table a trace, a row a policy, and the numbers with their goals.
import Table from 'cli-table3';
import { bytesText } from '../number-row.ts';
import { environmentText, numbersTable, PLAIN } from '../numbers-table.ts';
import type { CacheReport, CacheRow } from './run-cache.ts';

const missText = ({ objectMissRatio, byteMissRatio }: CacheRow, isSized: boolean): string =>
  isSized ? `${objectMissRatio.toFixed(4)} / ${byteMissRatio.toFixed(4)}` : objectMissRatio.toFixed(4);

export function cacheTable({ environment, traces, results, speed, numbers }: CacheReport): string {
  const parts = [
    'Cache: miss ratio of objects / of bytes by capacity, which is a share of the distinct bytes of the trace. Belady knows the future.',
    environmentText(environment),
  ];
  for (const { trace, requests, objects, distinctBytes } of traces) {
    const rows = results.filter((result) => result.trace === trace);
    const capacities = [...new Set(rows.map(({ capacity }) => capacity))];
    const isSized = distinctBytes !== objects;
    const table = new Table({
      ...PLAIN,
      head: ['policy', ...capacities],
      colAligns: ['left', ...capacities.map(() => 'right' as const)],
    });
    for (const policy of new Set(rows.map((row) => row.policy))) {
      const cells = rows.filter((row) => row.policy === policy).map((row) => missText(row, isSized));
      table.push([policy, ...cells]);
    }
    const size = isSized ? `, ${bytesText(distinctBytes)}` : '';
    parts.push(`\n${trace}: ${requests} requests of ${objects} objects${size}\n${table}`);
  }
  const table = new Table({
    ...PLAIN,
    head: ['trace', 'capacity', 'roundel', 'lru-cache', 'ratio'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
  });
  const millions = (perSecond: number): string => `${(perSecond / 1e6).toFixed(2)} M/s`;
  for (const row of speed) {
    table.push([
      row.trace,
      row.capacity,
      millions(row.roundelPerSecond),
      millions(row.lruCachePerSecond),
      `${row.ratio.toFixed(2)} ×`,
    ]);
  }
  parts.push(`\nRequests a second of processor time (get, and set where it missed)\n${table}`);
  parts.push(`\n${numbersTable(numbers)}`);
  return parts.join('\n');
}
