// What the live lab shows as plots: for each workload requests/s against its base, for each rate how long users wait.
import type { DotPlot, Plot } from '../report/plot.ts';
import type { LiveReport } from './run-live.ts';

export function livePlots({
  workloads,
  throughput,
  latency,
}: Pick<LiveReport, 'workloads' | 'throughput' | 'latency'>): Plot[] {
  const plots: Plot[] = [];
  for (const { name, summary, base } of workloads) {
    const own = throughput.filter(({ workload }) => workload === name);
    if (own.length > 0) plots.push(throughputPlot(`${name}: ${summary}`, base, own));
  }
  for (const rate of new Set(latency.map((row) => row.rate))) {
    plots.push(
      latencyPlot(
        rate,
        latency.filter((row) => row.rate === rate),
      ),
    );
  }
  return plots;
}

function throughputPlot(title: string, base: string, own: LiveReport['throughput']): DotPlot {
  const connections = [...new Set(own.map((row) => row.connections))];
  const contenders = [...new Set(own.map(({ contender }) => contender))];
  const ratioOf = (contender: string, count: number) =>
    own.find((row) => row.contender === contender && row.connections === count)?.ratio ?? null;
  const first = connections[0] ?? 0;
  const said = contenders
    .filter((contender) => contender !== base)
    .map((contender) => `${contender}: ${ratioOf(contender, first)?.toFixed(2) ?? 'unknown'}`);
  return {
    kind: 'dots',
    title: `Requests/s, ${title}`,
    sentence: `Times the requests/s of "${base}" over ${first} connections. ${said.join('; ')}.`,
    axis: { label: `against "${base}"`, scale: 'linear', mark: { value: 1, label: base } },
    series: connections.map((count) => `${count} connections`),
    rows: contenders.map((contender) => ({
      label: contender,
      values: connections.map((count) => ratioOf(contender, count)),
    })),
  };
}

function latencyPlot(rate: number, rows: LiveReport['latency']): DotPlot {
  const known = rows.flatMap(({ p50, ...row }) => (p50 === null ? [] : [{ ...row, p50 }]));
  const ours = known
    .filter(({ contender }) => contender.startsWith('Roundel'))
    .sort((one, other) => one.p50 - other.p50);
  const said = [ours[0], ours.at(-1)].map((one) =>
    one === undefined ? 'unknown' : `${one.p50.toFixed(1)} (${one.workload}: ${one.contender})`,
  );
  return {
    kind: 'dots',
    title: `How long users wait at ${rate} requests/s`,
    sentence: `In ms from when each request was due: Roundel's medians are from ${said.join(' to ')}. Where the p99 of all turns is far above that of the median turn, one turn had a stall.`,
    axis: { label: 'ms', scale: 'log' },
    series: ['p50', 'p99, median turn', 'p99, all turns', 'p99.9, all turns'],
    rows: rows.map(({ workload, contender, p50, p99Turn, p99, p999 }) => ({
      label: `${workload}: ${contender}`,
      values: [p50, p99Turn, p99, p999],
    })),
  };
}
