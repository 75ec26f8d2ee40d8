// Listing a namespace: the names of its keys in order, a page at a time, gathered from all shards. There is no snapshot
// across them: what changes meanwhile may or may not be in it.
import { z } from '@hono/zod-openapi';
import type { PageEntry } from '../../core/replication/messages.ts';
import { failureProblem } from './kv-answers.ts';
import { decodeCursor, encodeCursor } from './kv-cursor.ts';
import { consistency, keyBytesProblem, kvNamespace, listHeaders, readWish } from './kv-request.ts';
import { json, type Operation, operation } from './operation.ts';
import { invalid } from './problem.ts';
import { shardMapOf } from './reach.ts';
import { inSession } from './session.ts';

const LIMIT_MAX = 1_000;
/** Pages of the shards for one of the client's: where much was purged, some of them are empty. */
const ROUNDS_MAX = 8;

const limitMessage = `must be a whole number from 1 to ${LIMIT_MAX}`;

const listQuery = z.strictObject({
  prefix: z
    .string()
    .superRefine((prefix, context) => {
      const message = prefix === '' ? null : keyBytesProblem(prefix);
      if (message !== null) context.addIssue({ code: 'custom', message });
    })
    .default('')
    .openapi({ description: 'Of keys.' }),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/, limitMessage)
    .transform(Number)
    .refine((limit) => limit <= LIMIT_MAX, limitMessage)
    .default(100)
    .openapi({ description: `1–${LIMIT_MAX}; default 100.` }),
  cursor: z.string().optional().openapi({ description: 'As the page before gave it.' }),
  consistency,
});

const listSchema = z
  .object({
    keys: z.array(z.object({ key: z.string(), etag: z.string(), bytes: z.int() })),
    cursor: z.string().nullable().describe('null: there are no more.'),
  })
  .openapi('KeyList');

export const KV_LIST_CALL: Operation = operation({
  method: 'GET',
  path: '/v1/kv/{namespace}',
  allowed: ['kv'],
  summary: 'Keys of a namespace in the order of their UTF-8 bytes, page by page.',
  query: listQuery,
  headers: listHeaders,
  answers: { 200: { description: 'A page; the last one has no cursor.', schema: listSchema } },
  handle: (call) =>
    inSession(call.request, async (session) => {
      const namespace = kvNamespace(call.path);
      const { prefix, limit, cursor } = call.query;
      const wish = readWish(call.query, session);
      let after = cursor === undefined ? null : nameIn(cursor, namespace, prefix);
      const map = await shardMapOf(call);
      session.knows(map);
      const found: PageEntry[] = [];
      for (let round = 1; ; round++) {
        const left = limit - found.length;
        const page = await call.edge.shards.kvPage(map, { namespace, prefix, after, limit: left }, wish);
        if (page.type !== 'page') throw failureProblem(page);
        for (const [groupId, bookmark] of Object.entries(page.bookmarks)) session.saw(groupId, bookmark);
        found.push(...page.entries);
        after = page.upTo;
        if (after === null || found.length >= limit || round === ROUNDS_MAX) break;
      }
      return json({
        keys: found.map(({ name, etag, bodyBytes }) => ({ key: name, etag: `"${etag}"`, bytes: bodyBytes })),
        cursor: after === null ? null : encodeCursor(namespace, prefix, after),
      });
    }),
});

function nameIn(cursor: string, namespace: string, prefix: string): string {
  const reading = decodeCursor(cursor, namespace, prefix);
  if (reading.type === 'cursor') return reading.name;
  const message = `must be a cursor that a page of this listing gave (${reading.reason})`;
  throw invalid([{ path: 'cursor', message }]);
}
