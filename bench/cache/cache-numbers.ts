// The figures that the design sets goals for, from the rows of a run. Its goals are meant for real traces: for made-up
// ones the figures stand without.
import { type NumberRow, row } from '../number-row.ts';
import type { CacheRow } from './run-cache.ts';
import type { SpeedRow } from './speed.ts';
import type { Trace } from './trace.ts';

interface Measured {
  readonly results: readonly CacheRow[];
  readonly speed: readonly SpeedRow[];
  readonly traces: readonly Trace[];
  readonly haveGoals: boolean;
}

/** Figures for which a policy was left out are left out too. */
export function cacheNumbers({ results, speed, traces, haveGoals }: Measured): NumberRow[] {
  const byPolicy = new Map<string, CacheRow>();
  const idOf = (policy: string, { trace, capacity }: CacheRow) => JSON.stringify([policy, trace, capacity]);
  for (const result of results) byPolicy.set(idOf(result.policy, result), result);
  const own = results.filter(({ policy }) => policy === 'roundel');
  const sized = new Set(traces.filter(({ isSized }) => isSized).map(({ name }) => name));

  /** Ratios to another policy's value, or the least of several, wherever all of them were run. */
  const ratios = (
    rows: readonly CacheRow[],
    others: readonly string[],
    field: 'objectMissRatio' | 'byteMissRatio',
  ): number[] =>
    rows.flatMap((mine) => {
      const values = others.map((other) => byPolicy.get(idOf(other, mine))?.[field]);
      const known = values.filter((value) => value !== undefined);
      return known.length < others.length ? [] : [mine[field] / Math.min(...known)];
    });
  const worst = (values: readonly number[]): number => Math.max(...values);
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const ofSized = own.filter(({ trace }) => sized.has(trace));

  const figures: [figure: string, values: number[], of: typeof mean, relation: '≤' | '≥', goal: number][] = [
    [
      'object misses against the better of LRU and S3-FIFO, worst',
      ratios(own, ['lru', 's3-fifo'], 'objectMissRatio'),
      worst,
      '≤',
      1.01,
    ],
    ['object misses against S3-FIFO, mean', ratios(own, ['s3-fifo'], 'objectMissRatio'), mean, '≤', 0.98],
    [
      'with sizes: object misses against GDSF, worst',
      ratios(ofSized, ['gdsf'], 'objectMissRatio'),
      worst,
      '≤',
      1.05,
    ],
    [
      'with sizes: byte misses against S3-FIFO, worst',
      ratios(ofSized, ['s3-fifo'], 'byteMissRatio'),
      worst,
      '≤',
      1.03,
    ],
    [
      'operations/s against lru-cache, everything held, worst',
      speed.filter(({ capacity }) => capacity === '100%').map(({ ratio }) => ratio),
      worstOfSpeed,
      '≥',
      1.5,
    ],
    [
      'operations/s against lru-cache, with evictions, worst',
      speed.filter(({ capacity }) => capacity !== '100%').map(({ ratio }) => ratio),
      worstOfSpeed,
      '≥',
      1.5,
    ],
  ];
  return figures
    .filter(([, values]) => values.length > 0)
    .map(([figure, values, of, relation, goal]) =>
      haveGoals || relation === '≥'
        ? row(figure, of(values), '×', relation, goal)
        : row(figure, of(values), '×'),
    );
}

const worstOfSpeed = (values: readonly number[]): number => Math.min(...values);
