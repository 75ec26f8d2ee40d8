// (a) `kill -9` of one of four backends: no user notices, and within a second nobody sends it anything new.
import { row } from '../number-row.ts';
import { failures, lastAfterMs } from './figures.ts';
import {
  documentOf,
  load,
  PROBE_PATH,
  prepare,
  type Run,
  reasonOf,
  type Stand,
  type StrategyType,
} from './stand.ts';
import { pause } from './until.ts';

const scenario = 'one backend dies';

export async function backendDies(stand: Stand, strategy: StrategyType): Promise<Run> {
  const { quick, victim } = stand;
  // No probe of the interval comes: what is known, users' requests have made known.
  const health = { path: PROBE_PATH, intervalMs: 3_600_000 };
  await prepare(stand, documentOf(stand, `dies-${strategy}`, strategy, { health }, victim));
  const loop = await load(stand);
  await pause(1_000);
  const killedAt = Date.now();
  const { visitors } = await victim.kill();
  // Who came before the doorkeeper was there was refused and seen by nobody: they count as late as they can have been.
  const unseenMs = Date.now() - killedAt;
  await pause(quick ? 2_000 : 5_000);
  const reason = await reasonOf(stand, victim.name);
  const { requests } = await loop.stop();
  const users = visitors.filter(({ head }) => /^GET \/user\//.test(head)).map(({ at }) => at);
  return {
    scenario,
    strategy,
    numbers: [
      row('client errors', failures(requests), 'count', '≤', 0),
      row('last request to it', Math.max(unseenMs, lastAfterMs(users, killedAt)), 'ms', '≤', 1_000),
      row('requests seen there after its death', users.length, 'count'),
      row('requests', requests.length, 'count'),
    ],
    notes: [`explain calls it ${reason}`],
  };
}
