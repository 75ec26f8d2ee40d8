// The configuration document: one schema that validates it and from which its types, its JSON Schema and the
// reference table are generated. Rules that span several fields are in cross-field.ts.
import { z } from 'zod';
import * as rules from './field-rules.ts';
import { healthSchema } from './health-schema.ts';
import { originUrlProblem } from './origin-url.ts';
import { outlierSchema } from './outlier-schema.ts';
import { ruled } from './ruled.ts';

const name = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, 'must be 1–64 of a–z, 0–9 and "-"')
  .describe('Name of a pool.');
const backendId = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1–64 of A–Z, a–z, 0–9, ".", "_" and "-"');
const milliseconds = z.int().min(1).max(3_600_000);

export const BACKEND_STATES = ['active', 'draining', 'disabled'] as const;
export const STRATEGY_TYPES = [
  'round-robin',
  'random',
  'weighted-round-robin',
  'weighted-random',
  'consistent-hash',
  'maglev',
  'rendezvous',
  'first-available',
  'least-requests',
] as const;
/** Where a Durable Object can be asked to live; the first three are the default of `shards.regions`. */
export const REGIONS = [
  'enam',
  'wnam',
  'weur',
  'eeur',
  'apac',
  'apac-ne',
  'apac-se',
  'sam',
  'oc',
  'afr',
  'me',
] as const;

export const backendSchema = z.strictObject({
  id: backendId.describe('Its identity: hashing, health and statistics follow it across changes of the URL.'),
  url: ruled(originUrlProblem, 'http(s) origin without credentials, with an optional base path.'),
  weight: z.number().min(0).max(1000).default(1),
  state: z.enum(BACKEND_STATES).default('active'),
  hostHeader: ruled(rules.hostProblem, "Host sent to the origin; by default the URL's.").optional(),
});

export const strategySchema = z.strictObject({
  type: z.enum(STRATEGY_TYPES).default('round-robin'),
  key: z
    .array(
      ruled(
        rules.strategyKeyProblem,
        '`client-ip`, `path`, `url`, `query:NAME`, `header:NAME` or `cookie:NAME`.',
      ),
    )
    .min(1)
    .max(8)
    .default(['client-ip'])
    .describe('What the hashing strategies hash: the first that the request has.'),
  maxShare: z
    .number()
    .min(1.01)
    .max(2)
    .default(1.1)
    .describe('Largest share against the average, consistent-hash only.'),
  hashSeed: z.int().default(0),
});

export const poolSchema = z.strictObject({
  backends: z.array(backendSchema).max(5_000).default([]),
  strategy: strategySchema.prefault({}),
  timeouts: z
    .strictObject({
      totalMs: milliseconds.default(60_000).describe('For the whole request; the smaller of both rules.'),
      attemptMs: milliseconds.default(30_000).describe('Until the headers of one attempt.'),
    })
    .prefault({}),
  retry: z
    .strictObject({
      attemptsMax: z
        .int()
        .min(1)
        .max(10)
        .default(2)
        .describe('1 = one request to an origin, never repeated.'),
    })
    .prefault({}),
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

export const routeSchema = z.strictObject({
  id: z.string().min(1).max(128),
  match: z
    .strictObject({
      hosts: z.array(ruled(rules.hostGlobProblem, 'Host name, `*` globs.')).max(1_000).default([]),
      paths: z.array(ruled(rules.pathGlobProblem, 'Path, `*` globs.')).max(1_000).default([]),
      methods: z.array(ruled(rules.methodGlobProblem, 'Method, `*` globs.')).max(100).default([]),
    })
    .prefault({})
    .describe('An empty list matches all.'),
  pool: name,
  request: z
    .strictObject({
      trustedProxies: z
        .array(ruled(rules.addressRangeProblem, 'IP address or CIDR range whose X-Forwarded-* is believed.'))
        .max(1_000)
        .default([]),
      setHeaders: z
        .record(
          ruled(rules.requestHeaderNameProblem, 'Header name.'),
          ruled(rules.headerValueProblem, 'Header value.'),
        )
        .default({}),
      removeHeaders: z.array(ruled(rules.requestHeaderNameProblem, 'Header name.')).max(100).default([]),
      stripPathPrefix: ruled(rules.pathPrefixProblem, 'Path prefix, or empty.').default(''),
      addPathPrefix: ruled(rules.pathPrefixProblem, 'Path prefix, or empty.').default(''),
    })
    .prefault({}),
  response: z
    .strictObject({
      setHeaders: z
        .record(
          ruled(rules.responseHeaderNameProblem, 'Header name.'),
          ruled(rules.headerValueProblem, 'Header value.'),
        )
        .default({}),
      removeHeaders: z.array(ruled(rules.responseHeaderNameProblem, 'Header name.')).max(100).default([]),
      exposeBackend: z.boolean().default(false).describe('Adds Roundel-Backend to responses.'),
    })
    .prefault({}),
  cache: z
    .strictObject({
      enabled: z.boolean().default(false),
      maxObjectBytes: z.int().min(1).max(26_214_400).default(2_097_152),
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

export const configSchema = z.strictObject({
  pools: z.record(name, poolSchema).default({}),
  routes: z.array(routeSchema).max(10_000).default([]).describe('In order; the first match wins.'),
  shards: shardsSchema.prefault({}),
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
