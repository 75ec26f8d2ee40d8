// How the edge's decisions about a request look, worked out (`POST explain`) or written down while they were made.
import { z } from '@hono/zod-openapi';

const candidateSchema = z.object({
  backend: z.string(),
  order: z.int(),
  score: z.number().nullable(),
  accepted: z.boolean().describe('Whether a request may be sent there.'),
  reason: z.string(),
});

const explained = {
  configVersion: z.int(),
  healthEpoch: z.int(),
  route: z.string().nullable(),
  cacheKey: z.string().nullable(),
  slot: z.int().nullable(),
  shard: z.int().nullable(),
  cache: z.object({ decision: z.string(), reason: z.string() }),
  pool: z.string().nullable(),
  poolPath: z.array(z.object({ pool: z.string(), reason: z.enum(['route', 'split', 'fallback']) })),
  tiers: z
    .array(
      z.object({
        priority: z.int(),
        distanceKm: z.number().nullable().describe('From the request; null where it does not count.'),
        backends: z.array(z.string()),
        healthyRatio: z.number().describe('By weight, of those that may take traffic.'),
        load: z.number().describe('Its part of the traffic, 0–1.'),
        isHome: z.boolean().describe('Whether this request begins there.'),
        reason: z.string(),
      }),
    )
    .describe('In the order of preference; empty where the pool has but one.'),
  candidates: z.array(candidateSchema),
  chosen: z.string().nullable(),
  plan: z
    .object({
      attemptsMax: z.int(),
      notRepeatable: z.string().nullable().describe('Why it is sent once; null when it may be repeated.'),
      on: z.array(z.union([z.string(), z.int()])).describe('What would have it tried again.'),
      pausesMaxMs: z.array(z.number()).describe('Longest pause before each retry.'),
      hedgeAfterMs: z
        .number()
        .nullable()
        .describe(
          'So late, one more is sent beside the first; null where none is, or too little is known yet.',
        ),
      budgetLeft: z.int().describe('Retries and hedges that the pool has left now.'),
      backends: z
        .array(z.string())
        .optional()
        .describe('Who would be tried, in order, if each failed; not of a live request.'),
    })
    .nullable()
    .describe('What may follow the first attempt.'),
};

export const explainedSchema = z.object(explained).openapi('Explained');

const attemptSchema = z
  .object({
    backend: z.string(),
    kind: z.string(),
    startedAt: z.int().describe('Epoch ms.'),
    endedAt: z.int().describe('When the head of its answer was there, or it had failed; epoch ms.'),
    outcome: z.string(),
    status: z.int().nullable(),
    next: z
      .object({ type: z.string(), because: z.string(), waitMs: z.number().optional() })
      .describe('What followed, and why.'),
  })
  .openapi('Attempt');

export const explanationSchema = z
  .object({
    id: z.string(),
    at: z.int().describe('When the request came, epoch ms.'),
    source: z.enum(['token', 'sample']),
    request: z.object({ method: z.string(), url: z.string().describe('Of a sample without its query.') }),
    ...explained,
    candidatesOmitted: z.int().describe('Of a large pool: candidates that are not listed.'),
    laterChoices: z
      .array(
        z.object({
          at: z.int(),
          pool: z.string(),
          candidates: z.array(candidateSchema),
          candidatesOmitted: z.int(),
          chosen: z.string().nullable(),
        }),
      )
      .describe('Choices of a backend after the first.'),
    waited: z
      .object({
        ahead: z.int().describe('How many were before it when it came.'),
        ms: z.number(),
        end: z.string().describe('`got-place`, `no-backend`, `queue-full` or `waited-in-vain`.'),
      })
      .nullable()
      .describe('In the line before a full pool; null where it did not have to.'),
    attempts: z.array(attemptSchema).describe('In the order in which they ended.'),
    hedgeHeldBack: z
      .string()
      .nullable()
      .describe('Why a hedge that was due was not sent: `no-backend`, `budget` or `deadline`.'),
    status: z.int().describe('Of the response to the client.'),
    error: z.string().nullable().describe("The edge's own failure, where it answered by itself."),
    cacheStatus: z.string().nullable(),
    tookMs: z.number().describe('Until the response began.'),
  })
  .openapi('Explanation');
