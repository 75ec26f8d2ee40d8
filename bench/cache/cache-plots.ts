// What the cache lab shows as plots: each trace with a row for each policy and a dot for each capacity.
import { goalsPlot } from '../report/goals-plot.ts';
import type { Plot } from '../report/plot.ts';
import type { CacheReport } from './run-cache.ts';

const OWN = 'roundel';
/** Knows the future. */
const ORACLE = 'belady';
const CAPACITIES_MAX = 6;

export function cachePlots({ traces, results, numbers }: CacheReport): Plot[] {
  const plots = traces.map(({ trace }): Plot => {
    const rows = results.filter((row) => row.trace === trace);
    const capacities = [...new Set(rows.map(({ capacity }) => capacity))].slice(0, CAPACITIES_MAX);
    const policies = [...new Set(rows.map(({ policy }) => policy))];
    const missed = (policy: string, capacity: string | undefined) =>
      rows.find((row) => row.policy === policy && row.capacity === capacity)?.objectMissRatio ?? null;
    const middle = capacities[Math.floor(capacities.length / 2)];
    const least = policies
      .filter((policy) => policy !== ORACLE)
      .reduce((best, policy) =>
        (missed(policy, middle) ?? 1) < (missed(best, middle) ?? 1) ? policy : best,
      );
    const own = missed(OWN, middle);
    const oracle = missed(ORACLE, middle);
    const percent = (part: number) => `${(100 * part).toFixed(1)} %`;
    return {
      kind: 'dots',
      title: `${trace}: requests missed`,
      sentence:
        `With room for ${middle} of the bytes, ${least} misses least, ${percent(missed(least, middle) ?? 0)}` +
        (least === OWN || own === null ? '' : `; ${OWN} misses ${percent(own)}`) +
        (oracle === null ? '.' : `; ${ORACLE}, who knows the future, ${percent(oracle)}.`),
      axis: { label: 'share of the requests missed', scale: 'linear' },
      series: capacities.map((capacity) => `capacity ${capacity}`),
      rows: policies.map((policy) => ({
        label: policy,
        values: capacities.map((capacity) => missed(policy, capacity)),
      })),
    };
  });
  const goals = goalsPlot('Cache', numbers);
  return goals ? [...plots, goals] : plots;
}
