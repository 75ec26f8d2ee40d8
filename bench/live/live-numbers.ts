// The figures of the live lab that answer the design's questions: ratios of contenders that took turns in one run.
import { type NumberRow, row } from '../number-row.ts';
import type { LatencyRow, ThroughputRow } from './run-live.ts';

/** Requests/s of a proxied GET against the bare pass-through Worker's (docs/adr/0018 says why it is missed). */
const PROXY_GOAL = 0.85;
const PRODUCT = 'Roundel';

/** Every row of the product against its base: requests/s, then the median wait. */
export function numbersOf(throughput: readonly ThroughputRow[], latency: readonly LatencyRow[]): NumberRow[] {
  const ours = ({ contender }: { contender: string }) => contender.startsWith(PRODUCT);
  const ratios = throughput.filter(ours).map(({ workload, contender, connections, ratio }) => {
    const figure = `${workload}: requests/s of ${contender}, ${connections} connections`;
    return workload === 'proxy' ? row(figure, ratio, '×', '≥', PROXY_GOAL) : row(figure, ratio, '×');
  });
  const waits = latency
    .filter(ours)
    .flatMap(({ workload, contender, rate, p50Ratio }) =>
      p50Ratio === null ? [] : [row(`${workload}: median wait with ${contender}, ${rate}/s`, p50Ratio, '×')],
    );
  const failures = [...throughput, ...latency].filter(ours).map((one) => one.failures);
  return [
    ...ratios,
    ...waits,
    row(
      'failed requests of Roundel',
      failures.reduce((sum, count) => sum + count, 0),
      'count',
      '≤',
      0,
    ),
  ];
}
