// When failures that users meet take a backend out for a while, as configured. Always on: `maxEjectedRatio` 0 or
// thresholds of 0 turn it off.
import { z } from 'zod';
import { member } from './json.ts';
import type { Path, Refuse } from './refuse.ts';
import type { Config } from './schema.ts';

const EJECTION_MS_MAX = 86_400_000;
const MAX_EJECTION_MS_DEFAULT = 300_000;
const inARow = z.int().min(0).max(1_000_000);

export const outlierSchema = z.strictObject({
  consecutiveGatewayErrors: inARow
    .default(5)
    .describe('502, 503, 504 or no answer in time, in a row; 0 = never ejects.'),
  consecutiveLocalErrors: inARow
    .default(5)
    .describe('Connections that failed or gave no HTTP, in a row; 0 = never ejects.'),
  failureRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.85)
    .describe('Of the requests of an interval; 0 = never ejects.'),
  deviation: z
    .number()
    .min(0)
    .max(10)
    .default(1.9)
    .describe('Standard deviations below the mean success rate, of at least 5 backends; 0 = never ejects.'),
  minRequests: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(100)
    .describe('Of one backend in one interval, before ratio and deviation say anything.'),
  intervalMs: z.int().min(50).max(3_600_000).default(10_000),
  baseEjectionMs: z
    .int()
    .min(1)
    .max(EJECTION_MS_MAX)
    .default(30_000)
    .describe('Times the number of ejections, and up to a tenth longer by chance.'),
  maxEjectionMs: z.int().min(1).max(EJECTION_MS_MAX).default(MAX_EJECTION_MS_DEFAULT),
  maxEjectedRatio: z
    .number()
    .min(0)
    .max(1)
    .default(0.1)
    .describe('Of the pool, but always one backend unless it is the last; 0 = ejects nobody.'),
});

/** `path` leads to `outlier`. */
export function refuseImpossibleOutlier(outlier: unknown, path: Path, refuse: Refuse): void {
  const baseMs = member(outlier, 'baseEjectionMs');
  const maxMs = member(outlier, 'maxEjectionMs') ?? MAX_EJECTION_MS_DEFAULT;
  if (typeof baseMs === 'number' && typeof maxMs === 'number' && baseMs > maxMs) {
    refuse([...path, 'baseEjectionMs'], `must be at most maxEjectionMs, ${maxMs} ms`);
  }
}

/** A first ejection that is not given is no longer than the longest. */
export function withFittingEjections<P extends Pick<Config['pools'][string], 'outlier'>>(pool: P): P {
  const { baseEjectionMs, maxEjectionMs } = pool.outlier;
  if (baseEjectionMs <= maxEjectionMs) return pool;
  return { ...pool, outlier: { ...pool.outlier, baseEjectionMs: maxEjectionMs } };
}
