// Which requests a route takes, which pool they go to, and what changes on their way there and back.
import { z } from 'zod';
import { cacheSchema } from './cache-schema.ts';
import * as rules from './field-rules.ts';
import { mirrorSchema } from './mirror-schema.ts';
import { poolName } from './names.ts';
import { ruled } from './ruled.ts';
import { splitSchema } from './split-schema.ts';

export const routeSchema = z.strictObject({
  id: z.string().min(1).max(128),
  match: z
    .strictObject({
      hosts: z.array(ruled(rules.hostGlobProblem, 'Host name, `*` globs.')).max(1_000).default([]),
      paths: z.array(ruled(rules.pathGlobProblem, 'Path, `*` globs.')).max(1_000).default([]),
      methods: z.array(ruled(rules.methodGlobProblem, 'Method, `*` globs.')).max(100).default([]),
    })
    .prefault({})
    .describe('An empty list matches all.'),
  pool: poolName.optional().describe('Required unless `split`.'),
  split: splitSchema.optional(),
  mirror: mirrorSchema.optional(),
  request: z
    .strictObject({
      trustedProxies: z
        .array(ruled(rules.addressRangeProblem, 'IP address or CIDR range whose X-Forwarded-* is believed.'))
        .max(1_000)
        .default([]),
      setHeaders: z
        .record(
          ruled(rules.requestHeaderNameProblem, 'Header name.'),
          ruled(rules.headerValueProblem, 'Header value.'),
        )
        .default({}),
      removeHeaders: z.array(ruled(rules.requestHeaderNameProblem, 'Header name.')).max(100).default([]),
      stripPathPrefix: ruled(rules.pathPrefixProblem, 'Path prefix, or empty.').default(''),
      addPathPrefix: ruled(rules.pathPrefixProblem, 'Path prefix, or empty.').default(''),
    })
    .prefault({}),
  response: z
    .strictObject({
      setHeaders: z
        .record(
          ruled(rules.responseHeaderNameProblem, 'Header name.'),
          ruled(rules.headerValueProblem, 'Header value.'),
        )
        .default({}),
      removeHeaders: z.array(ruled(rules.responseHeaderNameProblem, 'Header name.')).max(100).default([]),
      exposeBackend: z.boolean().default(false).describe('Adds Roundel-Backend to responses.'),
    })
    .prefault({}),
  cache: cacheSchema.prefault({}),
  explain: z
    .strictObject({
      sampleRatio: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .describe('Share of the requests whose decisions are kept, at most ten a second an edge; 0 = none.'),
    })
    .prefault({}),
});
