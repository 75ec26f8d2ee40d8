// Key-value data over HTTP: GET, HEAD, PUT, DELETE and increment of one key. Values, lifetimes and conditions live in
// the shards, and so does what a level of consistency means.
import { z } from '@hono/zod-openapi';
import type { Consistency } from '../../core/replication/read-need.ts';
import { kvEntryKey } from '../../core/sharding/entry-key.ts';
import type { UnstagedCommand } from '../data-plane/unstaged-command.ts';
import { matchesStrongly, matchesWeakly, tagCondition } from './entity-tags.ts';
import {
  conditionFailed,
  failureProblem,
  metaText,
  noSuchKey,
  type ValueMeta,
  type Written,
  writtenOf,
} from './kv-answers.ts';
import { KV_BATCH_CALL } from './kv-batch.ts';
import { KV_LIST_CALL } from './kv-list.ts';
import {
  incrementHeaders,
  type KvAddress,
  kvAddress,
  kvNoQuery,
  kvReadHeaders,
  kvReadQuery,
  kvWriteHeaders,
  kvWriteQuery,
  readWish,
  refuseForeignRepresentation,
  writeCondition,
  writeRequestId,
} from './kv-request.ts';
import { type Call, json, type Operation, operation } from './operation.ts';
import { shardMapOf } from './reach.ts';
import { readBytes } from './read-body.ts';
import { inSession, type Session } from './session.ts';

const PATH = '/v1/kv/{namespace}/{key}';
const VALUE_MAX_BYTES = 1024 * 1024;
const DEFAULT_TYPE = 'application/octet-stream';

const incrementSchema = z
  .strictObject({ by: z.int().default(1).describe('What is added: a safe integer.') })
  .openapi('Increment');

export const KV_CALLS: readonly Operation[] = [
  operation({
    method: 'GET',
    path: PATH,
    allowed: ['kv'],
    summary: 'The value of a key, with its Content-Type, ETag and Age.',
    query: kvReadQuery,
    headers: kvReadHeaders,
    answers: {
      200: { description: 'The value.' },
      304: { description: 'If-None-Match names the current ETag.' },
      404: { description: 'There is no such key.' },
      412: { description: 'If-Match does not name the current ETag.' },
    },
    handle: (call) => inSession(call.request, (session) => get(call, session)),
  }),
  operation({
    method: 'PUT',
    path: PATH,
    allowed: ['kv'],
    summary: 'Stores a value of at most 1 MiB.',
    query: kvWriteQuery,
    headers: kvWriteHeaders,
    body: { type: 'bytes' },
    answers: {
      201: { description: 'Created.' },
      204: { description: 'Replaced.' },
      412: { description: 'The condition does not hold; the current ETag is told.' },
      504: { description: 'Outcome unknown: may be sent again with the same Idempotency-Key.' },
      507: { description: 'The shard is full.' },
    },
    handle: (call) => inSession(call.request, (session) => put(call, session)),
  }),
  operation({
    method: 'DELETE',
    path: PATH,
    allowed: ['kv'],
    summary: 'Removes a key.',
    query: kvNoQuery,
    headers: kvWriteHeaders,
    answers: {
      204: { description: 'Removed.' },
      404: { description: 'There is no such key.' },
      412: { description: 'If-Match does not name the current ETag.' },
      504: { description: 'Outcome unknown: may be sent again with the same Idempotency-Key.' },
    },
    handle: (call) => inSession(call.request, (session) => remove(call, session)),
  }),
  operation({
    method: 'POST',
    path: `${PATH}/increment`,
    allowed: ['kv'],
    summary: 'Adds to an integer; what is absent counts as 0.',
    query: kvNoQuery,
    headers: incrementHeaders,
    body: { type: 'json', schema: incrementSchema },
    answers: {
      200: { description: 'The sum.', schema: z.object({ value: z.int() }).openapi('Incremented') },
      409: {
        description: 'The value is no integer, or the sum would not be a safe one: nothing is changed.',
      },
      412: { description: 'If-Match does not name the current ETag.' },
      504: { description: 'Outcome unknown: may be sent again with the same Idempotency-Key.' },
      507: { description: 'The shard is full.' },
    },
    handle: (call) => inSession(call.request, (session) => increment(call, session)),
  }),
  KV_LIST_CALL,
  KV_BATCH_CALL,
];

async function get(
  call: Call<{ consistency?: Consistency | undefined }, unknown>,
  session: Session,
): Promise<Response> {
  const { namespace, key } = kvAddress(call.path);
  const { headers, method } = call.request;
  const ifMatch = tagCondition(headers, 'If-Match');
  const ifNoneMatch = tagCondition(headers, 'If-None-Match');
  const map = await shardMapOf(call);
  session.knows(map);
  const wish = readWish(call.query, session);
  const found = await call.edge.shards.kvRead(map, kvEntryKey(namespace, key), wish, method !== 'HEAD');
  if (found.type !== 'found' && found.type !== 'absent') throw failureProblem(found);
  session.saw(found.groupId, found.bookmark);
  const etag = found.type === 'found' ? found.etag : null;
  if (ifMatch && !matchesStrongly(ifMatch, etag)) throw conditionFailed(etag);
  if (found.type === 'absent') throw noSuchKey(namespace, key);

  const answer = {
    etag: `"${found.etag}"`,
    age: String(Math.max(0, Math.floor((found.t - found.writtenAt) / 1000))),
  };
  if (ifNoneMatch && matchesWeakly(ifNoneMatch, etag))
    return new Response(null, { status: 304, headers: answer });
  const { contentType }: ValueMeta = JSON.parse(found.meta);
  return new Response(found.body, {
    headers: { ...answer, 'content-type': contentType, 'content-length': String(found.bodyBytes) },
  });
}

async function put(
  call: Call<{ ttl?: number | undefined; tags?: string[] | undefined }, unknown>,
  session: Session,
): Promise<Response> {
  const address = kvAddress(call.path);
  const { headers } = call.request;
  refuseForeignRepresentation(headers);
  const condition = writeCondition(headers);
  const { ttl, tags = [] } = call.query;
  const written = await write(call, session, address, {
    type: 'put',
    key: kvEntryKey(address.namespace, address.key),
    meta: metaText(headers.get('content-type') ?? DEFAULT_TYPE),
    body: await readBytes(call.request, VALUE_MAX_BYTES),
    condition,
    ttlMs: ttl === undefined ? null : ttl * 1000,
    tags,
  });
  if (written.type !== 'stored') throw unexpected(written.type);
  return new Response(null, { status: written.created ? 201 : 204, headers: { etag: `"${written.etag}"` } });
}

async function remove(call: Call<unknown, unknown>, session: Session): Promise<Response> {
  const address = kvAddress(call.path);
  const condition = writeCondition(call.request.headers);
  const key = kvEntryKey(address.namespace, address.key);
  await write(call, session, address, { type: 'delete', key, condition });
  return new Response(null, { status: 204 });
}

async function increment(call: Call<unknown, { by: number }>, session: Session): Promise<Response> {
  const address = kvAddress(call.path);
  const written = await write(call, session, address, {
    type: 'increment',
    key: kvEntryKey(address.namespace, address.key),
    by: call.body.by,
    condition: writeCondition(call.request.headers),
    meta: metaText('text/plain; charset=utf-8'),
    ttlMs: null,
    tags: [],
  });
  if (written.type !== 'incremented') throw unexpected(written.type);
  return json({ value: written.value }, { etag: `"${written.etag}"` });
}

/** What was done; refusals and failures are thrown. */
async function write(
  call: Call<unknown, unknown>,
  session: Session,
  { namespace, key }: KvAddress,
  command: UnstagedCommand & { readonly key: string },
): Promise<Written> {
  const { edge, request } = call;
  const requestId = await writeRequestId(request.headers, namespace, key, edge.newRequestId);
  const map = await shardMapOf(call);
  session.knows(map);
  const outcome = await edge.shards.write(map, command.key, requestId, command);
  if (outcome.type !== 'result') throw failureProblem(outcome);
  session.saw(outcome.groupId, outcome.bookmark);
  return writtenOf(outcome.result, namespace, key);
}

function unexpected(type: string): Error {
  return new Error(`Cannot answer a key-value write: it came to "${type}"`);
}
