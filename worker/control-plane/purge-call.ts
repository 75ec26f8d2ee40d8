// Purging cached responses by URL, tag or prefix, or all of them, and emptying key-value namespaces: answered 200 only
// once no later read can find what was there.
import { z } from '@hono/zod-openapi';
import type { FieldError } from '../../core/config/field-error.ts';
import type { Config } from '../../core/config/schema.ts';
import { parseTarget } from '../../core/http/target.ts';
import { PREFIX_SEGMENTS_MAX, parseUrlPrefix, type UrlPrefix } from '../../core/http/url-prefix.ts';
import type { PurgeSelection } from '../../core/purging/purge-selection.ts';
import { keysOfUrl } from '../data-plane/keys-of-url.ts';
import type { Edge } from '../edge.ts';
import { NAMESPACE, NAMESPACE_MESSAGE } from './kv-request.ts';
import { json, type Operation, operation } from './operation.ts';
import { invalid, Problem } from './problem.ts';
import { reach, snapshotOf } from './reach.ts';
import { inSession } from './session.ts';

/** The coordinator gives up waiting earlier and says what is missing. */
const PURGE_TIMEOUT_MS = 20_000;
const SELECTED_MAX = 1_000;

const listOf = (item: z.ZodType<string>) => z.array(item).max(SELECTED_MAX).default([]);

const tag = z
  .string()
  .regex(
    /^(?! )[\x20-\x7e]{1,1024}(?<! )$/,
    'must be 1–1024 characters of printable ASCII, no space at an end',
  );
const namespace = z.string().regex(NAMESPACE, NAMESPACE_MESSAGE);

const purgeSchema = z
  .strictObject({
    urls: listOf(z.string()).describe('Absolute; every variant goes.'),
    tags: listOf(tag).describe('Whatever carries one of them: responses, and key-value pairs.'),
    prefixes: listOf(z.string()).describe('Of responses: absolute, up to the "/" of a path segment.'),
    all: z.boolean().default(false).describe('All cached responses.'),
    namespaces: listOf(namespace).describe('Of key-value data: emptied.'),
    soft: z.boolean().default(false).describe('Responses become stale instead of unusable.'),
    purgeId: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1–128 of A–Z, a–z, 0–9, ".", "_" and "-"')
      .optional()
      .describe('Sent again, it reports on the same purge.'),
    guarantee: z
      .enum(['committed', 'strict'])
      .default('committed')
      .describe(
        '`strict` takes some five seconds longer: then no read shows what was there before, but those of level `any`.',
      ),
  })
  .openapi('Purge');

const purgedSchema = z
  .object({
    purgeId: z.string(),
    guarantee: z.enum(['committed', 'strict']),
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
    504: {
      description:
        'Some shards have not confirmed yet; it goes on trying. Or it is not strict yet: ask again by its purgeId.',
    },
  },
  handle: (call) =>
    inSession(call.request, async (session) => {
      const { purgeId = call.edge.newRequestId(), guarantee } = call.body;
      const { config } = await snapshotOf(call);
      const selection = selectionOf(call.body, config);
      const by = call.role ?? 'admin';
      const answer = await reach('purge-unavailable', `confirm purge "${purgeId}"`, PURGE_TIMEOUT_MS, () =>
        call.edge.purgeCoordinator().purge({ purgeId, by, guarantee, ...selection }),
      );
      if (answer.type === 'mismatch') {
        throw invalid([{ path: 'purgeId', message: 'was used for another selection' }]);
      }
      forget(call.edge, config, selection);
      for (const [groupId, viewstamp] of Object.entries(answer.bookmarks)) {
        session.saw(groupId, viewstamp);
        call.edge.shards.sawPurge(groupId, viewstamp);
      }
      const { shards, missing, strictInMs, tookMs } = answer;
      const members = { purgeId, guarantee, shards, missing, tookMs };
      if (answer.type === 'pending' && strictInMs !== undefined) {
        const detail = `Every shard has confirmed; what was read before may be used for another ${strictInMs} ms: ask again`;
        throw new Problem('purge-pending', detail, { members: { ...members, strictInMs } });
      }
      if (answer.type === 'pending') {
        const detail = `${shards.acked} of ${shards.total} shards have confirmed; missing: ${missing.join(', ')}`;
        throw new Problem('purge-pending', detail, { members });
      }
      return json({ purgeId, guarantee, shards, tookMs });
    }),
});

/** Whoever purges here looks here next: the bound of what this isolate remembers is not waited for. */
function forget(edge: Edge, { l1 }: Config, { keys, tags, prefixes, all }: PurgeSelection): void {
  const memory = edge.memory(l1.bytesMax);
  const nowMs = edge.now();
  if (all || tags.length > 0 || prefixes.length > 0) memory.forgetAll(nowMs);
  else for (const key of keys) memory.forget(key, nowMs);
}

/** Throws 422 naming every part that selects nothing that there could be. */
function selectionOf(body: z.infer<typeof purgeSchema>, config: Config): PurgeSelection {
  const { urls, tags, prefixes, all, namespaces, soft } = body;
  if (!all && [urls, tags, prefixes, namespaces].every((list) => list.length === 0)) {
    const message = 'Nothing is selected: give "urls", "tags", "prefixes", "all" or "namespaces"';
    throw invalid([{ path: '', message }]);
  }
  const errors: FieldError[] = [];
  const keys = urls.flatMap((url, i) => keysOf(config, url, `urls[${i}]`, errors));
  const canonical = prefixes.flatMap((prefix, i) => prefixesOf(prefix, `prefixes[${i}]`, errors));
  if (soft && namespaces.length > 0) {
    errors.push({
      path: 'soft',
      message: 'cannot be combined with "namespaces": key-value data is never stale',
    });
  }
  if (errors.length > 0) throw invalid(errors);
  return { keys, tags, prefixes: canonical, all, namespaces, soft };
}

function keysOf(config: Config, url: string, path: string, errors: FieldError[]): readonly string[] {
  return spellingsOf(url).flatMap((spelling) => {
    const target = parseTarget(spelling);
    if (target.type === 'target') return keysOfUrl(config, target);
    const why = target.type === 'too-long' ? 'too long' : target.reason;
    errors.push({ path, message: `must be an absolute http(s) URL as a request has it (${why})` });
    return [];
  });
}

function prefixesOf(text: string, path: string, errors: FieldError[]): string[] {
  return spellingsOf(text).flatMap((spelling) => {
    const parsed = parseUrlPrefix(spelling);
    if (parsed.type === 'prefix') return [parsed.prefix];
    errors.push({ path, message: prefixRefusal(parsed.reason) });
    return [];
  });
}

function prefixRefusal(reason: Extract<UrlPrefix, { type: 'refused' }>['reason']): string {
  if (reason === 'not-at-segment-end') return 'must end with "/": a prefix ends where a path segment does';
  if (reason === 'query') return 'must have no query: a prefix ends where a path segment does';
  if (reason === 'too-deep') return `must have at most ${PREFIX_SEGMENTS_MAX - 1} path segments`;
  return `must be the beginning of an absolute http(s) URL (${reason})`;
}

/** As written, and as a browser sends it: a purge of "/ä" that left "/%C3%A4" would confirm what did not happen. */
function spellingsOf(url: string): string[] {
  let escaped = '';
  for (const byte of new TextEncoder().encode(url)) {
    escaped += byte < 0x80 ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase()}`;
  }
  return escaped === url ? [url] : [url, escaped];
}
