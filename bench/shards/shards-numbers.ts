// The figures of the shards lab: ratios of contenders that took turns in one run, beside the design's goals.
import { type NumberRow, row } from '../number-row.ts';
import type { Round } from '../overhead/summarize.ts';
import { quantile } from '../resilience/figures.ts';
import type { ContenderName } from './contenders.ts';

/** Everything measured with so many connections: of each contender its rounds, in the same order. */
export interface Measured {
  readonly connections: number;
  readonly rounds: ReadonlyMap<ContenderName, readonly Round[]>;
}

interface Goal {
  readonly name: ContenderName;
  readonly against: ContenderName;
  /** Requests/s at least so many times those of `against`, by connections. */
  readonly atLeast: Readonly<Record<number, number>>;
}

const GOALS: readonly Goal[] = [
  {
    name: 'KV write, quorum of 3',
    against: 'SQLite write by one call',
    atLeast: { 32: 0.8, 128: 1.3 },
  },
  { name: 'KV read, bounded', against: 'SQLite read by one call', atLeast: { 32: 0.9, 128: 0.9 } },
  { name: 'KV read, linearizable', against: 'SQLite read by one call', atLeast: { 32: 0.3, 128: 0.6 } },
  { name: 'cache hit, shard', against: 'SQLite read by one call', atLeast: { 32: 0.8 } },
  { name: 'cache hit, memory', against: 'constant response', atLeast: { 32: 0.65 } },
  { name: 'cache hit, memory', against: 'cache hit, shard', atLeast: { 32: 2 } },
];

/** Medians over the rounds of ratios made within each. */
export function numbersOf(measured: readonly Measured[]): NumberRow[] {
  return GOALS.flatMap(({ name, against, atLeast }) =>
    measured.map(({ connections, rounds }) => {
      const goal = atLeast[connections];
      const base = rounds.get(against) ?? [];
      const ratios = (rounds.get(name) ?? []).map(
        ({ perSecond }, i) => perSecond / (base[i]?.perSecond ?? Number.NaN),
      );
      const figure = `${name} against ${against}, ${connections} connections`;
      const ratio = quantile(ratios, 0.5);
      return goal === undefined ? row(figure, ratio, '×') : row(figure, ratio, '×', '≥', goal);
    }),
  );
}
