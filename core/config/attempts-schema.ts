// How one request is tried, as configured: how long each step may take, and what is tried again.
import { z } from 'zod';

const milliseconds = z.int().min(1).max(3_600_000);

export const timeoutsSchema = z.strictObject({
  totalMs: milliseconds.default(60_000).describe('For the whole request; the smaller of both rules.'),
  attemptMs: milliseconds.default(30_000).describe('Until the headers of one attempt.'),
});

export const retrySchema = z.strictObject({
  attemptsMax: z.int().min(1).max(10).default(2).describe('1 = one request to an origin, never repeated.'),
});
