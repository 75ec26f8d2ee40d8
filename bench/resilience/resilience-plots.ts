// What the resilience lab shows as plots: for each scenario, how each strategy stands to its goals.
import { goalsPlot } from '../report/goals-plot.ts';
import type { Plot } from '../report/plot.ts';
import type { ResilienceReport } from './run-resilience.ts';

export function resiliencePlots({ runs }: ResilienceReport): Plot[] {
  return [...new Set(runs.map(({ scenario }) => scenario))].flatMap((scenario) => {
    const numbers = runs
      .filter((run) => run.scenario === scenario)
      .flatMap((run) => run.numbers.map((row) => ({ ...row, figure: `${run.strategy}: ${row.figure}` })));
    return goalsPlot(scenario, numbers) ?? [];
  });
}
