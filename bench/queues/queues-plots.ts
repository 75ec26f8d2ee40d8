// What the queues lab shows as plots.
import type { DotPlot, LinePlot, Plot } from '../report/plot.ts';
import { JOIN_SHORTEST } from './contenders.ts';
import type { QueuesReport, QueuesRow } from './run-queues.ts';

/** Strategies in the plot over load: one of each kind, in the order of the looks. */
const TYPICAL = [
  'least-requests',
  'peak-ewma',
  'round-robin',
  'random',
  'consistent-hash, bounded',
  JOIN_SHORTEST,
];

const times = (value: number): string => value.toFixed(value < 10 ? 1 : 0);
const edges = (count: number): string => (count === 1 ? '1 edge' : `${count} edges`);

type Quantile = 'p99' | 'p999';

/** Of the product's: the strategy whose waits are shortest. */
function best(rows: readonly QueuesRow[], q: Quantile): QueuesRow | undefined {
  return rows
    .filter(({ strategy, isStable }) => strategy !== JOIN_SHORTEST && isStable)
    .reduce<QueuesRow | undefined>((least, row) => (least && least[q] <= row[q] ? least : row), undefined);
}

/** Whose waits have no value to draw. */
function leftOut(rows: readonly QueuesRow[]): string {
  const growing = rows.filter(({ isStable }) => !isStable);
  if (growing.length === 0) return '';
  const counts = new Set(rows.map(({ dispatchers }) => dispatchers)).size;
  const names = [...new Set(growing.map(({ strategy }) => strategy))].map((name) => {
    const own = growing.filter(({ strategy }) => strategy === name).map(({ dispatchers }) => dispatchers);
    return own.length === counts ? name : `${name} (${own.map(edges).join(', ')})`;
  });
  return ` Left out, since a backend gets more than it can do and waits grow for as long as the run lasts: ${names.join('; ')}.`;
}

/** How well the drawn ones are known. */
function knownTo(rows: readonly QueuesRow[]): string {
  const worst = Math.max(0, ...rows.map(({ isStable, p99Within }) => (isStable ? (p99Within ?? 0) : 0)));
  return worst > 0 ? ` Each p99 is known to ± ${(100 * worst).toFixed(0)} % or better.` : '';
}

function byDispatchers(
  rows: readonly QueuesRow[],
  { title, label, of }: { title: string; label: string; of: (row: QueuesRow) => number | null },
): DotPlot {
  const counts = [...new Set(rows.map(({ dispatchers }) => dispatchers))].slice(0, 4);
  const strategies = [...new Set(rows.map(({ strategy }) => strategy))];
  const values = (strategy: string) =>
    counts.map((count) => {
      const row = rows.find((one) => one.strategy === strategy && one.dispatchers === count);
      return row ? of(row) : null;
    });
  return {
    kind: 'dots',
    title,
    sentence: '',
    axis: { label, scale: 'log' },
    series: counts.map(edges),
    rows: strategies.map((strategy) => ({ label: strategy, values: values(strategy) })),
  };
}

function overLoads(rows: readonly QueuesRow[], workload: string, dispatchers: number): LinePlot | null {
  const shown = rows.filter(
    (row) =>
      TYPICAL.includes(row.strategy) && (row.dispatchers === dispatchers || row.strategy === JOIN_SHORTEST),
  );
  const stable = shown.filter(({ isStable }) => isStable);
  // All of them, also without a point: the same looks in every plot.
  const names = TYPICAL.filter((name) => shown.some(({ strategy }) => strategy === name));
  const series = names.map((name) => ({
    name,
    points: stable
      .filter(({ strategy }) => strategy === name)
      .map((row) => [row.load, row.p99] as const)
      .sort(([a], [b]) => a - b),
  }));
  if (!series.some(({ points }) => points.length > 1)) return null;
  const at = Math.max(...rows.map(({ load }) => load));
  const ofMost = rows.filter((row) => row.load === at && row.dispatchers === dispatchers);
  const leader = best(ofMost, 'p99');
  const chance = ofMost.find(({ strategy, isStable }) => strategy === 'random' && isStable);
  return {
    kind: 'lines',
    title: `${workload}: p99 by load, ${edges(dispatchers)}`,
    sentence:
      (leader
        ? `At load ${at}, ${leader.strategy} keeps 99 % of the requests within ${times(leader.p99)} service times${chance ? `, random within ${times(chance.p99)}` : ''}.`
        : `At load ${at}, waits grow under all for as long as the run lasts.`) +
      (stable.length < shown.length
        ? ' Points are missing where a backend gets more than it can do: waits grow for as long as the run lasts.'
        : '') +
      knownTo(shown),
    x: { label: 'load of all backends', scale: 'linear', fitsData: true },
    y: { label: 'p99, mean service times', scale: 'log' },
    series,
  };
}

function latencyPlot(rows: readonly QueuesRow[], workload: string, load: number, q: Quantile): DotPlot {
  const name = q === 'p99' ? 'p99' : 'p99.9';
  const plot = byDispatchers(rows, {
    title: `${workload}: ${name} by number of edges, load ${load}`,
    label: `${name}, mean service times`,
    of: (row) => (row.isStable ? row[q] : null),
  });
  const [few, many] = [Math.min, Math.max].map((pick) => pick(...rows.map(({ dispatchers }) => dispatchers)));
  const alone = best(
    rows.filter(({ dispatchers }) => dispatchers === few),
    q,
  );
  const same = rows.find((row) => row.strategy === alone?.strategy && row.dispatchers === many);
  const sentence =
    alone && same && few !== many
      ? `${alone.strategy} has a ${name} of ${times(alone[q])} with ${edges(few ?? 1)} and ${same.isStable ? `of ${times(same[q])}` : 'waits that grow for as long as the run lasts'} with ${edges(many ?? 1)} that see only their own requests.`
      : `What ${name} is under each strategy.`;
  return { ...plot, sentence: sentence + leftOut(rows) + (q === 'p99' ? knownTo(rows) : '') };
}

function troublePlot(rows: readonly QueuesRow[], workload: string, load: number): DotPlot {
  const plot = byDispatchers(rows, {
    title: `${workload}: what backends in trouble get, load ${load}`,
    label: 'requests against a fair share',
    of: ({ troubledShare }) => troubledShare ?? 0,
  });
  const own = rows.filter(({ strategy }) => strategy !== JOIN_SHORTEST);
  const most = own.reduce((worst, row) =>
    (row.troubledShare ?? 0) > (worst.troubledShare ?? 0) ? row : worst,
  );
  return {
    ...plot,
    axis: { label: plot.axis.label, scale: 'linear', mark: { value: 1, label: 'fair share' } },
    sentence: `At most ${(most.troubledShare ?? 0).toFixed(2)} times its share goes to a backend in trouble, under ${most.strategy} with ${edges(most.dispatchers)}.`,
  };
}

export function queuesPlots({ workloads, rows }: QueuesReport): Plot[] {
  return workloads.flatMap(({ name }) => {
    const own = rows.filter(({ workload }) => workload === name);
    const loads = [...new Set(own.map(({ load }) => load))];
    const load = loads.includes(0.8) ? 0.8 : (loads.at(-1) ?? 0);
    const at = own.filter((row) => row.load === load);
    if (at.length === 0) return [];
    const counts = at.map(({ dispatchers }) => dispatchers);
    const ends = [...new Set([Math.min(...counts), Math.max(...counts)])];
    const hasTrouble = at.some(({ troubledShare }) => troubledShare !== null);
    return [
      latencyPlot(at, name, load, name.startsWith('dies') ? 'p999' : 'p99'),
      ...ends.map((count) => overLoads(own, name, count)).filter((plot) => plot !== null),
      ...(hasTrouble ? [troublePlot(at, name, load)] : []),
    ];
  });
}
