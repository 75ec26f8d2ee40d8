// (c) One backend takes 20 times as long as the others: with hedging its slowness stays its own, and what that costs
// stays within the budget, whatever the strategy.
import { slow } from '../../origin-mock/recipes.ts';
import { row } from '../number-row.ts';
import { countBetween, failures, quantileOfSeconds } from './figures.ts';
import {
  arrivals,
  documentOf,
  LOAD_AWARE,
  load,
  prepare,
  type Run,
  type Stand,
  type StrategyType,
} from './stand.ts';
import { pause } from './until.ts';

const LATENCY_MS = 20;
const TIMES = 20;
const BUDGET_RATIO = 0.2;

export async function backendIsSlow(stand: Stand, strategy: StrategyType): Promise<Run> {
  const { origins, quick, victim } = stand;
  const settings = { hedge: { enabled: true }, retryBudget: { ratio: BUDGET_RATIO } };
  await prepare(stand, documentOf(stand, `slow-${strategy}`, strategy, settings, victim));
  await Promise.all(origins.map((origin) => origin.script(slow(LATENCY_MS, '/user/*'))));
  const healthyMs = quick ? 3_000 : 5_000;
  const loop = await load(stand);
  await pause(healthyMs);
  await victim.script(slow(TIMES * LATENCY_MS, '/user/*'));
  const slowAt = Date.now();
  await pause(quick ? 4_000 : 12_000);
  const endedAt = Date.now();
  const { requests } = await loop.stop();
  // The first second of each part is for learning: what is usual, and that it is so no more.
  const healthy = { fromAt: slowAt - healthyMs + 1_000, toAt: slowAt };
  const slowed = { fromAt: slowAt + 1_000, toAt: endedAt };
  const [healthyMedian, healthyP95, healthyP99] = [0.5, 0.95, 0.99].map((q) =>
    quantileOfSeconds(requests, healthy, q),
  ) as [number, number, number];
  const p99 = quantileOfSeconds(requests, slowed, 0.99);
  const times = p99 / healthyP95;
  const later = requests.filter(({ at }) => at >= slowed.fromAt && at < slowed.toAt);
  const attempts = (await arrivals(origins)).length;
  const own = countBetween(await arrivals([victim]), slowed.fromAt, slowed.toAt);
  const figure = 'p99 against the healthy p95';
  return {
    scenario: 'one backend is 20 × slower, hedging',
    strategy,
    numbers: [
      LOAD_AWARE.includes(strategy) ? row(figure, times, '×', '≤', 2) : row(figure, times, '×'),
      row('hedged', (attempts - requests.length) / requests.length, 'ratio', '≤', BUDGET_RATIO),
      row('its share of the requests', own / later.length, 'ratio'),
      row('healthy p95', healthyP95, 'ms'),
      row('p99', p99, 'ms'),
      // Above 2 the machine itself is too uneven for the goal to mean anything.
      row('healthy p99 against the p95', healthyP99 / healthyP95, '×'),
      // A hedge leaves after the healthy p95 and then takes as long as any other request.
      row('the least with a hedge, against the p95', 1 + healthyMedian / healthyP95, '×'),
      row('client errors', failures(requests), 'count', '≤', 0),
    ],
    notes: [],
  };
}
