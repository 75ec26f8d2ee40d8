// What the shards hold for a request, and what follows from it: answer, ask the origin, or pass the cache by. A shard
// that cannot be reached is not an empty one: then the request goes to the origin and nothing is stored.

import { asksForRange, bypassReason } from '../../core/cache/bypass.ts';
import { cacheKeyOf, keyPartsOf } from '../../core/cache/cache-key.ts';
import type { ForwardReason } from '../../core/cache/decision.ts';
import type { Confirmation } from '../../core/cache/flights.ts';
import type { AskingRequest } from '../../core/cache/memory-tier.ts';
import type { ReusePolicy } from '../../core/cache/policy.ts';
import type { StoredResponse } from '../../core/cache/stored-response.ts';
import { WAIT_LIMITS, WaitForFlight } from '../../core/cache/wait-for-flight.ts';
import { routeTableOf } from '../../core/config/route-table.ts';
import type { Route } from '../../core/config/schema.ts';
import { type Fields, fieldValue } from '../../core/http/fields.ts';
import { isOfArrival } from '../../core/http/forward-fields.ts';
import type { ByteRange } from '../../core/http/ranges.ts';
import type { SelectingFields } from '../../core/http/vary.ts';
import { type Bookmark, decodeBookmark, mergeBookmarks } from '../../core/replication/bookmark.ts';
import type { FillToken } from '../../core/replication/commands.ts';
import { fetchIdOf } from '../../core/replication/fetch-id.ts';
import { allowsCopies } from '../../core/replication/read-need.ts';
import { joinFlight, WAIT } from './join-flight.ts';
import { leaveCopy, noteContact, takeCopy } from './platform-copies.ts';
import { readStored } from './read-stored.ts';
import { ReadAlong } from './send-shared.ts';
import type { Lookup, ShardFailure } from './shard-client.ts';
import type { Visit } from './visit.ts';
import { sleep, within } from './within.ts';

export type StoredBody = Uint8Array | ReadableStream<Uint8Array> | null;

export interface CacheHit {
  readonly type: 'hit';
  readonly stored: StoredResponse;
  readonly body: StoredBody | ReadAlong;
  /** Of the whole, 0 while that is not known; `span`: which of them `body` holds, null = all. */
  readonly bodyBytes: number;
  readonly span: ByteRange | null;
  readonly ttlSeconds: number;
  /** Stale, and this request is the one that has it renewed (RFC 5861 §3); null = nobody, or another. */
  readonly refresh: { readonly key: string; readonly lease: FillToken } | null;
  /** Another request fetched it, and this one waited for that. */
  readonly collapsed?: boolean;
}

export interface CacheForward {
  readonly type: 'forward';
  readonly key: string;
  readonly forward: ForwardReason;
  readonly reason: string;
  /** null: another request is filling this key, or nothing of this one may be stored. */
  readonly lease: FillToken | null;
  /** What is stored and may not be used as it is. */
  readonly stale: StaleEntry | null;
  /** The part that is stored of it, to be joined to what comes. */
  readonly part: PartEntry | null;
  /** Tags of stored variants, none of which answers by itself. */
  readonly offered: readonly string[];
}

export interface PartEntry {
  readonly stored: StoredResponse;
  readonly body: StoredBody;
  readonly bodyBytes: number;
  /** The whole is wanted, and the origin is asked for what follows; else it is asked as the client asks. */
  readonly rest: boolean;
}

export interface StaleEntry {
  readonly stored: StoredResponse;
  readonly body: StoredBody;
  readonly bodyBytes: number;
  /** It has a validator: the origin is asked whether it still holds. */
  readonly mayBeConfirmed: boolean;
}

export type CacheAnswer =
  /** The route does not cache. */
  | { readonly type: 'off' }
  /** The cache is not asked, or cannot answer. */
  | {
      readonly type: 'bypass';
      readonly forward: ForwardReason;
      readonly reason: string | null;
      /** Of a POST, whose answer may be what a later GET is to get. */
      readonly change?: { readonly key: string; readonly token: FillToken };
    }
  /** The client wants a stored response only (RFC 9111 §5.2.1.7). */
  | { readonly type: 'not-cached'; readonly detail: string }
  | CacheHit
  | CacheForward;

const OFF: CacheAnswer = { type: 'off' };

/** At once on a route that does not cache, and what this isolate remembers. */
export function lookUp(visit: Visit): CacheAnswer | Promise<CacheAnswer> {
  const { tally, method, ownFields, isUpgrade, route, target } = visit;
  if (!route.cache.enabled) return OFF;
  const refused = cannotAsk(method, ownFields, { hasBody: hasBody(visit), isUpgrade });
  if (refused !== null) return askCache(visit, refused);
  const { headers } = route.cache.key;
  // Few keys name any, and hardly one of them names what depends on who the client is.
  const keyedBy = headers.length > 0 && headers.some(isOfArrivalInAnyCase) ? visit.fields : ownFields;
  const keyed = {
    key: cacheKeyOf(target, route.cache.key),
    keyParts: keyPartsOf(route.cache.key, keyedBy),
    policy: reusePolicyOf(route),
  };
  const recalled = allowsCopies(route.cache.consistency) ? recall(visit, keyed, visit.startedAt) : null;
  if (recalled === null) return askCache(visit, ask(visit, keyed));
  tally.cache = 'hit';
  return recalled;
}

function isOfArrivalInAnyCase(name: string): boolean {
  return isOfArrival(name.toLowerCase());
}

async function askCache(visit: Visit, asked: CacheAnswer | Promise<CacheAnswer>): Promise<CacheAnswer> {
  const { tally, method, isUpgrade } = visit;
  const answer = await asked;
  if (answer.type === 'bypass' && method === 'POST' && !isUpgrade) return withToken(visit, answer);
  tally.cache = answer.type === 'bypass' || answer.type === 'forward' ? answer.forward : answer.type;
  return answer;
}

/** A POST is not kept waiting for longer: then its answer is not stored. */
const TOKEN_WAIT_MS = 250;

/**
 * A token from before the change is what lets its answer be stored: whatever happens to the URL meanwhile refuses it.
 * Where the last answer was none to store, none is asked for, for a while.
 */
async function withToken(
  visit: Visit,
  answer: Extract<CacheAnswer, { type: 'bypass' }>,
): Promise<CacheAnswer> {
  const { edge, snapshot, target, fields, route } = visit;
  visit.tally.cache = answer.forward;
  const key = cacheKeyOf(target, route.cache.key);
  const { host, path } = target;
  const isReadHere = routeTableOf(snapshot.config).match(host, path, 'GET')?.id === route.id;
  if (answer.forward !== 'method' || !isReadHere || edge.passMemory.has(passKeyOfPost(key))) return answer;
  const asked = edge.shards.lookup(snapshot.shardMap, {
    key,
    method: 'POST',
    fields: [],
    keyParts: keyPartsOf(route.cache.key, fields),
    policy: reusePolicyOf(route),
    wish: { level: 'any', bookmark: {} },
    wantLease: true,
  });
  const lookup = await within(asked, TOKEN_WAIT_MS);
  const token = lookup?.type === 'decision' ? lookup.lease : null;
  return token === null ? answer : { ...answer, change: { key, token } };
}

/** Under which it is remembered that answers to POSTs of this key are not stored. */
export function passKeyOfPost(key: string): string {
  return `POST ${key}`;
}

/** Requests that the cache has nothing to say about. */
export function cannotAsk(
  method: string,
  fields: Fields,
  { hasBody, isUpgrade }: { readonly hasBody: boolean; readonly isUpgrade: boolean },
): CacheAnswer | null {
  const reason = isUpgrade ? 'upgrade' : bypassReason({ method, fields, hasBody });
  if (reason === null) return null;
  return reason === 'method'
    ? { type: 'bypass', forward: 'method', reason: null }
    : { type: 'bypass', forward: 'bypass', reason };
}

/** A body that is announced as empty is none. */
function hasBody({ request }: Visit): boolean {
  return request.body !== null && request.headers.get('content-length') !== '0';
}

/** Beyond this isolate's memory. */
async function ask(visit: Visit, keyed: KeyedLookup): Promise<CacheAnswer> {
  const { edge, snapshot, method, fields, route } = visit;
  const { key, keyParts, policy } = keyed;
  const wantLease = method === 'GET';
  // What is fetched for one range is of no use to most others.
  const mayWait = wantLease && !asksForRange({ method, fields });
  const level = route.cache.consistency;
  const mayRecall = allowsCopies(level);
  const copied = mayRecall && edge.platformCache.isThere ? await takeCopy(visit, keyed) : null;
  if (copied !== null) return copied;
  const bookmark = level === 'session' ? sessionOf(visit) : {};
  const see = (group: Confirmation): void => {
    if (level === 'session') visit.session = mergeBookmarks(bookmark, { [group.groupId]: group.bookmark });
  };
  const joinsUnasked = mayWait && mayWaitUnasked(fields);
  let askedAt = edge.now();
  const wait = new WaitForFlight(edge.flights, key, askedAt, WAIT_LIMITS, joinsUnasked);
  for (; ; askedAt = edge.now()) {
    const joined = mayWait ? joinFlight(visit, wait, keyParts) : WAIT;
    if (joined.type === 'joined') {
      wait.joins();
      see(joined.confirmation);
      return joined.hit;
    }
    const mayNotShare = !mayWait || joined.type === 'alone' || edge.passMemory.has(key);
    if (wait.asks(askedAt, mayNotShare)) {
      // Who is to join a fetch before it is stored must know what a majority knows now.
      const question = mayWait ? wait.question(askedAt) : null;
      const lookup = await edge.shards.lookup(snapshot.shardMap, {
        key,
        method,
        fields,
        keyParts,
        policy,
        wish: { level: question === null ? level : 'linearizable', bookmark },
        wantLease,
      });
      if (question !== null && lookup.type !== 'decision') {
        // What is fetched here may still be had.
        wait.isLeftUnanswered();
        await sleep(wait.pauseMs());
        continue;
      }
      const answer = interpret(lookup, key);
      if (lookup.type === 'decision') {
        see(lookup);
        noteContact(edge, lookup, askedAt);
      }
      if (mayRecall && answer.type === 'hit' && lookup.type === 'decision') {
        remember(visit, key, lookup, answer, askedAt);
      }
      const isTaken = answer.type === 'forward' && answer.lease === null && mayWait;
      if (!isTaken) {
        // It is to fetch itself, and the others go on waiting for that, unless what came is another variant.
        if (mayWait) wait.ends(answer.type === 'forward' && answer.forward !== 'vary-miss');
        return answer.type === 'hit' && wait.hasJoined ? { ...answer, collapsed: true } : answer;
      }
      // Somebody else is fetching it. His response will do, if it can be shared and comes soon.
      const fetchId = lookup.type === 'decision' && lookup.takenBy ? fetchIdOf(lookup.takenBy) : null;
      if (!wait.goesOn(askedAt, mayServe(answer, wait.hasWaitedForAnother(fetchId)))) {
        return { ...answer, reason: 'fetch-under-way' };
      }
      discardBodies(answer);
      if (question !== null && fetchId !== null && lookup.type === 'decision') {
        if (wait.confirms(question, fetchId, lookup)) continue;
      }
    }
    await sleep(wait.pauseMs());
    const found = mayRecall ? recall(visit, keyed, edge.now()) : null;
    if (found !== null) return { ...found, collapsed: wait.hasJoined };
  }
}

/** Who says what it wants of caches asks first whether there is anything to wait for. */
function mayWaitUnasked(fields: Fields): boolean {
  return !fields.some(([name]) => name === 'cache-control' || name === 'pragma');
}

/**
 * Whether what another fetches could answer this request: not where each is to be confirmed for itself, nor where what
 * was waited for has turned out to be another variant.
 */
function mayServe({ reason, forward, stale }: CacheForward, hasWaited: boolean): boolean {
  if (OF_THIS_REQUEST.has(reason) || (hasWaited && forward === 'vary-miss')) return false;
  return stale === null || stale.stored.freshUntilAt > stale.stored.receivedAt;
}

const OF_THIS_REQUEST = new Set(['no-cache', 'request-no-cache', 'request-max-age', 'request-min-fresh']);

/** What the client's session has seen; what is no bookmark of ours names nothing, and is read past. */
function sessionOf({ received }: Visit): Bookmark {
  const reading = decodeBookmark(fieldValue(received, 'roundel-bookmark') ?? '');
  return reading.type === 'bookmark' ? reading.bookmark : {};
}

export interface KeyedLookup {
  readonly key: string;
  readonly keyParts: SelectingFields;
  readonly policy: ReusePolicy;
}

/** Out of this isolate's memory; null: the shard has to be asked. */
function recall(visit: Visit, { key, keyParts, policy }: KeyedLookup, nowMs: number): CacheHit | null {
  const { edge, snapshot, method } = visit;
  const asking: AskingRequest = {
    method,
    fields: () => visit.fields,
    ownFields: visit.ownFields,
    keyParts,
  };
  const found = edge.memory(snapshot.config.l1.bytesMax).find(key, asking, nowMs, policy);
  if (found === null) return null;
  const { held, ttlSeconds } = found;
  const { stored, body } = held;
  return { type: 'hit', stored, body, bodyBytes: body.byteLength, span: null, ttlSeconds, refresh: null };
}

/** What came whole and at once, and could be no other one: for as long as the shard's bound lets it be used. */
function remember(visit: Visit, key: string, lookup: Lookup, hit: CacheHit, askedAt: number): void {
  const { edge, snapshot } = visit;
  const { stored, body, bodyBytes } = hit;
  const { ageMs, boundMs, isOnlyChoice } = lookup;
  if (!(body instanceof Uint8Array) || body.byteLength !== bodyBytes || !isOnlyChoice || ageMs === null)
    return;
  const usableUntil = askedAt + boundMs - ageMs;
  edge.memory(snapshot.config.l1.bytesMax).keep(key, { stored, body, askedAt, usableUntil }, edge.now());
  leaveCopy(visit, key, lookup, { stored, body });
}

export function interpret(lookup: Lookup | ShardFailure, key: string): CacheAnswer {
  if (lookup.type !== 'decision') {
    return { type: 'bypass', forward: 'bypass', reason: 'shard-unavailable' };
  }
  const { decision, meta, body, bodyBytes, span = null, lease } = lookup;
  if (decision.type === 'not-cached') return { type: 'not-cached', detail: decision.reason };
  const stored = meta === null ? null : readStored(meta);
  if (decision.type === 'hit') {
    const { ttlSeconds } = decision;
    const refresh = decision.refresh && lease !== null ? { key, lease } : null;
    if (stored !== null) return { type: 'hit', stored, body, bodyBytes, span, ttlSeconds, refresh };
    discard(body);
    return { type: 'bypass', forward: 'bypass', reason: 'unreadable-entry' };
  }
  const { forward, reason } = decision;
  if (forward === 'bypass') {
    discard(body);
    return { type: 'bypass', forward, reason };
  }
  const offered = decision.type === 'offer' ? decision.tags : [];
  const forwarded = { type: 'forward', key, forward, reason, lease, offered } as const;
  if (decision.type === 'extend') {
    const part = stored && { stored, body, bodyBytes, rest: decision.rest };
    return { ...forwarded, stale: null, part };
  }
  const mayBeConfirmed = decision.type === 'revalidate';
  const stale = stored && { stored, body, bodyBytes, mayBeConfirmed };
  return { ...forwarded, stale, part: null };
}

/** What a shard needs of the route's whole policy. */
export function reusePolicyOf({ cache }: Route): ReusePolicy {
  const { requestDirectives, staleWhileRevalidateSeconds } = cache;
  return { requestDirectives, staleWhileRevalidateSeconds };
}

/** Of what is stored and will not be needed. */
export function discardBodies({ stale, part }: CacheForward): void {
  discard(stale?.body ?? null);
  discard(part?.body ?? null);
}

/** A body that nobody will read must not hold its stream open. */
export function discard(body: CacheHit['body']): void {
  if (body instanceof ReadableStream) body.cancel().catch(() => {});
  else if (body instanceof ReadAlong) body.leave();
}
