// What happened (events) and what was counted (stats), from the Telemetry object.
import { z } from '@hono/zod-openapi';
import type { Stats } from '../../durable-objects/interfaces/telemetry.ts';
import { askTelemetry } from './ask-telemetry.ts';
import { json, type Operation, operation } from './operation.ts';

const PAGE_DEFAULT = 100;
const PAGE_MAX = 1_000;

const eventSchema = z
  .object({
    id: z.int(),
    at: z.int().describe('Epoch ms.'),
    type: z.string(),
    subject: z.string(),
    detail: z.record(z.string(), z.unknown()),
  })
  .openapi('Event');

const eventsQuery = z.strictObject({
  after: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'must be a cursor of an earlier page')
    .optional()
    .openapi({ description: 'Cursor of the page before.' }),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/, `must be a whole number from 1 to ${PAGE_MAX}`)
    .transform(Number)
    .refine((limit) => limit <= PAGE_MAX, `must be a whole number from 1 to ${PAGE_MAX}`)
    .optional()
    .openapi({ description: `1–${PAGE_MAX}, default ${PAGE_DEFAULT}.` }),
});

const countsSchema = z
  .object({
    requests: z.number(),
    statuses: z.record(z.string(), z.number()),
    cache: z.record(z.string(), z.number()).describe('By outcome: "hit", "miss" … or "none".'),
  })
  .openapi('Counts');

const quantilesSchema = z
  .object({
    p50Ms: z.number().nullable(),
    p90Ms: z.number().nullable(),
    p95Ms: z.number().nullable(),
    p99Ms: z.number().nullable(),
    maxMs: z.number().nullable(),
  })
  .describe('From samples, at most 5 % off; null where nothing was measured.')
  .openapi('DurationQuantiles');

const statsSchema: z.ZodType<Stats> = z
  .object({
    at: z.int().describe('Epoch ms.'),
    since: z.int().describe('Since when the totals are counted, epoch ms.'),
    totals: countsSchema.extend({
      routes: z.record(z.string(), countsSchema),
      pools: z.record(z.string(), countsSchema.extend({ backends: z.record(z.string(), countsSchema) })),
    }),
    shards: z
      .object({
        operations: z.number().describe('Lookups, reads and writes, each once.'),
        objectCalls: z.number().describe('By edges and between members.'),
        rowsWritten: z.number().describe('On all members, rows of indexes included.'),
        objectCallsPerOperation: z.number().nullable(),
        rowsWrittenPerOperation: z.number().nullable(),
      })
      .describe('What was asked of the shards, and what it took.'),
    durations: z
      .object({ all: quantilesSchema, pools: z.record(z.string(), quantilesSchema) })
      .describe('Of the last five minutes.'),
    seconds: z
      .array(
        countsSchema.extend({
          second: z.int().describe('Epoch s.'),
          pools: z.record(z.string(), z.number()).describe('Requests by pool.'),
        }),
      )
      .describe('Those of the last five minutes in which something was counted, ascending.'),
  })
  .openapi('Stats');

export const TELEMETRY_CALLS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: '/v1/events',
    allowed: ['read'],
    summary: 'What happened, newest first, by pages.',
    query: eventsQuery,
    answers: {
      200: {
        description: 'A page; its cursor is null on the last.',
        schema: z.object({ events: z.array(eventSchema), cursor: z.string().nullable() }),
      },
    },
    async handle(call) {
      const { after, limit } = call.query;
      return json(
        await askTelemetry(call, 'read the events', (telemetry) =>
          telemetry.events(after ?? null, limit ?? PAGE_DEFAULT),
        ),
      );
    },
  }),

  operation({
    method: 'GET',
    path: '/v1/stats',
    allowed: ['read'],
    summary: 'Counters, quantiles and a point per second for five minutes; complete within 4 s.',
    answers: { 200: { description: 'Counted since the state was created.', schema: statsSchema } },
    async handle(call) {
      return json(
        await askTelemetry(call, 'read the counters', (telemetry) => telemetry.stats(call.edge.now())),
      );
    },
  }),
];
