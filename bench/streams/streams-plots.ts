// What the streams lab shows as plots.
import type { Plot } from '../report/plot.ts';
import type { StreamsReport } from './run-streams.ts';

const MiB = 2 ** 20;

export function streamsPlots({ runs }: StreamsReport): Plot[] {
  const contenders = [...new Set(runs.map(({ contender }) => contender))];
  const directions = [...new Set(runs.map(({ direction }) => direction))];
  const memory = (contender: string, direction: string) => {
    const run = runs.find((one) => one.contender === contender && one.direction === direction);
    return run?.memoryBytes == null ? null : run.memoryBytes / MiB;
  };
  const body = Math.max(0, ...runs.map(({ bytes }) => bytes)) / MiB;
  const most = Math.max(0, ...runs.map(({ memoryBytes }) => (memoryBytes ?? 0) / MiB));
  if (most === 0) return [];
  return [
    {
      kind: 'dots',
      title: 'Memory while a body passes',
      sentence: `A body of ${body.toFixed(0)} MiB takes at most ${most.toFixed(0)} MiB of memory: it is never held as a whole.`,
      axis: { label: 'MiB beyond what was taken before', scale: 'linear' },
      series: directions,
      rows: contenders.map((contender) => ({
        label: contender,
        values: directions.map((direction) => memory(contender, direction)),
      })),
    },
  ];
}
