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
  const known = runs.flatMap(({ memoryBytes, ...run }) =>
    memoryBytes === null ? [] : [{ ...run, memoryBytes }],
  );
  if (known.length === 0) return [];
  const body = Math.min(...known.map(({ bytes }) => bytes)) / MiB;
  const said = known.map(
    ({ contender, direction, memoryBytes }) =>
      `${contender}, ${direction}: ${(memoryBytes / MiB).toFixed(memoryBytes < MiB ? 1 : 0)}`,
  );
  return [
    {
      kind: 'dots',
      title: 'Memory while a body passes',
      sentence: `MiB of memory, at most, while ${body.toFixed(0)} MiB or more pass: ${said.join('; ')}.`,
      axis: { label: 'MiB beyond what was taken before', scale: 'linear' },
      series: directions,
      rows: contenders.map((contender) => ({
        label: contender,
        values: directions.map((direction) => memory(contender, direction)),
      })),
    },
  ];
}
