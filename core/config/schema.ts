// The configuration document: one schema that validates it and from which its types, its JSON Schema and the
// reference table are generated. Rules that span several fields are in cross-field.ts.
import { z } from 'zod';
import { affinitySchema } from './affinity-schema.ts';
import {
  circuitBreakerSchema,
  hedgeSchema,
  queueSchema,
  retryBudgetSchema,
  retrySchema,
  timeoutsSchema,
} from './attempts-schema.ts';
import * as rules from './field-rules.ts';
import { healthSchema } from './health-schema.ts';
import { backendId, poolName, regionName } from './names.ts';
import { originUrlProblem } from './origin-url.ts';
import { outlierSchema } from './outlier-schema.ts';
import { REGIONS } from './regions.ts';
import { routeSchema } from './route-schema.ts';
import { ruled } from './ruled.ts';
import { slowStartSchema, strategySchema } from './strategy-schema.ts';

export const BACKEND_STATES = ['active', 'draining', 'disabled'] as const;
export const backendSchema = z.strictObject({
  id: backendId.describe('Its identity: hashing, health and statistics follow it across changes of the URL.'),
  url: ruled(originUrlProblem, 'http(s) origin without credentials, with an optional base path.'),
  weight: z.number().min(0).max(1000).default(1),
  state: z.enum(BACKEND_STATES).default('active'),
  hostHeader: ruled(rules.hostProblem, "Host sent to the origin; by default the URL's.").optional(),
  priority: z
    .int()
    .min(0)
    .default(0)
    .describe(
      "Backends of the lowest are a pool's first tier; the next gets what spills over when that falls ill.",
    ),
  region: regionName.optional().describe("Where it stands, for the pool's `preferRegion`."),
  maxInFlight: z
    .int()
    .min(0)
    .max(1_000_000)
    .default(0)
    .describe('Requests in flight to it at once, of each edge; beyond them it is not tried. 0 = no cap.'),
});

export const poolSchema = z.strictObject({
  backends: z.array(backendSchema).max(5_000).default([]),
  strategy: strategySchema.prefault({}),
  overprovisioning: z
    .number()
    .min(1)
    .max(10)
    .default(1.4)
    .describe(
      'A tier keeps its traffic while its healthy share (by weight) times this is 1 or more; below, the next tiers ' +
        'take the rest.',
    ),
  preferRegion: z
    .boolean()
    .default(false)
    .describe(
      "Within a priority, backends nearer to the request are a tier before the others: the client's place as " +
        'Cloudflare tells it, else ROUNDEL_REGION; where neither is known, regions do not count.',
    ),
  slowStart: slowStartSchema.prefault({}),
  affinity: affinitySchema.prefault({}),
  fallbackPool: poolName
    .optional()
    .describe(
      'Takes the requests while no healthy backend of this pool may take one more; it may have a fallback of its own.',
    ),
  timeouts: timeoutsSchema.prefault({}),
  retry: retrySchema.prefault({}),
  retryBudget: retryBudgetSchema.prefault({}),
  hedge: hedgeSchema.prefault({}),
  queue: queueSchema.prefault({}),
  circuitBreaker: circuitBreakerSchema.prefault({}),
  health: healthSchema.optional().describe('Without it the backends are not probed.'),
  outlier: outlierSchema
    .prefault({})
    .describe('Which failures of real requests take a backend out, and for how long.'),
  panic: z
    .strictObject({
      threshold: z
        .number()
        .min(0)
        .max(1)
        .default(0.5)
        .describe(
          'Where less than this share is healthy, the other active backends are tried too, after these; 0 = never.',
        ),
    })
    .prefault({}),
});

export const shardsSchema = z
  .strictObject({
    count: z.int().min(1).max(256).default(4),
    replicas: z.literal([1, 3, 5]).default(3),
    regions: z
      .array(z.enum(REGIONS))
      .min(1)
      .max(5)
      .default(['enam', 'wnam', 'weur'])
      .describe('One per replica.'),
  })
  .describe('Fixed once the state is in use.');

export const stalenessSchema = z.strictObject({
  boundMs: z
    .int()
    .min(1_000)
    .max(60_000)
    .default(5_000)
    .describe(
      'How old what `bounded` and `session` reads show may be, copies in the memory of isolates included. A lower one ' +
        'holds once what was read under the old one has run out; strict purges wait for that too.',
    ),
});

/** An isolate has 128 MiB for all that it does. */
export const l1Schema = z.strictObject({
  bytesMax: z
    .int()
    .min(0)
    .max(100_663_296)
    .default(33_554_432)
    .describe(
      'Cached responses kept in the memory of each isolate, for the time of the staleness bound; 0 = none.',
    ),
});

export const configSchema = z.strictObject({
  pools: z.record(poolName, poolSchema).default({}),
  routes: z.array(routeSchema).max(10_000).default([]).describe('In order; the first match wins.'),
  shards: shardsSchema.prefault({}),
  staleness: stalenessSchema.prefault({}),
  l1: l1Schema.prefault({}),
});

/** The document as its author wrote it: defaults are not filled in. */
export type ConfigDocument = z.input<typeof configSchema>;
/** The document as the edge uses it: validated, every default filled in. */
export type Config = z.output<typeof configSchema>;
export type Pool = Config['pools'][string];
export type Backend = Pool['backends'][number];
export type BackendState = Backend['state'];
export type Strategy = Pool['strategy'];
export type { HealthCheck } from './health-schema.ts';
export type Route = Config['routes'][number];
export type ShardsConfig = Config['shards'];

/** JSON Schema (draft 2020-12) of the document as it is sent. */
export function configJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(configSchema, { io: 'input' });
}
