// The configuration document: one schema that validates it and from which its types, its JSON Schema and the
// reference table are generated.
import { z } from 'zod';

const name = z.string().regex(/^[a-z0-9-]{1,64}$/, 'must be 1–64 of a–z, 0–9 and "-"');
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
] as const;
export const STRATEGY_KEYS = ['client-ip', 'path', 'url'] as const;

export const backendSchema = z.strictObject({
  id: backendId,
  url: z.string(),
  weight: z.number().min(0).max(1000).default(1),
  state: z.enum(BACKEND_STATES).default('active'),
  hostHeader: z.string().optional(),
});

export const strategySchema = z.strictObject({
  type: z.enum(STRATEGY_TYPES).default('round-robin'),
  key: z.array(z.enum(STRATEGY_KEYS)).min(1).default(['client-ip']),
  maxShare: z.number().min(1.01).max(2).default(1.1),
  hashSeed: z.int().default(0),
});

export const healthSchema = z.strictObject({
  path: z.string(),
  method: z.enum(['GET', 'HEAD', 'OPTIONS']).default('GET'),
  headers: z.record(z.string(), z.string()).default({}),
  intervalMs: milliseconds.default(10_000),
  timeoutMs: milliseconds.default(2_000),
  rise: z.int().min(1).max(100).default(2),
  fall: z.int().min(1).max(100).default(3),
  expect: z
    .strictObject({ status: z.array(z.string()).min(1).default(['2xx']) })
    .default({ status: ['2xx'] }),
  initial: z.enum(['healthy', 'unhealthy']).default('healthy'),
});

export const poolSchema = z.strictObject({
  backends: z.array(backendSchema).default([]),
  strategy: strategySchema.prefault({}),
  timeouts: z
    .strictObject({ totalMs: milliseconds.default(60_000), attemptMs: milliseconds.default(30_000) })
    .prefault({}),
  retry: z.strictObject({ attemptsMax: z.int().min(1).max(10).default(2) }).prefault({}),
  health: healthSchema.optional(),
});

export const routeSchema = z.strictObject({
  id: z.string().min(1).max(128),
  match: z
    .strictObject({
      hosts: z.array(z.string()).default([]),
      paths: z.array(z.string()).default([]),
      methods: z.array(z.string()).default([]),
    })
    .prefault({}),
  pool: name,
  request: z
    .strictObject({
      trustedProxies: z.array(z.string()).default([]),
      setHeaders: z.record(z.string(), z.string()).default({}),
      removeHeaders: z.array(z.string()).default([]),
      stripPathPrefix: z.string().default(''),
      addPathPrefix: z.string().default(''),
    })
    .prefault({}),
  response: z
    .strictObject({
      setHeaders: z.record(z.string(), z.string()).default({}),
      removeHeaders: z.array(z.string()).default([]),
      exposeBackend: z.boolean().default(false),
    })
    .prefault({}),
  cache: z
    .strictObject({
      enabled: z.boolean().default(false),
      maxObjectBytes: z.int().min(1).max(26_214_400).default(2_097_152),
    })
    .prefault({}),
});

export const shardsSchema = z.strictObject({
  count: z.int().min(1).max(256).default(4),
  replicas: z.union([z.literal(1), z.literal(3), z.literal(5)]).default(3),
  regions: z.array(z.string()).default(['enam', 'wnam', 'weur']),
});

export const configSchema = z.strictObject({
  pools: z.record(name, poolSchema).default({}),
  routes: z.array(routeSchema).default([]),
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
export type HealthCheck = NonNullable<Pool['health']>;
export type Route = Config['routes'][number];
export type ShardsConfig = Config['shards'];
