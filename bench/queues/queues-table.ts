// The queues report for people: one table a workload and load, a column for each number of dispatchers.
import Table from 'cli-table3';
import { environmentText, numbersTable, PLAIN } from '../numbers-table.ts';
import type { QueuesReport, QueuesRow } from './run-queues.ts';

const short = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

function cell(row: QueuesRow | undefined): string {
  if (!row) return '';
  return row.isStable ? [row.p50, row.p99, row.p999].map(short).join(' / ') : `${short(row.p50)} / grows`;
}

/** How well the figures of a table are known, in a line. */
function knownText(rows: readonly QueuesRow[]): string {
  const known = rows.flatMap(({ isStable, p99Within }) =>
    isStable && p99Within !== null ? [p99Within] : [],
  );
  if (known.length === 0) return 'How well p99 is known cannot be told from one story.';
  const percent = (part: number) => `± ${(100 * part).toFixed(part < 0.1 ? 1 : 0)} %`;
  const median = known.sort((a, b) => a - b)[known.length >> 1] ?? 0;
  return `p99 is known to ${percent(median)} (95 % confidence; median of the cells), at worst to ${percent(known.at(-1) ?? 0)}.`;
}

function troubleCell({ failureRatio, troubledShare }: QueuesRow): string {
  return `${(100 * failureRatio).toFixed(2)} %, ${(troubledShare ?? 0).toFixed(2)} ×`;
}

export function queuesTable(report: QueuesReport): string {
  const { environment, serviceMs, backends, workloads, rows, numbers } = report;
  const parts = [
    `Queues: ${backends} backends, p50 / p99 / p99.9 in mean service times (${serviceMs} ms), by number of dispatchers.`,
    environmentText(environment),
  ];
  for (const { name, summary } of workloads) {
    const ofWorkload = rows.filter(({ workload }) => workload === name);
    for (const load of new Set(ofWorkload.map((row) => row.load))) {
      const group = ofWorkload.filter((row) => row.load === load);
      const counts = [...new Set(group.map(({ dispatchers }) => dispatchers))];
      const most = Math.max(...counts);
      const hasTrouble = group.some(({ troubledShare }) => troubledShare !== null);
      const table = new Table({
        head: [
          'strategy',
          ...counts.map(String),
          `busiest, ${most}`,
          ...(hasTrouble ? counts.map((count) => `failed, share in trouble, ${count}`) : []),
        ],
        ...PLAIN,
      });
      for (const strategy of new Set(group.map((row) => row.strategy))) {
        const own = group.filter((row) => row.strategy === strategy);
        const byCount = counts.map((count) => own.find(({ dispatchers }) => dispatchers === count));
        table.push([
          strategy,
          ...byCount.map(cell),
          own.at(-1)?.busiest.toFixed(2) ?? '',
          ...(hasTrouble ? byCount.map((row) => (row ? troubleCell(row) : '')) : []),
        ]);
      }
      parts.push(`\n${name}, load ${load}: ${summary}`, table.toString(), knownText(group));
    }
  }
  parts.push(
    '\nbusiest: work of the busiest backend in the time that there was. grows: it gets more than it can do, and waits grow as long as the run.',
    'share in trouble: what a backend in trouble gets against its fair share; of one that dies, in the 10 s after its return.',
  );
  if (numbers.length > 0) parts.push('', numbersTable(numbers));
  return parts.join('\n');
}
