// What `GET health` gathers: verdicts from the Directory, and from each monitor of each pool what it last saw.
import { vantagesOf } from '../../core/config/health-schema.ts';
import { ejectedUntil } from '../data-plane/ejections.ts';
import { healthSchema, type Probes, poolHealth } from './describe-health.ts';
import { type Call, json, type Operation, operation } from './operation.ts';
import { Problem } from './problem.ts';
import { askDirectory, reach } from './reach.ts';

const MONITOR_TIMEOUT_MS = 2_000;

export const HEALTH_CALL: Operation = operation({
  method: 'GET',
  path: '/v1/health',
  allowed: ['read'],
  summary: 'Verdicts on all backends, and what the monitors last saw.',
  answers: { 200: { description: 'By pool and backend.', schema: healthSchema } },
  async handle(call) {
    const answer = await askDirectory(call, 'read the health', (directory) =>
      directory.snapshot({ version: 0, healthEpoch: -1, mapEpoch: -1 }),
    );
    const { config, health } = answer;
    if (!config || !health)
      throw new Error('Cannot show the health: the directory left out what was asked for');
    const pools = await Promise.all(
      Object.entries(config.pools).map(async ([name, pool]) => {
        const verdicts = Object.hasOwn(health, name) ? (health[name] ?? {}) : {};
        const vantages = pool.health ? vantagesOf(pool.health) : [];
        const probes = await Promise.all(
          vantages.map(async (vantage) => [vantage, await probesOf(call, name, vantage)] as const),
        );
        return [name, poolHealth(pool, verdicts, probes, ejectionsOf(call, name))] as const;
      }),
    );
    return json({ epoch: answer.healthEpoch, pools: Object.fromEntries(pools) });
  },
});

/** What this edge knows by itself; of a pool that it has not used yet, nothing. */
function ejectionsOf({ edge }: Call<unknown, unknown>, name: string): (backend: string) => number | null {
  const snapshot = edge.snapshots.peek();
  const pool = snapshot && edge.pools.get(snapshot, name);
  if (!pool) return () => null;
  return (backend) => ejectedUntil(snapshot, pool, backend, edge.now());
}

async function probesOf(call: Call<unknown, unknown>, pool: string, vantage: string): Promise<Probes> {
  try {
    const states = await reach('directory-unavailable', 'ask the monitor', MONITOR_TIMEOUT_MS, () =>
      call.edge.healthMonitor(pool, vantage).status(),
    );
    return { type: 'seen', states };
  } catch (error) {
    if (error instanceof Problem) return { type: 'silent', why: error.message };
    throw error;
  }
}
