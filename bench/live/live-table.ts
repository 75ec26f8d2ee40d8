// The live report for people: ratios first, absolute figures beside them; then how long users wait.
import Table from 'cli-table3';
import { environmentText, numbersTable, PLAIN } from '../numbers-table.ts';
import type { LatencyRow, LiveReport, ThroughputRow } from './run-live.ts';

/** From here on the load itself is what was measured. */
const LOAD_CORES_MAX = 0.9;

const times = (ratio: number | null): string => (ratio === null ? '–' : ratio.toFixed(2));
const ms = (value: number | null): string => (value === null ? '–' : value.toFixed(value < 10 ? 2 : 0));

function throughputRow(row: ThroughputRow): string[] {
  const { perSecond, ratio, failures, cpuMicros, loadCores, originRatio, busiestOrigin } = row;
  return [
    row.contender,
    times(ratio),
    `${loadCores > LOAD_CORES_MAX ? '≥ ' : ''}${perSecond.toFixed(0)}`,
    String(failures),
    cpuMicros === null ? '–' : `${cpuMicros.toFixed(0)} µs`,
    loadCores.toFixed(2),
    originRatio.toFixed(originRatio > 0 && originRatio < 0.995 ? 3 : 0),
    busiestOrigin === null ? '' : `${busiestOrigin.toFixed(2)} ×`,
  ];
}

function latencyRow(row: LatencyRow): string[] {
  const { p50Ratio, p99Ratio, p50, p99Turn, p99, p999, failures, requests, lateP99 } = row;
  return [
    row.contender,
    times(p50Ratio),
    times(p99Ratio),
    ms(p50),
    ms(p99Turn),
    ms(p99),
    ms(p999),
    String(failures),
    String(requests),
    ms(lateP99),
  ];
}

const right = (count: number) => [
  'left' as const,
  ...Array.from({ length: count - 1 }, () => 'right' as const),
];

export function liveTable(report: LiveReport): string {
  const { environment, rounds, roundMs, workloads, throughput, latency, skipped, load, numbers } = report;
  const parts = [
    `Live: ${rounds} rounds of ${roundMs / 1_000} s for each contender, in turn; "against" is the first of each table.`,
    environmentText(environment),
    ...skipped.map(({ name, reason }) => `without ${name}: ${reason}`),
  ];
  for (const { name, summary } of workloads) {
    for (const connections of new Set(throughput.map((row) => row.connections))) {
      const head = [
        'requests/s',
        'against',
        '/s',
        'errors',
        'CPU',
        'load’s cores',
        'at origins',
        'busiest origin',
      ];
      const table = new Table({ head, ...PLAIN, colAligns: right(head.length) });
      const rows = throughput.filter((row) => row.workload === name && row.connections === connections);
      table.push(...rows.map(throughputRow));
      parts.push(`\n${name}: ${summary}; closed loop, ${connections} connections`, table.toString());
    }
    for (const rate of new Set(latency.map((row) => row.rate))) {
      const head = [
        'ms',
        'p50 against',
        'p99 against',
        'p50',
        'p99, median turn',
        'p99, all turns',
        'p99.9',
        'errors',
        'requests',
        'sent late, p99',
      ];
      const table = new Table({ head, ...PLAIN, colAligns: right(head.length) });
      table.push(...latency.filter((row) => row.workload === name && row.rate === rate).map(latencyRow));
      parts.push(`\n${name}: ${summary}; open loop, ${rate} requests/s`, table.toString());
    }
  }
  if (load !== null) {
    parts.push(
      `\nThe load takes ${load.cpuMicros.toFixed(1)} µs of a core a request at its best, enough for ${load.ceilingPerSecond.toFixed(0)}/s; the most that anybody answered was ${load.mostPerSecond.toFixed(0)}/s. "≥": the load was at its end.`,
    );
  }
  parts.push(
    'Waits count from when a request was due; "–": failures or too few requests. All share the machine’s cores.',
    'p99 of all turns far above that of the median turn: one turn had a stall, mostly since its process waited for a core.',
    '',
    numbersTable(numbers),
  );
  return parts.join('\n');
}
