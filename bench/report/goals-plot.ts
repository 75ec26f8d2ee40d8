// How far a lab's figures are from their goals, whatever their units: how many times as good as asked for.
import type { NumberRow } from '../number-row.ts';
import type { DotPlot } from './plot.ts';

/** null: too far for a ratio, where the goal or the figure is 0. */
function timesAsGood({ measured, goal }: NumberRow): number | null {
  if (goal === null || !(measured > 0) || !(goal.value > 0)) return null;
  return goal.relation === '≤' ? goal.value / measured : measured / goal.value;
}

/** null: nothing of it has a goal. */
export function goalsPlot(lab: string, numbers: readonly NumberRow[]): DotPlot | null {
  const judged = numbers.filter(({ met }) => met !== null);
  const rows = judged
    .map((row) => ({ label: row.figure, values: [timesAsGood(row)] }))
    .filter(({ values }) => values[0] !== null);
  if (rows.length === 0) return null;
  const met = judged.filter((row) => row.met).length;
  const missed = judged.filter((row) => !row.met).map(({ figure }) => figure);
  const named =
    missed.length === 0
      ? ''
      : ` Missed: ${missed.slice(0, 3).join('; ')}${missed.length > 3 ? ' and others' : ''}.`;
  return {
    kind: 'dots',
    title: `${lab}: goals`,
    sentence: `${met} of ${judged.length} goals are met; right of the line is better than asked for.${named}`,
    axis: {
      label: 'times as good as the goal',
      scale: 'log',
      mark: { value: 1, label: 'goal' },
    },
    series: ['measured'],
    rows,
  };
}
