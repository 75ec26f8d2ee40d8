// Health as the edges act on it (the Directory's verdicts) beside what the monitors last saw. A monitor that does not
// answer is said to be silent: its pool's verdicts still hold.
import { z } from '@hono/zod-openapi';
import type { Config, Pool } from '../../core/config/schema.ts';
import type { BackendProbeState, HealthVerdict } from '../../durable-objects/interfaces.ts';
import { type Call, json, type Operation, operation } from './operation.ts';
import { Problem } from './problem.ts';
import { askDirectory, reach } from './reach.ts';

const MONITOR_TIMEOUT_MS = 2_000;
const VANTAGE = 'default';

const state = z.enum(['healthy', 'unhealthy', 'unknown']);

const healthSchema = z
  .object({
    epoch: z.int(),
    pools: z.record(
      z.string(),
      z.object({
        backends: z.record(
          z.string(),
          z.object({
            state,
            administrative: z.enum(['active', 'draining', 'disabled']),
            since: z.int().nullable().describe('Epoch ms of the verdict; null before the first.'),
            epoch: z.int().describe('Of the verdict; 0 before the first.'),
            vantages: z.record(
              z.string(),
              z.object({
                state,
                lastProbeAt: z.int().nullable().describe('Epoch ms.'),
                lastError: z.string().nullable(),
              }),
            ),
            ejectedUntil: z.int().nullable().describe('Epoch ms.'),
            reason: z.string(),
          }),
        ),
      }),
    ),
  })
  .openapi('Health');

type PoolHealth = z.output<typeof healthSchema>['pools'][string];
type Probes = { readonly type: 'seen'; readonly states: Record<string, BackendProbeState> } | Silent;
type Silent = { readonly type: 'silent'; readonly why: string };

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
        const probes = pool.health ? await probesOf(call, name) : null;
        return [name, poolHealth(pool, verdicts, probes)] as const;
      }),
    );
    return json({ epoch: answer.healthEpoch, pools: Object.fromEntries(pools) });
  },
});

async function probesOf(call: Call<unknown, unknown>, pool: string): Promise<Probes> {
  try {
    const states = await reach('directory-unavailable', 'ask the monitor', MONITOR_TIMEOUT_MS, () =>
      call.edge.healthMonitor(pool).status(),
    );
    return { type: 'seen', states };
  } catch (error) {
    if (error instanceof Problem) return { type: 'silent', why: error.message };
    throw error;
  }
}

/** `probes` null: the pool is not probed. Backend ids are free text: looked up as own members only. */
export function poolHealth(
  pool: Pick<Config['pools'][string], 'backends' | 'health'>,
  verdicts: Record<string, HealthVerdict>,
  probes: Probes | null,
): PoolHealth {
  return {
    backends: Object.fromEntries(
      pool.backends.map((backend) => {
        const verdict = Object.hasOwn(verdicts, backend.id) ? verdicts[backend.id] : undefined;
        return [
          backend.id,
          {
            ...judgement(pool, verdict),
            administrative: backend.state,
            vantages: probes ? { [VANTAGE]: vantage(probes, backend.id) } : {},
            ejectedUntil: null,
          },
        ];
      }),
    ),
  };
}

function judgement(pool: Pick<Pool, 'health'>, verdict: HealthVerdict | undefined) {
  if (!pool.health) return { state: 'unknown' as const, since: null, epoch: 0, reason: 'not probed' };
  if (!verdict) return { state: pool.health.initial, since: null, epoch: 0, reason: 'no verdict yet' };
  const { state, since, epoch, reason } = verdict;
  return { state, since, epoch, reason };
}

function vantage(probes: Probes, backend: string) {
  const nothing = { state: 'unknown' as const, lastProbeAt: null };
  if (probes.type === 'silent') return { ...nothing, lastError: probes.why };
  const seen = Object.hasOwn(probes.states, backend) ? probes.states[backend] : undefined;
  if (!seen) return { ...nothing, lastError: null };
  return { state: seen.state, lastProbeAt: seen.lastProbeAt, lastError: seen.lastError };
}
