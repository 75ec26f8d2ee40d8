// What the distribution lab shows as plots.
import { goalsPlot } from '../report/goals-plot.ts';
import type { DotPlot, Plot } from '../report/plot.ts';
import type { DistributionReport, DistributionRow } from './run-distribution.ts';

interface Shown {
  readonly title: string;
  readonly label: string;
  readonly scale: 'linear' | 'log';
  readonly mark?: { readonly value: number; readonly label: string };
  readonly of: (row: DistributionRow) => number | null;
  /** Of two contenders at 200 backends, or the middle of what there is. */
  readonly sentence: (own: string, other: string) => string;
  readonly text: (value: number) => string;
}

const SHOWN: readonly Shown[] = [
  {
    title: 'Largest share against the fair one, equal weights',
    label: 'largest share, of what is fair',
    scale: 'log',
    mark: { value: 1, label: 'fair' },
    of: ({ arcs, uniform }) => (arcs ?? uniform).max,
    sentence: (own, other) =>
      `the ring's busiest backend gets ${own} times its share, that of npm hashring ${other}.`,
    text: (value) => value.toFixed(2),
  },
  {
    title: 'The same where some keys are hot (Zipf 1.1)',
    label: 'largest share, of what is fair',
    scale: 'log',
    mark: { value: 1, label: 'fair' },
    of: ({ zipf }) => zipf.max,
    sentence: (own, other) =>
      `no ring spreads a hot key: ${own} times the fair share here, ${other} with hashring.`,
    text: (value) => value.toFixed(1),
  },
  {
    title: 'Keys that move when one backend leaves',
    label: 'share of the keys',
    scale: 'log',
    of: ({ onRemove }) => onRemove?.moved ?? null,
    sentence: (own, other) =>
      `${own} of the ring's keys move when one leaves, ${other} of hashring's; one part in as many as there are must.`,
    text: (value) => `${(100 * value).toFixed(2)} %`,
  },
  {
    title: 'Time of a pick',
    label: 'ns',
    scale: 'log',
    of: ({ pickNs }) => pickNs,
    sentence: (own, other) => `a pick from the ring takes ${own}, from hashring ${other}.`,
    text: (value) => `${value.toFixed(0)} ns`,
  },
];

const OWN = 'consistent-hash';
const OTHER = /hashring/;

function plotOf(rows: readonly DistributionRow[], shown: Shown): DotPlot {
  const { title, label, scale, mark, of } = shown;
  const sizes = [...new Set(rows.map(({ backends }) => backends))];
  const contenders = [...new Set(rows.map(({ contender }) => contender))];
  const find = (contender: string, size: number | undefined) =>
    rows.find((row) => row.contender === contender && row.backends === size);
  const size = sizes.includes(200) ? 200 : sizes[Math.floor(sizes.length / 2)];
  const other = contenders.find((name) => OTHER.test(name));
  const valueText = (name: string | undefined) => {
    const row = name === undefined ? undefined : find(name, size);
    const value = row && of(row);
    return value === undefined || value === null ? 'unknown' : shown.text(value);
  };
  return {
    kind: 'dots',
    title,
    sentence: `With ${size} backends, ${shown.sentence(valueText(OWN), valueText(other))}`,
    axis: mark ? { label, scale, mark } : { label, scale },
    series: sizes.map((count) => `${count} backends`),
    rows: contenders
      .map((contender) => ({
        label: contender,
        values: sizes.map((count) => {
          const row = find(contender, count);
          return row ? of(row) : null;
        }),
      }))
      .filter(({ values }) => values.some((value) => value !== null)),
  };
}

export function distributionPlots({ rows, numbers }: DistributionReport): Plot[] {
  const equal = rows.filter(({ weights }) => weights === 'equal');
  const goals = goalsPlot('Distribution', numbers);
  return [...SHOWN.map((shown) => plotOf(equal, shown)), ...(goals ? [goals] : [])];
}
