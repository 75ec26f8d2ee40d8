// (d) Every backend is dead: the retry budget keeps the edge from beating them with more than a little over what
// users ask for.
import { row } from '../number-row.ts';
import { failures } from './figures.ts';
import { documentOf, load, PROBE_PATH, prepare, type Run, type Stand, type StrategyType } from './stand.ts';
import { pause } from './until.ts';

export async function allDown(stand: Stand, strategy: StrategyType): Promise<Run> {
  const { quick, origins } = stand;
  // One attempt for each backend: as eager as it can be made.
  const settings = {
    health: { path: PROBE_PATH, intervalMs: 1_000 },
    retry: { attemptsMax: origins.length },
  };
  await prepare(stand, documentOf(stand, `down-${strategy}`, strategy, settings));
  const doors = await Promise.all(origins.map((origin) => origin.kill()));
  const loop = await load(stand);
  await pause(quick ? 10_000 : 30_000);
  const { requests } = await loop.stop();
  const attempts = doors
    .flatMap(({ visitors }) => visitors)
    .filter(({ head }) => /^GET \/user\//.test(head)).length;
  return {
    scenario: 'all backends are down',
    strategy,
    numbers: [
      row('attempts a request', attempts / requests.length, '×', '≤', 1.25),
      row('requests', requests.length, 'count'),
      row('client errors', failures(requests), 'count'),
    ],
    notes: [],
  };
}
