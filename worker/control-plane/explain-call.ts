// What the edge would do with a request, step by step, without doing it.
import { z } from '@hono/zod-openapi';
import { regionName } from '../../core/config/names.ts';
import { explain } from '../data-plane/explain.ts';
import { explainedSchema } from './explain-schemas.ts';
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
