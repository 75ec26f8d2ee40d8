// One round of a pool's probes on demand: what its vantages see now, beside the verdicts that it does not change.
import { z } from '@hono/zod-openapi';
import { vantagesOf } from '../../core/config/health-schema.ts';
import type { ProbeRound } from '../../durable-objects/interfaces/health-monitor.ts';
import { joinRounds } from './join-rounds.ts';
import { json, type Operation, operation } from './operation.ts';
import { Problem } from './problem.ts';
import { askDirectory, reach } from './reach.ts';

/** The monitor begins no probe after 20 s. */
const ROUND_TIMEOUT_MS = 60_000;

const result = {
  ok: z.boolean(),
  status: z.int().nullable().describe('Of the last answer; null when there was none.'),
  error: z.string().nullable().describe('What was wrong; null when ok.'),
  tookMs: z.number(),
};

const probedSchema = z
  .object({
    pool: z.string(),
    version: z.int().describe('Of the configuration by which the backends were probed.'),
    backends: z.record(
      z.string(),
      z.object({
        ...result,
        vantages: z
          .record(z.string(), z.object(result))
          .describe('What each saw. Above is what the majority saw, or the first where there is none.'),
      }),
    ),
    unprobed: z.array(z.string()).describe('Backends that the time did not reach.'),
    silent: z.record(z.string(), z.string()).describe('Vantages that did not answer, and why.'),
  })
  .openapi('Probed');

export const PROBE_CALL: Operation = operation({
  method: 'POST',
  path: '/v1/pools/{pool}/probe',
  allowed: [],
  summary: 'Probes every backend of a pool once, disabled ones included; changes no verdict.',
  answers: { 200: { description: 'What the vantages saw.', schema: probedSchema } },
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
    const rounds: [string, ProbeRound][] = [];
    const silent: [string, Problem][] = [];
    await Promise.all(
      vantagesOf(definition.health).map(async (vantage) => {
        try {
          const round = await reach('monitor-unavailable', `probe pool "${pool}"`, ROUND_TIMEOUT_MS, () =>
            call.edge.healthMonitor(pool, vantage).probeOnce(definition, vantage),
          );
          rounds.push([vantage, round]);
        } catch (error) {
          if (!(error instanceof Problem)) throw error;
          silent.push([vantage, error]);
        }
      }),
    );
    const [first] = silent;
    if (rounds.length === 0 && first !== undefined) throw first[1];
    const order = vantagesOf(definition.health);
    rounds.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
    const ids = definition.backends.map(({ id }) => id);
    const whySilent = Object.fromEntries(silent.map(([vantage, { message }]) => [vantage, message]));
    return json({ pool, version, ...joinRounds(ids, rounds), silent: whySilent });
  },
});
