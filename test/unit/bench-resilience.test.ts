// The resilience lab's own arithmetic and its table; the runs themselves need the whole product and minutes.
import { describe, expect, it } from 'vitest';
import { describeEnvironment } from '../../bench/environment.ts';
import { row } from '../../bench/number-row.ts';
import {
  countBetween,
  failures,
  fairness,
  fairnessPerSecond,
  lastAfterMs,
  quantile,
  quantileOfSeconds,
} from '../../bench/resilience/figures.ts';
import { resiliencePlots } from '../../bench/resilience/resilience-plots.ts';
import { resilienceTable } from '../../bench/resilience/resilience-table.ts';

describe('the figures', () => {
  it('count what a client would call an error', () => {
    const statuses = [200, 404, 500, 503, null, 304];
    expect(failures(statuses.map((status) => ({ at: 0, status, tookMs: 1 })))).toBe(3);
  });

  it('take quantiles by nearest rank', () => {
    const values = [40, 10, 30, 20];
    expect([0, 0.25, 0.26, 0.5, 0.99, 1].map((q) => quantile(values, q))).toEqual([10, 10, 20, 20, 40, 40]);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('take the median of what each second says, so that one stall is not the figure', () => {
    const second = (from: number, tookMs: number) =>
      Array.from({ length: 10 }, (_, i) => ({ at: from + 100 * i, tookMs: i === 9 ? tookMs : 1 }));
    const requests = [...second(0, 5), ...second(1_000, 400), ...second(2_000, 6), ...second(3_000, 900)];
    expect(quantileOfSeconds(requests, { fromAt: 0, toAt: 3_500 }, 0.99)).toBe(6);
    expect(quantileOfSeconds(requests, { fromAt: 0, toAt: 3_500 }, 0.5)).toBe(1);
    expect(quantileOfSeconds(requests, { fromAt: 0, toAt: 900 }, 0.5)).toBeNaN();
  });

  it('count instants in a window whose end is not in it', () => {
    expect(countBetween([1, 2, 3, 4], 2, 4)).toBe(2);
    expect(lastAfterMs([90, 130, 120], 100)).toBe(30);
    expect(lastAfterMs([90], 100)).toBe(0);
  });

  it('give a share against the fair one', () => {
    const own = [0, 500, 1_500];
    const all = [...own, 10, 20, 1_600, 1_700, 1_800];
    expect(fairness(own, all, 4, 0, 1_000)).toBe(2);
    expect(fairness(own, all, 4, 5_000, 6_000)).toBe(0);
    expect(fairnessPerSecond(own, all, 4, 0, 3)).toEqual([2, 1, 0]);
  });
});

describe('the table', () => {
  const environment = describeEnvironment({ seed: 1, quick: true }, []);
  const run = (strategy: 'random' | 'maglev', lastMs: number) => ({
    scenario: 'planted',
    strategy,
    numbers: [row('last request', lastMs, 'ms', '≤', 1_000), row('requests', 600, 'count')],
    notes: [`a word about ${strategy}`],
  });
  const report = {
    lab: 'resilience' as const,
    environment,
    load: { requestsPerSecond: 200, backends: 4 },
    runs: [run('random', 12), run('maglev', 1_200)],
  };
  const text = resilienceTable(report);

  it('has a line for each strategy, with figures beside their goals', () => {
    expect(text).toContain('last request (≤ 1000 ms)');
    expect(text).toMatch(/random .* 12 ms met .* 600 /);
    expect(text).toMatch(/maglev .* 1200 ms MISSED .* 600 /);
    expect(text).toContain('maglev: a word about maglev');
  });

  it('ends with how many goals were met', () => {
    expect(text.endsWith('\n1 of 2 goals met')).toBe(true);
  });

  it('is drawn figure by figure, the worst and the missed named', () => {
    const [plot, ...others] = resiliencePlots(report);
    expect(others).toEqual([]);
    expect(plot).toMatchObject({
      title: 'planted: last request',
      axis: { label: 'last request, ms', scale: 'log', mark: { value: 1_000 } },
    });
    expect(plot?.sentence).toBe(
      'The goal, ≤ 1000 ms, is met under 1 of 2 strategies; the worst is 1200 ms, maglev. Missed: maglev.',
    );
  });

  it('draws what must not happen where nothing else has a goal', () => {
    const calm = { ...run('random', 12), numbers: [row('errors', 0, 'count', '≤', 0)] };
    const [plot] = resiliencePlots({ ...report, runs: [calm] });
    expect(plot?.title).toBe('planted: what must not happen');
    expect(plot?.sentence).toBe('Of what must not happen, in all 1 runs: errors: none.');
  });
});
