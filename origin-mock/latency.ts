// How long a scripted origin takes before it answers: a distribution as data, and one draw from it.
import { z } from 'zod';
import type { SeededRandom } from './seeded-random.ts';

const ms = z.number().min(0).max(3_600_000);

export const latencySchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('fixed'), ms }),
  z.strictObject({ type: z.literal('uniform'), minMs: ms, maxMs: ms }),
  z.strictObject({ type: z.literal('exponential'), meanMs: ms }),
  /** `sigma` is the standard deviation of the logarithm: 0.5 is mild, 1.5 has a long tail. */
  z.strictObject({ type: z.literal('lognormal'), medianMs: ms, sigma: z.number().min(0).max(5) }),
]);

export type Latency = z.infer<typeof latencySchema>;

/** One latency in milliseconds, never negative. Lognormal by Box–Muller. */
export function drawLatencyMs(latency: Latency, random: SeededRandom): number {
  switch (latency.type) {
    case 'fixed':
      return latency.ms;
    case 'uniform':
      return latency.minMs + (latency.maxMs - latency.minMs) * random();
    case 'exponential':
      return -latency.meanMs * Math.log(1 - random());
    case 'lognormal': {
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      return latency.medianMs * Math.exp(latency.sigma * normal);
    }
    default:
      return latency satisfies never;
  }
}
