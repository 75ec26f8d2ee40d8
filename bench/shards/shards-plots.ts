// What the shards lab shows as plots.
import { goalsPlot } from '../report/goals-plot.ts';
import type { Plot } from '../report/plot.ts';
import type { ShardsReport } from './run-shards.ts';

export function shardsPlots({ contenders, numbers }: ShardsReport): Plot[] {
  const goals = goalsPlot('Shards', numbers);
  const plots = contenders.map(({ connections, summaries }) => ({
    kind: 'dots' as const,
    title: `Requests/s with ${connections} connections`,
    sentence: `Times the requests/s of a constant response in the same rounds. ${summaries
      .filter(({ perSecondRatio }) => perSecondRatio !== 1)
      .map(({ name, perSecondRatio }) => `${name}: ${perSecondRatio.toFixed(2)}`)
      .join('; ')}.`,
    axis: {
      label: 'against a constant response',
      scale: 'linear' as const,
      mark: { value: 1, label: 'constant' },
    },
    series: ['median of the rounds'],
    rows: summaries.map(({ name, perSecondRatio }) => ({ label: name, values: [perSecondRatio] })),
  }));
  return goals ? [...plots, goals] : plots;
}
