// What the edge would do with a request, step by step, without doing it.
import { z } from '@hono/zod-openapi';
import { regionName } from '../../core/config/names.ts';
import { explain } from '../data-plane/explain.ts';
import { json, type Operation, operation } from './operation.ts';
import { snapshotOf } from './reach.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const explainSchema = z
  .strictObject({
    url: z.string().regex(/^https?:\/\/[^/]/i, 'must be an absolute http(s) URL'),
    method: z.string().regex(TOKEN, 'must be a method').default('GET'),
    headers: z
      .record(
        z.string().regex(TOKEN, 'must be a header name'),
        z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'must be a header value'),
      )
      .default({}),
    clientIp: z.union([z.ipv4(), z.ipv6()], 'must be an IP address').optional(),
    region: regionName
      .optional()
      .describe('Where the client is, for pools with `preferRegion`; by default where this call comes from.'),
  })
  .openapi('ExplainRequest');

const explainedSchema = z
  .object({
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
    candidates: z.array(
      z.object({
        backend: z.string(),
        order: z.int(),
        score: z.number().nullable(),
        accepted: z.boolean(),
        reason: z.string(),
      }),
    ),
    chosen: z.string().nullable(),
    attempts: z
      .object({
        attemptsMax: z.int(),
        notRepeatable: z.string().nullable(),
        on: z.array(z.union([z.string(), z.int()])),
        pausesMaxMs: z.array(z.number()),
        hedgeAfterMs: z.number().nullable(),
        budgetLeft: z.int(),
      })
      .nullable(),
  })
  .openapi('Explained');

export const EXPLAIN_CALL: Operation = operation({
  method: 'POST',
  path: '/v1/explain',
  allowed: ['read'],
  summary: 'What the edge would do with a request, and why; sends nothing to any origin.',
  body: { type: 'json', schema: explainSchema },
  answers: { 200: { description: 'The decisions, in order.', schema: explainedSchema } },
  async handle(call) {
    const snapshot = await snapshotOf(call);
    return json(await explain(call.edge, snapshot, { ...call.body, request: call.request }));
  },
});
