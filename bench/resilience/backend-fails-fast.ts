// (b) One backend answers 503 in 1 ms while the others take 20 ms: without ejections a strategy that looks at load
// must not be drawn to it, and with them every strategy leaves it alone soon.
import { failFast, slow } from '../../origin-mock/recipes.ts';
import { row } from '../number-row.ts';
import { countBetween, failures, fairness, fairnessPerSecond, lastAfterMs } from './figures.ts';
import {
  arrivals,
  documentOf,
  LOAD_AWARE,
  load,
  PROBE_PATH,
  prepare,
  type Run,
  reasonOf,
  type Stand,
  type StrategyType,
} from './stand.ts';
import { pause } from './until.ts';

const LATENCY_MS = 20;
const probesPass = { on: PROBE_PATH, answer: '200' };

async function healthyForASecond(stand: Stand) {
  await Promise.all(stand.origins.map((origin) => origin.script(slow(LATENCY_MS, '/user/*'))));
  const loop = await load(stand);
  await pause(1_000);
  await stand.victim.script(probesPass, failFast());
  return { loop, failingAt: Date.now() };
}

export async function backendFailsFast(stand: Stand, strategy: StrategyType): Promise<Run> {
  const { origins, quick, victim } = stand;
  // Neither ejections nor retries: the strategy alone.
  const settings = { retry: { attemptsMax: 1 }, outlier: { maxEjectedRatio: 0 } };
  await prepare(stand, documentOf(stand, `fast-${strategy}`, strategy, settings, victim));
  const { loop, failingAt } = await healthyForASecond(stand);
  const seconds = quick ? 3 : 6;
  await pause(1_000 * seconds);
  const endedAt = Date.now();
  await loop.stop();
  const [own, all] = [await arrivals([victim]), await arrivals(origins)];
  const share = fairness(own, all, origins.length, failingAt + 1_000, endedAt);
  const perSecond = fairnessPerSecond(own, all, origins.length, failingAt - 1_000, seconds + 1);
  const figure = 'its share after 1 s, against a fair one';
  return {
    scenario: 'one backend fails fast, no ejections',
    strategy,
    numbers: [LOAD_AWARE.includes(strategy) ? row(figure, share, '×', '≤', 1.2) : row(figure, share, '×')],
    notes: [`share second by second, from one before: ${perSecond.map((part) => part.toFixed(2)).join(' ')}`],
  };
}

export async function failsFastAndIsEjected(stand: Stand, strategy: StrategyType): Promise<Run> {
  const { quick, victim } = stand;
  const health = { path: PROBE_PATH, intervalMs: 3_600_000 };
  await prepare(stand, documentOf(stand, `eject-${strategy}`, strategy, { health }, victim));
  const { loop, failingAt } = await healthyForASecond(stand);
  await pause(quick ? 2_000 : 4_000);
  const reason = await reasonOf(stand, victim.name);
  const { requests } = await loop.stop();
  const own = await arrivals([victim]);
  return {
    scenario: 'one backend fails fast, ejections and retries as by default',
    strategy,
    numbers: [
      row('last request to it', lastAfterMs(own, failingAt), 'ms', '≤', 1_000),
      row('requests to it', countBetween(own, failingAt, Number.POSITIVE_INFINITY), 'count'),
      row('client errors', failures(requests), 'count'),
    ],
    notes: [`explain calls it ${reason}`],
  };
}
