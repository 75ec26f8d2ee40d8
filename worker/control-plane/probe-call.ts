// One round of a pool's probes on demand: what the monitor sees now, beside the verdicts that it does not change.
import { z } from '@hono/zod-openapi';
import { json, type Operation, operation } from './operation.ts';
import { Problem } from './problem.ts';
import { askDirectory, reach } from './reach.ts';

/** The monitor begins no probe after 20 s. */
const ROUND_TIMEOUT_MS = 60_000;

const probedSchema = z
  .object({
    pool: z.string(),
    version: z.int().describe('Of the configuration by which the backends were probed.'),
    backends: z.record(
      z.string(),
      z.object({
        ok: z.boolean(),
        status: z.int().nullable().describe('Of the last answer; null when there was none.'),
        error: z.string().nullable().describe('What was wrong; null when ok.'),
        tookMs: z.number(),
      }),
    ),
    unprobed: z.array(z.string()).describe('Backends that the time did not reach.'),
  })
  .openapi('Probed');

export const PROBE_CALL: Operation = operation({
  method: 'POST',
  path: '/v1/pools/{pool}/probe',
  allowed: [],
  summary: 'Probes every backend of a pool once, disabled ones included; changes no verdict.',
  answers: { 200: { description: 'What the monitor saw.', schema: probedSchema } },
  async handle(call) {
    const pool = call.path.pool ?? '';
    const { version, config } = await askDirectory(call, 'read the configuration', (directory) =>
      directory.snapshot({ version: 0, healthEpoch: 0, mapEpoch: 0 }),
    );
    const definition = config && Object.hasOwn(config.pools, pool) ? config.pools[pool] : undefined;
    if (!definition) throw new Problem('not-found', `There is no pool "${pool}"`);
    if (!definition.health) {
      throw new Problem('invalid', `Cannot probe pool "${pool}": it has no health definition`);
    }
    const round = await reach('monitor-unavailable', `probe pool "${pool}"`, ROUND_TIMEOUT_MS, () =>
      call.edge.healthMonitor(pool).probeOnce(definition),
    );
    return json({ pool, version, backends: round.results, unprobed: round.unprobed });
  },
});
