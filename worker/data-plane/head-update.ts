// The answer to a HEAD renews the stored response to a GET, or makes it stale (RFC 9111 §4.3.5): beside the answer, since
// the client of a HEAD waits for neither.
import { judgeHead } from '../../core/cache/head-update.ts';
import { tagsOf } from '../../core/cache/response-tags.ts';
import { decodeStored, encodeStored, type StoredResponse } from '../../core/cache/stored-response.ts';
import { fieldValue } from '../../core/http/fields.ts';
import { type CacheAnswer, discard, reusePolicyOf } from './cache-lookup.ts';
import type { Answered } from './make-attempt.ts';
import { type Visit, withoutConditions } from './visit.ts';

/** Undefined where there is nothing to update. Rejects never. */
export function updateByHead(visit: Visit, cached: CacheAnswer, origin: Answered): Promise<void> | undefined {
  if (visit.request.method !== 'HEAD' || cached.type !== 'forward' || cached.stale === null) return undefined;
  const { stored, bodyBytes } = cached.stale;
  const { response, requestedAt, receivedAt } = origin;
  const { status, fields } = response;
  const authorized = fieldValue(visit.fields, 'authorization') !== undefined;
  const head = { status, fields, requestedAt, receivedAt, authorized };
  const update = judgeHead(stored, bodyBytes, head, visit.route.cache);
  if (update.type === 'unrelated') return undefined;
  // What is stale already needs nobody to say so.
  if (update.type === 'outdated') {
    return stored.freshUntilAt > receivedAt ? markStale(visit, cached.key).catch(() => {}) : undefined;
  }
  return storeAnew(visit, cached.key, stored, update).catch(() => {});
}

async function markStale({ edge, snapshot }: Visit, key: string): Promise<void> {
  await edge.shards.write(snapshot.shardMap, key, edge.newRequestId(), {
    type: 'purge',
    selector: { type: 'url', key },
    soft: true,
  });
  edge.memory(snapshot.config.l1.bytesMax).forget(key, edge.now());
}

/** A fill like any other, under a lease: if something has changed the entry meanwhile, that stands. */
async function storeAnew(
  visit: Visit,
  key: string,
  before: StoredResponse,
  { stored, variant, keepMs }: { stored: StoredResponse; variant: string; keepMs: number },
): Promise<void> {
  const { edge, snapshot, route, target } = visit;
  const lookup = await edge.shards.lookup(snapshot.shardMap, {
    key,
    method: 'GET',
    fields: withoutConditions(visit.fields),
    keyParts: before.keyParts,
    policy: reusePolicyOf(route),
    wish: { level: 'bounded', bookmark: {} },
    wantLease: true,
  });
  if (lookup.type !== 'decision') return;
  const { meta: found, body, bodyBytes, lease: token } = lookup;
  const isSame = found !== null && decodeStored(found).receivedAt === before.receivedAt;
  const read = tagsOf(stored.fields, target, route.cache);
  if (!isSame || token === null || read.type === 'refused') {
    discard(body);
    if (token !== null) await edge.shards.release(snapshot.shardMap, key, token);
    return;
  }
  const bytes =
    body instanceof ReadableStream ? new Uint8Array(await new Response(body).arrayBuffer()) : body;
  if (bytes === null || bytes.byteLength !== bodyBytes) {
    await edge.shards.release(snapshot.shardMap, key, token);
    return;
  }
  const meta = encodeStored(stored);
  const { tags } = read;
  const command = { type: 'fill', key, variant, meta, body: bytes, token, ttlMs: keepMs, tags } as const;
  await edge.shards.write(snapshot.shardMap, key, edge.newRequestId(), command, true);
}
