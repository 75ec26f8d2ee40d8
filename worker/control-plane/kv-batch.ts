// Batches of key-value data: up to a hundred ops, one round trip for each shard concerned, each op for itself. What
// concerns one key happens in the order of the batch; there is no transaction across them.
import { z } from '@hono/zod-openapi';
import { parseEntityTagList } from '../../core/http/etag.ts';
import type { Condition } from '../../core/replication/commands.ts';
import { kvEntryKey } from '../../core/sharding/entry-key.ts';
import type { BatchOutcome } from '../../durable-objects/interfaces/shard-replica.ts';
import type { ShardFailure } from '../data-plane/shard-client.ts';
import type { KvOp } from '../data-plane/shard-kv-calls.ts';
import { failureProblem, metaText, writtenOf } from './kv-answers.ts';
import {
  batchHeaders,
  conditionOf,
  kvKey,
  kvNamespace,
  kvReadQuery,
  readWish,
  tagList,
  ttlSeconds,
  writeRequestId,
} from './kv-request.ts';
import { json, type Operation, operation } from './operation.ts';
import { Problem, statusOf } from './problem.ts';
import { shardMapOf } from './reach.ts';
import { inSession } from './session.ts';

const OPS_MAX = 100;
const wellFormed = z.string().refine((text) => text.isWellFormed(), 'must be well-formed Unicode');

const ifMatch = z
  .string()
  .transform((text, context) => {
    const tags = parseEntityTagList(text);
    if (tags !== null) return conditionOf(tags);
    context.addIssue({ code: 'custom', message: 'must be "*" or a list of entity tags in quotes' });
    return z.NEVER;
  })
  .optional()
  .openapi({ type: 'string', description: 'As the If-Match field.' });

const base64 = z
  .string()
  .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'must be base64 (RFC 4648 §4)');

const put = z
  .strictObject({
    op: z.literal('put'),
    key: kvKey,
    value: wellFormed.optional(),
    valueBase64: base64.optional(),
    ifMatch,
    ttl: ttlSeconds.optional(),
    tags: tagList.default([]),
  })
  .superRefine(({ value, valueBase64 }, context) => {
    if ((value === undefined) !== (valueBase64 === undefined)) return;
    const message = 'give exactly one of "value" and "valueBase64"';
    context.addIssue({ code: 'custom', message, path: ['value'] });
  });

const batchSchema = z
  .strictObject({
    ops: z
      .array(
        z.discriminatedUnion('op', [
          z.strictObject({ op: z.literal('get'), key: kvKey }),
          put,
          z.strictObject({ op: z.literal('delete'), key: kvKey, ifMatch }),
          z.strictObject({
            op: z.literal('increment'),
            key: kvKey,
            by: z.int().default(1),
            ifMatch,
            ttl: ttlSeconds.optional().openapi({ description: 'Of a pair that this makes.' }),
            tags: tagList.default([]),
          }),
        ]),
      )
      .max(OPS_MAX),
  })
  .openapi('Batch');

type Op = z.infer<typeof batchSchema>['ops'][number];

const resultsSchema = z
  .object({
    results: z.array(
      z.object({
        status: z.int(),
        etag: z.string().nullable().optional(),
        value: z.union([z.string(), z.number()]).optional(),
        valueBase64: z.string().optional(),
        problem: z.string().optional().describe('Code of the problem that kept it from being done.'),
      }),
    ),
  })
  .openapi('BatchResults');

type Result = z.infer<typeof resultsSchema>['results'][number];

export const KV_BATCH_CALL: Operation = operation({
  method: 'POST',
  path: '/v1/kv/{namespace}',
  allowed: ['kv'],
  summary: `Up to ${OPS_MAX} reads and writes; each is done, or not, for itself.`,
  query: kvReadQuery,
  headers: batchHeaders,
  body: { type: 'json', schema: batchSchema },
  answers: { 200: { description: 'The result of each op, in order.', schema: resultsSchema } },
  handle: (call) =>
    inSession(call.request, async (session) => {
      const namespace = kvNamespace(call.path);
      const { ops } = call.body;
      const { edge, request } = call;
      const wanted = await Promise.all(
        ops.map(async (op, place): Promise<KvOp> => {
          const reqId = await writeRequestId(request.headers, namespace, op.key, edge.newRequestId, place);
          return kvOpOf(namespace, op, reqId);
        }),
      );
      const map = await shardMapOf(call);
      session.knows(map);
      const { outcomes, bookmarks } = await edge.shards.kvBatch(map, wanted, readWish(call.query, session));
      for (const [groupId, bookmark] of Object.entries(bookmarks)) session.saw(groupId, bookmark);
      return json({ results: outcomes.map((outcome, i) => resultOf(outcome, namespace, ops[i]?.key ?? '')) });
    }),
});

function kvOpOf(namespace: string, op: Op, reqId: string): KvOp {
  const key = kvEntryKey(namespace, op.key);
  const condition: Condition | null = 'ifMatch' in op ? (op.ifMatch ?? null) : null;
  switch (op.op) {
    case 'get':
      return { type: 'read', key };
    case 'delete':
      return { type: 'write', reqId, command: { type: 'delete', key, condition } };
    case 'increment': {
      const { by, tags } = op;
      const meta = metaText(TEXT);
      const command = { type: 'increment', key, by, condition, meta, ttlMs: ttlMsOf(op.ttl), tags } as const;
      return { type: 'write', reqId, command };
    }
    case 'put': {
      const { value, valueBase64, tags } = op;
      const body = value === undefined ? bytesOf(valueBase64 ?? '') : new TextEncoder().encode(value);
      const meta = metaText(value === undefined ? 'application/octet-stream' : TEXT);
      const command = { type: 'put', key, meta, body, condition, ttlMs: ttlMsOf(op.ttl), tags } as const;
      return { type: 'write', reqId, command };
    }
  }
}

const TEXT = 'text/plain; charset=utf-8';

function ttlMsOf(seconds: number | undefined): number | null {
  return seconds === undefined ? null : seconds * 1000;
}

function resultOf(outcome: BatchOutcome | ShardFailure, namespace: string, key: string): Result {
  try {
    switch (outcome.type) {
      case 'found':
        return { status: 200, etag: `"${outcome.etag}"`, ...asText(outcome.body ?? new Uint8Array()) };
      case 'absent':
        return { status: 404 };
      case 'too-much':
        throw new Problem('too-large', 'The values of the batch are too large together: read it by itself');
      case 'result': {
        const written = writtenOf(outcome.result, namespace, key);
        if (written.type === 'deleted') return { status: 204 };
        const etag = `"${written.etag}"`;
        if (written.type === 'incremented') return { status: 200, etag, value: written.value };
        return { status: written.created ? 201 : 204, etag };
      }
      default:
        throw failureProblem(outcome);
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const etag = error.extras.members?.etag as string | null | undefined;
    return { status: statusOf(error.code), ...(etag === undefined ? {} : { etag }), problem: error.code };
  }
}

/** As text where it is UTF-8, so that what was put as text comes back so. */
function asText(bytes: Uint8Array): Pick<Result, 'value' | 'valueBase64'> {
  try {
    return { value: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { valueBase64: base64Of(bytes) };
  }
}

function base64Of(bytes: Uint8Array): string {
  const PIECE = 0x8000;
  let text = '';
  for (let at = 0; at < bytes.byteLength; at += PIECE) {
    text += String.fromCharCode(...bytes.subarray(at, at + PIECE));
  }
  return btoa(text);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
