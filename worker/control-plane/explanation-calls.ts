// What live requests met: tokens by which a client has its requests explained, and what was kept of those and of samples.
import { z } from '@hono/zod-openapi';
import { askTelemetry, TELEMETRY_TIMEOUT_MS } from './ask-telemetry.ts';
import { explanationSchema } from './explain-schemas.ts';
import { json, type Operation, operation } from './operation.ts';
import { Problem } from './problem.ts';
import { reach } from './reach.ts';

const TTL_SECONDS_DEFAULT = 300;
const TTL_SECONDS_MAX = 3_600;
const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100;

const tokenQuery = z.strictObject({
  ttlSeconds: wholeNumber(TTL_SECONDS_MAX)
    .optional()
    .openapi({ description: `1–${TTL_SECONDS_MAX}, default ${TTL_SECONDS_DEFAULT}.` }),
});

const tokenSchema = z
  .object({
    token: z.string().describe('For the request header Roundel-Explain.'),
    expiresAt: z.int().describe('Epoch ms.'),
  })
  .openapi('ExplainToken');

const listQuery = z.strictObject({
  route: z.string().min(1).max(128).optional().openapi({ description: 'Id of a route; by default all.' }),
  limit: wholeNumber(LIMIT_MAX)
    .optional()
    .openapi({ description: `1–${LIMIT_MAX}, default ${LIMIT_DEFAULT}.` }),
});

function wholeNumber(max: number) {
  const message = `must be a whole number from 1 to ${max}`;
  return z
    .string()
    .regex(/^[1-9]\d{0,3}$/, message)
    .transform(Number)
    .refine((given) => given <= max, message);
}

export const EXPLANATION_CALLS: readonly Operation[] = [
  operation({
    method: 'POST',
    path: '/v1/explain/token',
    allowed: ['read'],
    summary: 'A token: requests that carry it as Roundel-Explain are answered with a Roundel-Explain-Id.',
    query: tokenQuery,
    answers: {
      200: { description: 'It has requests explained and grants nothing else.', schema: tokenSchema },
    },
    async handle(call) {
      const expiresAt = call.edge.now() + (call.query.ttlSeconds ?? TTL_SECONDS_DEFAULT) * 1_000;
      const token = await reach('telemetry-unavailable', 'make a token', TELEMETRY_TIMEOUT_MS, () =>
        call.edge.explainTokens.issue(expiresAt),
      );
      return json({ token, expiresAt });
    },
  }),

  operation({
    method: 'GET',
    path: '/v1/explain',
    allowed: ['read'],
    summary:
      'Live requests that were explained, newest first: those with a token, and samples of routes that have them.',
    query: listQuery,
    answers: {
      200: {
        description: 'The last 500 of each kind are kept.',
        schema: z.object({ explanations: z.array(explanationSchema) }),
      },
    },
    async handle(call) {
      const { route, limit } = call.query;
      const texts = await askTelemetry(call, 'read the explanations', (telemetry) =>
        telemetry.explanations(route ?? null, limit ?? LIMIT_DEFAULT),
      );
      return json({ explanations: texts.map((text) => JSON.parse(text)) });
    },
  }),

  operation({
    method: 'GET',
    path: '/v1/explain/{id}',
    allowed: ['read'],
    summary: 'What the edge did with a live request, and why; there about a second after its response began.',
    answers: { 200: { description: 'Its decisions as they were made.', schema: explanationSchema } },
    async handle(call) {
      const id = call.path.id ?? '';
      const text = await askTelemetry(call, 'read the explanation', (telemetry) => telemetry.explanation(id));
      if (text !== null) return json(JSON.parse(text));
      throw new Problem('not-found', `There is no explanation "${id}", or not yet, or no longer`, {
        headers: { 'retry-after': '1' },
      });
    },
  }),
];
