// What the resilience lab shows as plots: for each scenario every figure that has a goal, strategy by strategy, and in the
// sentence below what must not happen at all.
import { figureText, type NumberRow } from '../number-row.ts';
import type { DotPlot, Plot } from '../report/plot.ts';
import type { ResilienceReport } from './run-resilience.ts';
import type { Run } from './stand.ts';

/** An axis over more than this is logarithmic. */
const WIDE = 20;

const named = (run: Run, figure: string): NumberRow | undefined =>
  run.numbers.find((row) => row.figure === figure);

/** Of figures that are to be 0. */
function neverText(runs: readonly Run[], figures: readonly string[]): string {
  const counts = figures.map((figure) => {
    const total = runs.reduce((sum, run) => sum + (named(run, figure)?.measured ?? 0), 0);
    return `${figure}: ${total === 0 ? 'none' : total}`;
  });
  return counts.length === 0
    ? ''
    : ` Of what must not happen, in all ${runs.length} runs: ${counts.join('; ')}.`;
}

function figurePlot(runs: readonly Run[], figure: string, never: string): DotPlot {
  const known = runs.flatMap((run) => {
    const row = named(run, figure);
    return row ? [{ strategy: run.strategy, ...row }] : [];
  });
  const judged = known.filter(({ met }) => met !== null);
  const [{ goal, unit } = { goal: null, unit: 'count' as const }] = judged;
  const isMost = goal?.relation === '≤';
  const worst = judged.reduce((one, other) => (isMost === other.measured > one.measured ? other : one));
  const values = known.map(({ measured }) => measured);
  const least = Math.min(...values, goal?.value ?? Number.POSITIVE_INFINITY);
  const isLog = least > 0 && Math.max(...values, goal?.value ?? 0) / least > WIDE;
  const missed = judged.filter(({ met }) => !met).map(({ strategy }) => strategy);
  const bound = goal ? `${goal.relation} ${figureText(goal.value, unit)}` : '';
  const others =
    judged.length < known.length ? ' The others are there to compare with: the goal is not theirs.' : '';
  return {
    kind: 'dots',
    title: `${runs[0]?.scenario ?? ''}: ${figure}`,
    sentence:
      `The goal, ${bound}, is met under ${judged.length - missed.length} of ${judged.length} strategies; ` +
      `the worst is ${figureText(worst.measured, unit)}, ${worst.strategy}.` +
      (missed.length > 0 ? ` Missed: ${missed.join(', ')}.` : '') +
      others +
      never,
    axis: {
      label: unit === 'count' ? figure : `${figure}, ${unit}`,
      scale: isLog ? 'log' : 'linear',
      ...(goal ? { mark: { value: goal.value, label: `goal: ${bound}` } } : {}),
    },
    series: ['measured'],
    rows: known.map(({ strategy, measured }) => ({ label: strategy, values: [measured] })),
  };
}

/** Where nothing else has a goal. */
function neverPlot(runs: readonly Run[], figures: readonly string[], never: string): DotPlot {
  return {
    kind: 'dots',
    title: `${runs[0]?.scenario ?? ''}: what must not happen`,
    sentence: never.trim(),
    axis: { label: 'how often', scale: 'linear' },
    series: figures,
    rows: runs.map((run) => ({
      label: run.strategy,
      values: figures.map((figure) => named(run, figure)?.measured ?? null),
    })),
  };
}

export function resiliencePlots({ runs }: ResilienceReport): Plot[] {
  return [...new Set(runs.map(({ scenario }) => scenario))].flatMap((scenario) => {
    const own = runs.filter((run) => run.scenario === scenario);
    const judged = own.flatMap(({ numbers }) => numbers.filter(({ goal }) => goal !== null));
    const figures = [...new Set(judged.map(({ figure }) => figure))];
    const isNever = (figure: string) => judged.every((row) => row.figure !== figure || row.goal?.value === 0);
    const nevers = figures.filter(isNever);
    const never = neverText(own, nevers);
    const others = figures.filter((figure) => !isNever(figure));
    if (others.length === 0) return nevers.length === 0 ? [] : [neverPlot(own, nevers, never)];
    return others.map((figure, i) => figurePlot(own, figure, i === others.length - 1 ? never : ''));
  });
}
