// A pool's health as `GET health` shows it: the Directory's verdicts, by which the edges act, beside what each vantage
// last saw. A monitor that does not answer is said to be silent: its pool's verdicts still hold.
import { z } from '@hono/zod-openapi';
import type { Config, Pool } from '../../core/config/schema.ts';
import type { HealthVerdict } from '../../durable-objects/interfaces/directory.ts';
import type { BackendProbeState } from '../../durable-objects/interfaces/health-monitor.ts';

const state = z.enum(['healthy', 'unhealthy', 'unknown']);

export const healthSchema = z
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
              z.string().describe('A region, or "default" where the pool names none.'),
              z.object({
                state,
                lastProbeAt: z.int().nullable().describe('Epoch ms.'),
                lastError: z.string().nullable(),
                lastProofAt: z
                  .int()
                  .nullable()
                  .describe('When a request of a user stood in for a probe last, epoch ms; null: never yet.'),
              }),
            ),
            ejectedUntil: z
              .int()
              .nullable()
              .describe(
                'Epoch ms until which the edge that answers keeps it out, after failures of its own.',
              ),
            reason: z.string(),
          }),
        ),
      }),
    ),
  })
  .openapi('Health');

type PoolHealth = z.output<typeof healthSchema>['pools'][string];
export type Probes = { readonly type: 'seen'; readonly states: Record<string, BackendProbeState> } | Silent;
type Silent = { readonly type: 'silent'; readonly why: string };

/** `probes`: by vantage, none where the pool is not probed; `ejectedUntil` as one edge knows it. Backend ids are free text: looked up as own members only. */
export function poolHealth(
  pool: Pick<Config['pools'][string], 'backends' | 'health'>,
  verdicts: Record<string, HealthVerdict>,
  probes: readonly (readonly [vantage: string, probes: Probes])[],
  ejectedUntil: (backend: string) => number | null = () => null,
): PoolHealth {
  return {
    backends: Object.fromEntries(
      pool.backends.map((backend) => {
        const verdict = Object.hasOwn(verdicts, backend.id) ? verdicts[backend.id] : undefined;
        return [
          backend.id,
          {
            ...withProof(judgement(pool, verdict), probes, backend.id),
            administrative: backend.state,
            vantages: Object.fromEntries(probes.map(([name, seen]) => [name, vantage(seen, backend.id)])),
            ejectedUntil: ejectedUntil(backend.id),
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

/** Why the last probe may be older than the interval. */
function withProof<J extends { readonly state: string; readonly reason: string }>(
  judged: J,
  probes: readonly (readonly [vantage: string, probes: Probes])[],
  backend: string,
): J {
  const isProved = probes.some(([, seen]) => {
    const { lastProbeAt, lastProofAt } = vantage(seen, backend);
    return lastProofAt !== null && lastProofAt > (lastProbeAt ?? 0);
  });
  if (judged.state !== 'healthy' || !isProved) return judged;
  return { ...judged, reason: `${judged.reason}; since the last probe proved by traffic` };
}

function vantage(probes: Probes, backend: string) {
  const nothing = { state: 'unknown' as const, lastProbeAt: null, lastProofAt: null };
  if (probes.type === 'silent') return { ...nothing, lastError: probes.why };
  const seen = Object.hasOwn(probes.states, backend) ? probes.states[backend] : undefined;
  if (!seen) return { ...nothing, lastError: null };
  const { state, lastProbeAt, lastError, lastProofAt = null } = seen;
  return { state, lastProbeAt, lastError, lastProofAt };
}
