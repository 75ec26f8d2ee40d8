// How one request is tried, as configured: how long each step may take, what is tried again, and how much of that all
// requests together may cost. Rules between these fields are in attempts-rules.ts.
import { z } from 'zod';

const milliseconds = z.int().min(1).max(3_600_000);

export const TIMEOUTS_DEFAULT = {
  totalMs: 60_000,
  attemptMs: 30_000,
  firstByteMs: 30_000,
  idleMs: 60_000,
} as const;

export const timeoutsSchema = z.strictObject({
  totalMs: milliseconds
    .default(TIMEOUTS_DEFAULT.totalMs)
    .describe('All attempts and pauses of one request, until the head of its response.'),
  attemptMs: milliseconds
    .default(TIMEOUTS_DEFAULT.attemptMs)
    .describe('One attempt, until the head of its response.'),
  firstByteMs: milliseconds
    .default(TIMEOUTS_DEFAULT.firstByteMs)
    .describe(
      'One attempt, until the first byte of the response’s body: the head has to be there by then too.',
    ),
  idleMs: milliseconds
    .default(TIMEOUTS_DEFAULT.idleMs)
    .describe('Longest silence within a body; how long the whole takes does not matter.'),
});

export const RETRY_ON = ['connect-failure', 'gateway-error', 'timeout'] as const;
export const BACKOFF_DEFAULT = { backoffMs: 25, backoffMaxMs: 250 } as const;

const pauseMs = z.int().min(0).max(60_000);

export const retrySchema = z
  .strictObject({
    attemptsMax: z
      .int()
      .min(1)
      .max(10)
      .default(2)
      .describe(
        'Requests to origins for one of a client, the first and hedges included; 1 = never repeated.',
      ),
    on: z
      .array(z.enum(RETRY_ON))
      .max(RETRY_ON.length)
      .default(['connect-failure'])
      .describe(
        '`connect-failure`: the connection failed, or gave no HTTP; `gateway-error`: 502, 503, 504; `timeout`: no head in an attempt’s time, or no first byte in its own. A body that breaks off before its first byte counts too, where it is short.',
      ),
    statuses: z
      .array(z.int().min(400).max(599))
      .max(32)
      .default([])
      .describe('Statuses that are tried again too, whatever `on` says.'),
    bodyBytesMax: z
      .int()
      .min(0)
      .max(1_048_576)
      .default(65_536)
      .describe(
        'A request’s body up to this length is read whole before an origin is asked. One whose body is longer, or of a length that is not told, is sent once.',
      ),
    backoffMs: pauseMs
      .default(BACKOFF_DEFAULT.backoffMs)
      .describe(
        'Longest pause before the first retry; it doubles with each. The pause itself is random, from 0.',
      ),
    backoffMaxMs: pauseMs.default(BACKOFF_DEFAULT.backoffMaxMs),
    retryAfterMaxMs: z
      .int()
      .min(0)
      .max(3_600_000)
      .default(10_000)
      .describe('A `Retry-After` up to this long is waited for; for a longer one there is no retry.'),
  })
  .describe('Only what may be repeated: idempotent methods, and requests with an `Idempotency-Key`.');

export const retryBudgetSchema = z
  .strictObject({
    ratio: z.number().min(0).max(1).default(0.2).describe('Of the requests in the window.'),
    min: z.int().min(0).max(1_000_000).default(3).describe('So many in a window are always allowed.'),
    windowMs: z.int().min(100).max(3_600_000).default(10_000),
  })
  .describe('How many retries and hedges all requests of the pool may cause together, at each edge.');

export const HEDGES_MAX = 4;

export const hedgeSchema = z
  .strictObject({
    enabled: z.boolean().default(false),
    afterMs: z
      .int()
      .min(0)
      .max(60_000)
      .default(0)
      .describe('So long without a head, and one more is sent; 0 = what 95 % of the pool’s answers take.'),
    max: z
      .int()
      .min(1)
      .max(HEDGES_MAX)
      .default(1)
      .describe('For one request; `retry.attemptsMax` and `retryBudget` count them too.'),
  })
  .describe('One more request to another backend where an answer is late; the first good one wins.');

export const queueSchema = z
  .strictObject({
    max: z
      .int()
      .min(0)
      .max(1_000)
      .default(0)
      .describe('Requests that wait, at each edge, while all backends have `maxInFlight`; 0 = none does.'),
    timeoutMs: z.int().min(1).max(60_000).default(1_000).describe('Then 503 `overloaded`.'),
  })
  .describe('A short queue before a pool that is full.');

export const circuitBreakerSchema = z
  .strictObject({
    enabled: z.boolean().default(false),
    failureRatio: z.number().min(0.01).max(1).default(0.5).describe('Of the requests in the window.'),
    minRequests: z.int().min(1).max(1_000_000).default(20).describe('In the window, before it opens.'),
    windowMs: z.int().min(100).max(3_600_000).default(10_000),
    openMs: z.int().min(1).max(3_600_000).default(5_000).describe('So long the backend gets nothing.'),
    halfOpenMax: z
      .int()
      .min(1)
      .max(1_000)
      .default(3)
      .describe('Trials after that: all must succeed, and one failure opens it again.'),
  })
  .describe('For each backend, at each edge.');
