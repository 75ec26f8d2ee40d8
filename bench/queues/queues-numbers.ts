// What the queues lab is measured by: what theory knows of such queues, which says whether the simulation is right, and
// the design's goal for a backend that fails fast.
import { type NumberRow, row } from '../number-row.ts';
import { JOIN_SHORTEST } from './contenders.ts';
import type { QueuesRow } from './run-queues.ts';

const LOAD_AWARE: readonly string[] = ['least-requests', 'peak-ewma'];
const SHARE_GOAL = 1.2;
/** p99 by load: M/M/1, and two choices among 100 queues at 0.8 (mean field). */
const randomP99 = (load: number): number => Math.log(100) / (1 - load);
const TWO_CHOICES_AT = 0.8;
const TWO_CHOICES_P99 = 7.38;
/** Nobody waits: a service alone. */
const BEST_P99 = Math.log(100);

export function queuesNumbers(rows: readonly QueuesRow[], backends: number): NumberRow[] {
  const calm = rows.filter(({ workload, isStable }) => workload === 'homogeneous' && isStable);
  const known = calm.flatMap(({ strategy, dispatchers, load, p99 }) => {
    const against = (what: string, value: number) => [
      row(`${strategy}, load ${load}, 1 edge: p99 against ${what}`, p99 / value, '×'),
    ];
    if (dispatchers !== 1) return [];
    if (strategy === 'random')
      return against(`ln 100 / (1 − load), ${randomP99(load).toFixed(1)}`, randomP99(load));
    if (strategy === 'least-requests' && load === TWO_CHOICES_AT && backends >= 100)
      return against(`two choices in theory, ${TWO_CHOICES_P99}`, TWO_CHOICES_P99);
    if (strategy === JOIN_SHORTEST) return against(`a service alone, ${BEST_P99.toFixed(1)}`, BEST_P99);
    return [];
  });
  const failing = rows
    .filter(({ workload, strategy }) => workload === 'fails-fast' && LOAD_AWARE.includes(strategy))
    .map(({ strategy, dispatchers, troubledShare }) =>
      row(
        `fails-fast: its share under ${strategy}, ${dispatchers} ${dispatchers === 1 ? 'edge' : 'edges'}`,
        troubledShare ?? Number.NaN,
        '×',
        '≤',
        SHARE_GOAL,
      ),
    );
  return [...known, ...failing];
}
