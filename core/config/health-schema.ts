// How a pool's backends are probed, as configured: one check that every backend has to pass, and further ones beside
// it. Rules that span several fields are in health-rules.ts.
import { z } from 'zod';
import * as rules from './field-rules.ts';
import { REGIONS } from './regions.ts';
import { ruled } from './ruled.ts';

export const PROBE_METHODS = ['GET', 'HEAD', 'OPTIONS'] as const;
export const TIMEOUT_MS_DEFAULT = 2_000;
export const INTERVAL_MS_DEFAULT = 10_000;

const path = ruled(rules.requestPathProblem, 'Path of the probe, below the base path of the backend.');
const method = z.enum(PROBE_METHODS);
const timeoutMs = z.int().min(1).max(3_600_000);
const headerName = ruled(rules.probeHeaderNameProblem, 'Header name.');
const headerValue = ruled(rules.headerValueProblem, 'Header value.');
const headers = z.record(headerName, headerValue).describe('Sent with the probe; may name a Host.');
const followRedirects = z
  .boolean()
  .describe("Follows up to 5 redirects, within the backend's own origin only; elsewhere the probe fails.");

const expectation = z.strictObject({
  status: z
    .array(ruled(rules.statusRangeProblem, '`204`, `2xx` or `200-299`.'))
    .min(1)
    .max(32)
    .default(['2xx']),
  header: z
    .record(headerName, headerValue)
    .optional()
    .describe('Every header named must be there with exactly this value.'),
  body: z
    .string()
    .min(1)
    .max(4_096)
    .optional()
    .describe('Must occur in the first 64 KiB of the body, read as UTF-8.'),
});

/** A field left out is as in the pool's `health`; `expect` is taken whole. */
export const monitorSchema = z
  .strictObject({
    path: path.optional(),
    method: method.optional(),
    headers: headers.optional(),
    timeoutMs: timeoutMs.optional(),
    expect: expectation.optional(),
    followRedirects: followRedirects.optional(),
  })
  .describe(
    'A further check. What it leaves out is as in `health`; its `expect` replaces the whole of that.',
  );

export const healthSchema = z.strictObject({
  path,
  method: method.default('GET'),
  headers: headers.default({}),
  intervalMs: z.int().min(50).max(3_600_000).default(INTERVAL_MS_DEFAULT),
  timeoutMs: timeoutMs
    .default(TIMEOUT_MS_DEFAULT)
    .describe('Of one check, body included; at most the interval, and by default no more than it.'),
  rise: z.int().min(1).max(100).default(2).describe('Successes in a row until healthy.'),
  fall: z.int().min(1).max(100).default(3).describe('Failures in a row until unhealthy.'),
  expect: expectation.prefault({}),
  followRedirects: followRedirects.default(false),
  monitors: z
    .array(monitorSchema)
    .max(8)
    .default([])
    .describe('Further checks: a probe succeeds when `health` itself and all of these do.'),
  fastIntervalMs: z
    .int()
    .min(50)
    .max(3_600_000)
    .optional()
    .describe(
      'While a verdict is pending or an edge suspects the backend; by default 1000, or the interval.',
    ),
  vantages: z
    .array(z.enum(REGIONS))
    .max(8)
    .default([])
    .describe('Regions to probe from, each for itself: the majority decides. By default one, of no region.'),
  jitterRatio: z.number().min(0).max(0.5).default(0.1).describe('Probes come up to this much sooner.'),
  skipWhenTrafficProves: z
    .boolean()
    .default(false)
    .describe(
      'Spares up to nine probes in a row of a healthy backend that has answered a user with a status below 400 within the interval. Requests prove nothing of what `expect` and `monitors` look at besides; not with several vantages.',
    ),
  initial: z.enum(['healthy', 'unhealthy']).default('healthy').describe('What holds before a verdict.'),
});

export type HealthCheck = z.output<typeof healthSchema>;

/** What the one vantage of a pool is called that names no region. */
export const VANTAGE_DEFAULT = 'default';

/** From where a pool is probed, in the order of the configuration; at least one. */
export function vantagesOf({ vantages }: Pick<HealthCheck, 'vantages'>): readonly string[] {
  return vantages.length === 0 ? [VANTAGE_DEFAULT] : vantages;
}

/** One request of a probe and what its answer has to be. */
export type ProbeCheck = Pick<
  HealthCheck,
  'path' | 'method' | 'headers' | 'timeoutMs' | 'expect' | 'followRedirects'
>;

/** The pool's own check first, then its monitors with what they left out filled in. */
export function checksOf(health: HealthCheck): ProbeCheck[] {
  return [
    health,
    ...health.monitors.map((monitor) => ({
      path: monitor.path ?? health.path,
      method: monitor.method ?? health.method,
      headers: monitor.headers ?? health.headers,
      timeoutMs: monitor.timeoutMs ?? health.timeoutMs,
      expect: monitor.expect ?? health.expect,
      followRedirects: monitor.followRedirects ?? health.followRedirects,
    })),
  ];
}
