// Copies in the platform's cache on a request's way: taken where this isolate's own contacts with the shard say that they
// show what a bounded read has to, left where the shard has just been read. Beside the platform there is nothing to lose:
// what cannot be told of a copy makes it none.
import { decideReuse } from '../../core/cache/reuse.ts';
import { isNewer } from '../../core/replication/viewstamp.ts';
import type { Edge } from '../edge.ts';
import type { CacheHit, KeyedLookup } from './cache-lookup.ts';
import type { PlatformCopy } from './platform-cache.ts';
import type { Lookup } from './shard-client.ts';
import type { Visit } from './visit.ts';

/** For bounded reads. null: the shard has to be asked. */
export async function takeCopy(
  { edge, snapshot, request, fields }: Visit,
  { key, keyParts, policy }: KeyedLookup,
): Promise<CacheHit | null> {
  const askedAt = edge.now();
  const { groupId } = edge.shards.groupOf(snapshot.shardMap, key);
  // Without a contact that still counts no copy could be used, so none is looked for.
  if (!edge.contacts.hasAny(groupId, askedAt)) return null;
  const copy = await edge.platformCache.find(key);
  const nowMs = edge.now();
  if (copy === null || copy.groupId !== groupId || !showsOwnPurges(edge, copy)) return null;
  const usableUntil = edge.contacts.usableUntil(groupId, copy.place);
  if (nowMs >= usableUntil) return null;
  const { stored, body } = copy;
  const { decision } = decideReuse({ method: request.method, fields, keyParts }, [stored], nowMs, policy);
  if (decision.type !== 'hit' || decision.refresh) return null;
  edge.memory(snapshot.config.l1.bytesMax).keep(key, { stored, body, askedAt, usableUntil }, nowMs);
  const { ttlSeconds } = decision;
  return { type: 'hit', stored, body, bodyBytes: body.byteLength, span: null, ttlSeconds, refresh: null };
}

/** Whoever purges here and looks here next sees that it is done. */
function showsOwnPurges({ shards }: Edge, { groupId, place }: PlatformCopy): boolean {
  const purge = shards.lastPurgeIn(groupId);
  return purge === null || !isNewer(purge, place);
}

/** Of what a bounded read of the shard has shown. */
export function leaveCopy(
  { edge, context }: Visit,
  key: string,
  { groupId, bookmark }: Lookup,
  { stored, body }: Pick<PlatformCopy, 'stored' | 'body'>,
): void {
  if (edge.platformCache.isThere) {
    context.waitUntil(edge.platformCache.keep(key, { stored, body, groupId, place: bookmark }));
  }
}

export function noteContact(
  { platformCache, contacts }: Edge,
  { groupId, bookmark, ageMs, boundMs }: Lookup,
  askedAt: number,
): void {
  if (platformCache.isThere && ageMs !== null) contacts.heard(groupId, bookmark, askedAt + boundMs - ageMs);
}
