// How a route caches, as configured. What each field does stands in core/cache/policy.ts.
import { z } from 'zod';
import * as rules from './field-rules.ts';
import { ruled } from './ruled.ts';

const parameter = z.string().min(1).max(128);
const seconds = z.int().min(0).max(31_536_000);

export const cacheSchema = z.strictObject({
  enabled: z.boolean().default(false),
  maxObjectBytes: z.int().min(1).max(26_214_400).default(2_097_152),
  heuristics: z
    .boolean()
    .default(true)
    .describe('A tenth of the time since Last-Modified, a day at most, where a response says no lifetime.'),
  defaultTtlSeconds: seconds
    .default(0)
    .describe('Lifetime where a response with a status cacheable by default says none; 0 = none.'),
  statusTtlSeconds: z
    .record(ruled(rules.finalStatusProblem, 'A final status.'), seconds)
    .default({})
    .describe('The same by status, as {"404": 10}, for any status; 0 = stale at once.'),
  staleWhileRevalidateSeconds: seconds
    .default(0)
    .describe(
      'So long after its lifetime a response is used while it is renewed, where it says nothing of it.',
    ),
  staleIfErrorSeconds: seconds
    .default(86_400)
    .describe('So long after its lifetime it is used while the origin fails, where it says nothing of it.'),
  setCookie: z
    .enum(['keep', 'strip', 'bypass'])
    .default('keep')
    .describe(
      'Responses with Set-Cookie: stored and replayed if they say how long they are fresh (`keep`), stored without the ' +
        'cookies (`strip`), or not stored (`bypass`).',
    ),
  requestDirectives: z
    .boolean()
    .default(true)
    .describe("Whether the client's Cache-Control and Pragma count."),
  targetedFields: z
    .array(ruled(rules.responseHeaderNameProblem, 'Header name.'))
    .max(8)
    .default(['Roundel-CDN-Cache-Control', 'CDN-Cache-Control'])
    .describe(
      'RFC 9213: the first that is there and well-formed counts instead of Cache-Control and Expires.',
    ),
  key: z
    .strictObject({
      query: z
        .union([
          z.enum(['all', 'none']),
          z.strictObject({ include: z.array(parameter).min(1).max(100) }),
          z.strictObject({ exclude: z.array(parameter).min(1).max(100) }),
        ])
        .default('all')
        .describe(
          'Which parameters of the query tell responses apart: `all`, `none`, {"include": […]} or {"exclude": […]}, names as ' +
            'decoded. Origins always get the whole query. A piece with a ";" in it counts in any case.',
        ),
      sortQuery: z
        .boolean()
        .default(false)
        .describe('The order of parameters of different names does not count.'),
      headers: z
        .array(ruled(rules.requestHeaderNameProblem, 'Header name.'))
        .max(16)
        .default([])
        .describe('Request headers that tell responses apart, also where Vary does not name them.'),
      cookies: z.array(ruled(rules.cookieNameProblem, 'Cookie name.')).max(16).default([]),
      device: z.boolean().default(false).describe('mobile, tablet or desktop, by User-Agent.'),
    })
    .prefault({}),
  tagsHeader: ruled(rules.responseHeaderNameProblem, 'Header name.')
    .default('Cache-Tag')
    .describe('Its members, separated by commas, are tags to purge by. It is passed on to clients.'),
  cacheGroups: z
    .boolean()
    .default(true)
    .describe(
      'RFC 9875: Cache-Group-Invalidation purges what has that group in Cache-Groups, within one origin; by hand its tag is the origin, a blank and the group.',
    ),
  consistency: z
    .enum(['linearizable', 'session', 'bounded', 'any'])
    .default('bounded')
    .describe(
      'What an answer from the cache is sure to show: every purge and change that was confirmed before (`linearizable`), ' +
        'those that the Roundel-Bookmark of the request knows of (`session`), those of more than `staleness.boundMs` ago ' +
        '(`bounded`), or none for certain (`any`).',
    ),
  exposeKey: z.boolean().default(false).describe('Adds `key` to Cache-Status.'),
});
