// The resilience report for people: one table a scenario, a line for each strategy, every figure beside its goal.
import Table from 'cli-table3';
import { figureText, type NumberRow } from '../number-row.ts';
import { environmentText, PLAIN } from '../numbers-table.ts';
import type { ResilienceReport } from './run-resilience.ts';
import type { Run } from './stand.ts';

function cell({ measured, unit, met }: NumberRow): string {
  const text = figureText(measured, unit);
  return met === null ? text : `${text} ${met ? 'met' : 'MISSED'}`;
}

/** A figure is named by its first run: whether it has a goal may differ between strategies. */
function headOf(runs: readonly Run[]): string[] {
  return (runs[0]?.numbers ?? []).map(({ figure }, i) => {
    const goal = runs.map(({ numbers }) => numbers[i]?.goal).find((one) => one);
    const unit = runs[0]?.numbers[i]?.unit ?? 'count';
    return goal ? `${figure} (${goal.relation} ${figureText(goal.value, unit)})` : figure;
  });
}

export function resilienceTable({ environment, load, runs }: ResilienceReport): string {
  const parts = [
    `Resilience: ${load.requestsPerSecond} GET/s before ${load.backends} backends on plain workerd; goals in brackets.`,
    environmentText(environment),
  ];
  for (const scenario of new Set(runs.map((run) => run.scenario))) {
    const group = runs.filter((run) => run.scenario === scenario);
    const head = headOf(group);
    const table = new Table({
      head: ['strategy', ...head],
      ...PLAIN,
      colAligns: ['left', ...head.map(() => 'right' as const)],
    });
    table.push(...group.map(({ strategy, numbers }) => [strategy, ...numbers.map(cell)]));
    parts.push(`\n${scenario}`, table.toString());
    for (const { strategy, notes } of group) for (const note of notes) parts.push(`  ${strategy}: ${note}`);
  }
  const goals = runs.flatMap(({ numbers }) => numbers).filter(({ met }) => met !== null);
  const missed = goals.filter(({ met }) => met === false).length;
  parts.push('', `${goals.length - missed} of ${goals.length} goals met`);
  return parts.join('\n');
}
