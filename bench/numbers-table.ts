// What the reports for people have in common: the look of a table, the numbers beside their goals, what was run where.
import Table from 'cli-table3';
import { type Environment, wasBusy } from './environment.ts';
import { figureText, type NumberRow } from './number-row.ts';

export const PLAIN = { style: { head: [], border: [], compact: true } };

function numberRow({ figure: name, measured, unit, goal, met }: NumberRow): string[] {
  return [
    name,
    figureText(measured, unit),
    goal ? `${goal.relation} ${figureText(goal.value, unit)}` : '',
    met === null ? '' : met ? 'met' : 'MISSED',
  ];
}

export function numbersTable(numbers: readonly NumberRow[]): string {
  const table = new Table({ head: ['numbers to reach', 'measured', 'goal', ''], ...PLAIN });
  table.push(...numbers.map(numberRow));
  return table.toString();
}

export function environmentText(environment: Environment): string {
  const { commit, versions, cores, cpu, seed, loadBefore } = environment;
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const machine = `${cores} cores (${cpu})`;
  const line = `commit ${commit ?? 'unknown'}, seed ${seed}, ${machine}, ${names.join(', ')}`;
  const busy = `The machine was busy before (load ${loadBefore.toFixed(1)}): what a clock measured says little.`;
  return wasBusy(environment) ? `${line}\n${busy}` : line;
}
