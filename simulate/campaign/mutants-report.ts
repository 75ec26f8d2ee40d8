// Which invariant caught which mutant, for people.
import Table from 'cli-table3';
import type { Kill } from './kill-mutants.ts';

export function mutantsReport(kills: readonly Kill[]): string {
  const table = new Table({
    head: ['mutant', 'caught by', 'after seeds', 'seed'],
    colAligns: ['left', 'left', 'right', 'left'],
    style: { head: [], border: [], compact: true },
  });
  for (const { mutant, caughtBy, seeds } of kills) {
    table.push([
      mutant,
      caughtBy?.invariant ?? 'NOTHING',
      seeds,
      caughtBy === null ? '' : `${caughtBy.profile} ${caughtBy.seed}`,
    ]);
  }
  const alive = kills.filter(({ caughtBy }) => caughtBy === null).length;
  return `${table.toString()}\n${kills.length - alive} of ${kills.length} mutants caught`;
}
