// What the overhead lab shows as plots.
import type { Plot } from '../report/plot.ts';
import type { OverheadReport } from './run-overhead.ts';

export function overheadPlots({ contenders, base }: OverheadReport): Plot[] {
  const others = contenders.filter(({ name }) => name !== base);
  const said = (of: (one: (typeof others)[number]) => number | null) =>
    others.map((one) => `${one.name}: ${of(one)?.toFixed(2) ?? 'unknown'}`).join('; ');
  const plot = (
    title: string,
    sentence: string,
    of: (one: (typeof contenders)[number]) => number | null,
  ): Plot => ({
    kind: 'dots',
    title,
    sentence,
    axis: { label: `against the ${base}`, scale: 'linear', mark: { value: 1, label: 'bare' } },
    series: ['median of the rounds'],
    rows: contenders.map((one) => ({ label: one.name, values: [of(one)] })),
  });
  const requests = plot(
    'Requests/s',
    `Times the requests/s of the ${base} in the same rounds. ${said(({ perSecondRatio }) => perSecondRatio)}.`,
    ({ perSecondRatio }) => perSecondRatio,
  );
  const cpu = plot(
    'Processor time of a request',
    `Times the processor time of the ${base}. ${said(({ cpuRatio }) => cpuRatio)}.`,
    ({ cpuRatio }) => cpuRatio,
  );
  return contenders.some(({ cpuRatio }) => cpuRatio !== null) ? [requests, cpu] : [requests];
}
