// Purging cached responses by URL or all of them: answered 200 only once no later read can find what was there.
import { z } from '@hono/zod-openapi';
import type { FieldError } from '../../core/config/field-error.ts';
import type { Config } from '../../core/config/schema.ts';
import { type ParsedTarget, parseTarget } from '../../core/http/target.ts';
import { keysOfUrl } from '../data-plane/keys-of-url.ts';
import { json, type Operation, operation } from './operation.ts';
import { invalid, Problem } from './problem.ts';
import { reach, snapshotOf } from './reach.ts';
import { inSession } from './session.ts';

/** The coordinator gives up waiting earlier and says what is missing. */
const PURGE_TIMEOUT_MS = 20_000;
const URLS_MAX = 1_000;
const NOT_YET = 'not supported yet';

const notYet = (what: string) =>
  z.array(z.string()).max(0, NOT_YET).optional().describe(`${what}: ${NOT_YET}.`);

const purgeSchema = z
  .strictObject({
    urls: z.array(z.string()).max(URLS_MAX).default([]).describe('Absolute; every variant goes.'),
    all: z.boolean().default(false).describe('All cached responses.'),
    purgeId: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1–128 of A–Z, a–z, 0–9, ".", "_" and "-"')
      .optional()
      .describe('Sent again, it reports on the same purge.'),
    guarantee: z
      .enum(['committed', 'strict'])
      .refine((guarantee) => guarantee === 'committed', NOT_YET)
      .default('committed'),
    soft: z
      .boolean()
      .refine((soft) => !soft, NOT_YET)
      .default(false),
    tags: notYet('Tags'),
    prefixes: notYet('Prefixes'),
    namespaces: notYet('Namespaces'),
  })
  .openapi('Purge');

const purgedSchema = z
  .object({
    purgeId: z.string(),
    guarantee: z.literal('committed'),
    shards: z.object({ acked: z.int(), total: z.int() }),
    tookMs: z.number(),
  })
  .openapi('Purged');

export const PURGE_CALL: Operation = operation({
  method: 'POST',
  path: '/v1/purge',
  allowed: ['purge'],
  summary: 'Removes cached responses, everywhere, and says so when it is true.',
  body: { type: 'json', schema: purgeSchema },
  answers: {
    200: { description: 'The guarantee holds.', schema: purgedSchema },
    504: { description: 'Some shards have not confirmed yet; it goes on trying.' },
  },
  handle: (call) =>
    inSession(call.request, async (session) => {
      const { urls, all, purgeId = call.edge.newRequestId(), guarantee } = call.body;
      if (urls.length === 0 && !all) {
        throw invalid([{ path: '', message: 'Nothing is selected: give "urls" or "all"' }]);
      }
      const keys = keysOf(urls, (await snapshotOf(call)).config);
      const by = call.role ?? 'admin';
      const answer = await reach('purge-unavailable', `confirm purge "${purgeId}"`, PURGE_TIMEOUT_MS, () =>
        call.edge.purgeCoordinator().purge({ purgeId, keys, all, by }),
      );
      if (answer.type === 'mismatch') {
        throw invalid([{ path: 'purgeId', message: 'was used for another selection' }]);
      }
      for (const [groupId, viewstamp] of Object.entries(answer.bookmarks)) session.saw(groupId, viewstamp);
      const { shards, missing, tookMs } = answer;
      if (answer.type === 'pending') {
        throw new Problem(
          'purge-pending',
          `${shards.acked} of ${shards.total} shards have confirmed; missing: ${missing.join(', ')}`,
          { members: { purgeId, guarantee, shards, missing, tookMs } },
        );
      }
      return json({ purgeId, guarantee, shards, tookMs });
    }),
});

/** Cache keys of the URLs, each once. Throws 422 naming every URL that no request could have. */
function keysOf(urls: readonly string[], config: Config): string[] {
  const keys = new Set<string>();
  const errors: FieldError[] = [];
  for (const [i, url] of urls.entries()) {
    for (const spelling of spellingsOf(url)) {
      const target = parseTarget(spelling);
      if (target.type === 'target') for (const key of keysOfUrl(config, target)) keys.add(key);
      else errors.push({ path: `urls[${i}]`, message: refusalOf(target) });
    }
  }
  if (errors.length > 0) throw invalid(errors);
  return [...keys];
}

/** As written, and as a browser sends it: a purge of "/ä" that left "/%C3%A4" would confirm what did not happen. */
function spellingsOf(url: string): Set<string> {
  let escaped = '';
  for (const byte of new TextEncoder().encode(url)) {
    escaped += byte < 0x80 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase()}`;
  }
  return new Set([url, escaped]);
}

function refusalOf(target: Exclude<ParsedTarget, { type: 'target' }>): string {
  const why = target.type === 'too-long' ? 'too long' : target.reason;
  return `must be an absolute http(s) URL as a request has it (${why})`;
}
