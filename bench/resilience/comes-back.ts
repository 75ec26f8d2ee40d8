// (e) A backend that was dead comes back under load: it begins with a tenth of its share, the ledger shows the share
// grow to a fair one within the slow start's window, and no user notices anything.
import { row } from '../number-row.ts';
import { failures, fairness, fairnessPerSecond } from './figures.ts';
import {
  arrivals,
  documentOf,
  load,
  PROBE_PATH,
  prepare,
  type Run,
  type Stand,
  type StrategyType,
  untilReason,
} from './stand.ts';
import { pause } from './until.ts';

/** Long enough to tell shares of 200 requests/s apart from chance: 600 requests, deviation 7 % of a fair share. */
const FAIR_FOR_MS = 3_000;

export async function comesBack(stand: Stand, strategy: StrategyType): Promise<Run> {
  const { origins, quick, victim } = stand;
  const windowMs = quick ? 5_000 : 10_000;
  const settings = {
    health: { path: PROBE_PATH, intervalMs: 2_000, fastIntervalMs: 200 },
    slowStart: { windowMs },
  };
  await prepare(stand, documentOf(stand, `back-${strategy}`, strategy, settings));
  const loop = await load(stand);
  // The retries' budget grows with the requests: it is not what is measured.
  await pause(1_000);
  await victim.kill();
  await untilReason(stand, victim.name, ['unhealthy']);
  await victim.revive();
  await untilReason(stand, victim.name, ['healthy', 'warming-up', 'ejected']);
  // From its return, not from its first request: who learns latencies may leave it alone at first.
  const backAt = Date.now();
  await pause(windowMs + FAIR_FOR_MS + 1_000);
  const { requests } = await loop.stop();
  // Its ledger begins with its second life.
  const [own, all] = [await arrivals([victim]), await arrivals(origins)];
  const shareOf = (fromMs: number, toMs: number): number =>
    fairness(own, all, origins.length, backAt + fromMs, backAt + toMs);
  const perSecond = fairnessPerSecond(own, all, origins.length, backAt, windowMs / 1_000 + 3);
  return {
    scenario: 'a dead backend comes back, slow start',
    strategy,
    numbers: [
      // Of one of four at a warmth of 0.1 to 0.28: 0.24 on average.
      row('its share in the first fifth of the window', shareOf(0, windowMs / 5), '×', '≤', 0.5),
      row('its share after the window', shareOf(windowMs, windowMs + FAIR_FOR_MS), '×', '≥', 0.75),
      row('client errors', failures(requests), 'count', '≤', 0),
      row('its first request after', Math.max(0, Math.min(...own) - backAt), 'ms'),
    ],
    notes: [`share second by second: ${perSecond.map((part) => part.toFixed(2)).join(' ')}`],
  };
}
