// Key-value data over HTTP: GET, HEAD, PUT and DELETE of one key. Values, lifetimes and conditions live in the
// shards; every level of consistency is served by the primary, which is at least as strong as what was asked for.
import { kvEntryKey } from '../../core/sharding/entry-key.ts';
import type { KvRead, UnstagedCommand, WriteOutcome } from '../data-plane/shard-client.ts';
import { matchesStrongly, matchesWeakly, tagCondition } from './entity-tags.ts';
import {
  type KvAddress,
  kvAddress,
  kvDeleteQuery,
  kvReadHeaders,
  kvReadQuery,
  kvWriteHeaders,
  kvWriteQuery,
  refuseForeignRepresentation,
  writeCondition,
  writeRequestId,
} from './kv-request.ts';
import { type Call, type Operation, operation } from './operation.ts';
import { invalid, Problem } from './problem.ts';
import { shardMapOf } from './reach.ts';
import { readBytes } from './read-body.ts';
import { inSession, type Session } from './session.ts';

const PATH = '/v1/kv/{namespace}/{key}';
const VALUE_MAX_BYTES = 1024 * 1024;
const DEFAULT_TYPE = 'application/octet-stream';

/** What is kept beside the bytes of a value. */
interface ValueMeta {
  readonly contentType: string;
}

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
    query: kvDeleteQuery,
    headers: kvWriteHeaders,
    answers: {
      204: { description: 'Removed.' },
      404: { description: 'There is no such key.' },
      412: { description: 'If-Match does not name the current ETag.' },
      504: { description: 'Outcome unknown: may be sent again with the same Idempotency-Key.' },
    },
    handle: (call) => inSession(call.request, (session) => remove(call, session)),
  }),
];

async function get(call: Call<unknown, unknown>, session: Session): Promise<Response> {
  const address = kvAddress(call.path);
  const { headers, method } = call.request;
  const ifMatch = tagCondition(headers, 'If-Match');
  const ifNoneMatch = tagCondition(headers, 'If-None-Match');
  const found = await read(call, session, address, method !== 'HEAD');
  const etag = found.type === 'found' ? found.etag : null;
  if (ifMatch && !matchesStrongly(ifMatch, etag)) throw conditionFailed(etag);
  if (found.type === 'absent') throw noSuchKey(address);

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

async function read(
  call: Call<unknown, unknown>,
  session: Session,
  { namespace, key }: KvAddress,
  withBody: boolean,
): Promise<KvRead> {
  const map = await shardMapOf(call);
  const answer = await call.edge.shards.kvRead(map, kvEntryKey(namespace, key), withBody);
  if (answer.type === 'found' || answer.type === 'absent') {
    session.saw(answer.groupId, answer.bookmark);
    return answer;
  }
  throw unavailable(answer.detail);
}

async function put(
  call: Call<{ ttl?: number | undefined; tags?: string[] | undefined }, unknown>,
  session: Session,
): Promise<Response> {
  const address = kvAddress(call.path);
  const { headers } = call.request;
  refuseForeignRepresentation(headers);
  const condition = writeCondition(headers);
  const meta: ValueMeta = { contentType: headers.get('content-type') ?? DEFAULT_TYPE };
  const { ttl, tags = [] } = call.query;
  const result = await write(call, session, address, {
    type: 'put',
    key: kvEntryKey(address.namespace, address.key),
    meta: JSON.stringify(meta),
    body: await readBytes(call.request, VALUE_MAX_BYTES),
    condition,
    ttlMs: ttl === undefined ? null : ttl * 1000,
    tags,
  });
  if (result.type !== 'stored') throw unexpected(result.type);
  return new Response(null, { status: result.created ? 201 : 204, headers: { etag: `"${result.etag}"` } });
}

async function remove(call: Call<unknown, unknown>, session: Session): Promise<Response> {
  const address = kvAddress(call.path);
  const condition = writeCondition(call.request.headers);
  const key = kvEntryKey(address.namespace, address.key);
  const result = await write(call, session, address, { type: 'delete', key, condition });
  if (result.type !== 'deleted') throw unexpected(result.type);
  if (!result.existed) throw noSuchKey(address);
  return new Response(null, { status: 204 });
}

/** The result of a write that was carried out; refusals and failures are thrown. */
async function write(
  call: Call<unknown, unknown>,
  session: Session,
  address: KvAddress,
  command: UnstagedCommand & { readonly key: string },
): Promise<WriteOutcome['result']> {
  const { edge, request } = call;
  const requestId = await writeRequestId(request.headers, address, edge.newRequestId);
  const outcome = await edge.shards.write(await shardMapOf(call), command.key, requestId, command);
  switch (outcome.type) {
    case 'unavailable':
      throw unavailable(outcome.detail);
    case 'outcome-unknown':
      throw new Problem('outcome-unknown', `The write may or may not have happened: ${outcome.detail}`);
    case 'result':
      break;
    default:
      outcome satisfies never;
  }
  session.saw(outcome.groupId, outcome.bookmark);
  const { result } = outcome;
  if (result.type === 'condition-failed') throw conditionFailed(result.etag);
  if (result.type === 'full') throw new Problem('full', `Cannot store "${address.key}": its shard is full`);
  if (result.type === 'request-mismatch') {
    const message = 'was used for another write of this key within the last 10 minutes';
    throw invalid([{ path: 'Idempotency-Key', message }]);
  }
  return result;
}

function conditionFailed(etag: string | null): Problem {
  const detail = etag === null ? 'There is no such key' : `The current ETag is "${etag}"`;
  return new Problem('precondition-failed', detail, {
    headers: etag === null ? {} : { etag: `"${etag}"` },
    members: { etag: etag === null ? null : `"${etag}"` },
  });
}

function noSuchKey({ namespace, key }: KvAddress): Problem {
  return new Problem('not-found', `There is no key ${JSON.stringify(key)} in namespace "${namespace}"`);
}

function unavailable(detail: string): Problem {
  return new Problem('shard-unavailable', `Nothing was done: ${detail}`, { headers: { 'retry-after': '1' } });
}

function unexpected(type: string): Error {
  return new Error(`Cannot answer a key-value write: a shard answered "${type}"`);
}
