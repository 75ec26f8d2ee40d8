// What the torture lab shows as a plot.
import type { Plot } from '../report/plot.ts';
import type { TortureReport } from './run-torture.ts';

export function torturePlots({ kills, events, acknowledged, lostCount, verdict }: TortureReport): Plot[] {
  return [
    {
      kind: 'dots',
      title: 'Writes that were acknowledged, and what was lost of them',
      sentence:
        `${lostCount === 0 ? 'None' : lostCount} of ${acknowledged} acknowledged writes ` +
        `${lostCount > 1 ? 'were' : 'was'} lost when workerd was killed ${kills} times; the history of ${events} events on shared keys is ${verdict}.`,
      axis: { label: 'writes', scale: 'linear' },
      series: ['counted'],
      rows: [
        { label: 'acknowledged', values: [acknowledged] },
        { label: 'lost', values: [lostCount] },
      ],
    },
  ];
}
