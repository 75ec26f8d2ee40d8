// Puts an origin's response into its shard, off the client's path: under the lease that the lookup gave, so that
// only one of many requests stores it, and only if no purge has come between.
import { keyPartsOf } from '../../core/cache/cache-key.ts';
import type { Holding } from '../../core/cache/holding.ts';
import { type JoinedParts, joinParts } from '../../core/cache/join-parts.ts';
import { bytesNamed } from '../../core/cache/parts.ts';
import { decidePostStorable } from '../../core/cache/post-answer.ts';
import { tagsOf } from '../../core/cache/response-tags.ts';
import type { SharedBody } from '../../core/cache/shared-body.ts';
import { decideStorable, type NotStoredReason } from '../../core/cache/storable.ts';
import { encodeStored, type StoredResponse } from '../../core/cache/stored-response.ts';
import { fieldValue } from '../../core/http/fields.ts';
import type { FillToken } from '../../core/replication/commands.ts';
import { fetchIdOf } from '../../core/replication/fetch-id.ts';
import {
  type CacheAnswer,
  type CacheForward,
  discard,
  type PartEntry,
  passKeyOfPost,
} from './cache-lookup.ts';
import { holdsLease, reportProgress } from './hold-lease.ts';
import { joinBytes } from './join-bodies.ts';
import type { Answered } from './make-attempt.ts';
import type { BodyEnd, Keeping } from './relay-body.ts';
import type { UnstagedCommand } from './unstaged-command.ts';
import type { Visit } from './visit.ts';

export type FillPlan =
  | {
      readonly type: 'fill';
      readonly key: string;
      readonly token: FillToken;
      readonly stored: StoredResponse;
      readonly variant: string;
      readonly keepMs: number;
      readonly tags: readonly string[];
      /** How many bytes must come; null = by Content-Length, if at all. */
      readonly cameBytes: number | null;
      /** What is stored already of what will be stored. */
      readonly join: Join | null;
      /** All of the body is: only what is said of it is new. */
      readonly isStored: boolean;
    }
  /** `reason` is told in Cache-Status. */
  | { readonly type: 'none'; readonly reason: string | null };

export type FillToMake = Extract<FillPlan, { type: 'fill' }>;

interface Join extends Pick<JoinedParts, 'bytesBefore' | 'restFrom'> {
  readonly part: PartEntry;
}

/** Whether this response will be stored; a lease that is not needed goes back at once. */
export function planFill(visit: Visit, cached: CacheAnswer, origin: Answered): FillPlan {
  if (cached.type !== 'forward') return { type: 'none', reason: null };
  const plan = planToFill(visit, cached, origin);
  const { part } = cached;
  if (part !== null && !part.rest && (plan.type === 'none' || plan.join === null)) discard(part.body);
  return plan;
}

function planToFill(visit: Visit, cached: CacheForward, origin: Answered): FillPlan {
  const { request, route, fields, edge } = visit;
  const { response, requestedAt, receivedAt, asked = fields } = origin;
  const joined = joinedWith(visit, cached.part, origin);
  const { status, fields: responseFields } = joined?.response ?? response;
  const exchange = {
    request: { method: request.method, fields: asked },
    response: { status, fields: responseFields },
    keyParts: keyPartsOf(route.cache.key, fields),
    requestedAt,
    receivedAt,
  };
  const verdict = decideStorable(exchange, route.cache);
  const isTooLarge = response.bodyBytes !== null && response.bodyBytes > route.cache.maxObjectBytes;
  if (verdict.type === 'not-stored' || isTooLarge) {
    if (isTooLarge || verdict.type !== 'not-stored' || !OF_THE_REQUEST.has(verdict.reason)) {
      edge.passMemory.remember(cached.key);
    }
    giveBackLease(visit, cached);
    return { type: 'none', reason: verdict.type === 'not-stored' ? verdict.reason : 'too-large' };
  }
  edge.passMemory.forget(cached.key);
  const { stored, variant, keepMs } = verdict;
  const join = joined && cached.part && { ...joined, part: cached.part };
  const plan = planToStore(
    visit,
    cached,
    { stored, variant, keepMs },
    { cameBytes: bytesNamed(response), join, isStored: false },
  );
  if (plan.type === 'none') giveBackLease(visit, cached);
  return plan;
}

export type PostFill = Extract<UnstagedCommand, { type: 'fill' }>;

/**
 * The answer to a POST that a later GET is to get, as one command that purges the URL and stores it; null: there is none.
 * Only what has come whole already: the purge is not to wait for a body.
 */
export function planPostFill(visit: Visit, cached: CacheAnswer, origin: Answered): PostFill | null {
  const change = cached.type === 'bypass' ? cached.change : undefined;
  if (change === undefined) return null;
  const { request, route, fields, edge, target } = visit;
  const { response, requestedAt, receivedAt, first } = origin;
  const { status, fields: responseFields, bodyBytes } = response;
  const exchange = {
    request: { method: request.method, fields },
    response: { status, fields: responseFields },
    keyParts: keyPartsOf(route.cache.key, fields),
    requestedAt,
    receivedAt,
  };
  const verdict = decidePostStorable(exchange, target, route.cache);
  const bytes = first?.chunk?.value;
  const isWhole = bytes !== undefined && bytes.byteLength === bodyBytes;
  const read = verdict.type === 'storable' ? tagsOf(verdict.stored.fields, target, route.cache) : null;
  const isStored = isWhole && bytes.byteLength <= route.cache.maxObjectBytes && read?.type === 'tags';
  if (verdict.type === 'not-stored' || !isStored) {
    edge.passMemory.remember(passKeyOfPost(change.key));
    return null;
  }
  const { stored, variant, keepMs } = verdict;
  return {
    type: 'fill',
    ...change,
    variant,
    meta: encodeStored(stored),
    // The client gets the other one.
    body: bytes.slice(),
    ttlMs: keepMs,
    tags: read.tags,
    purges: true,
  };
}

/** null: what came stands for itself. The rest that was asked for is joined already. */
function joinedWith({ route }: Visit, part: PartEntry | null, origin: Answered): JoinedParts | null {
  if (part === null || part.rest) return null;
  const { stored, bodyBytes } = part;
  const joined = joinParts(stored, bodyBytes, origin.response, origin.receivedAt);
  const length = Number(fieldValue(joined?.response.fields ?? [], 'content-length') ?? 0);
  return length > route.cache.maxObjectBytes ? null : joined;
}

/** Under the tags that the response has: the lease must be there. */
export function planToStore(
  { target, route }: Visit,
  { key, lease, reason }: CacheForward,
  stored: Pick<FillToMake, 'stored' | 'variant' | 'keepMs'>,
  body: Pick<FillToMake, 'cameBytes' | 'join' | 'isStored'>,
): FillPlan {
  if (lease === null) return { type: 'none', reason };
  const read = tagsOf(stored.stored.fields, target, route.cache);
  if (read.type === 'refused') return { type: 'none', reason: read.reason };
  return { type: 'fill', key, token: lease, ...stored, tags: read.tags, ...body };
}

/** Reasons that say nothing of what others would get: they go on waiting for each other. */
const OF_THE_REQUEST: ReadonlySet<NotStoredReason> = new Set<NotStoredReason>([
  'head',
  'range',
  'content-range',
  'request-no-store',
  'vary-undecodable',
  'error-to-odd-request',
]);

/** Those who wait for it in this isolate may take it already, if that was confirmed. */
export function shareFill(visit: Visit, plan: FillToMake, body: SharedBody | Uint8Array): void {
  // What is to be joined with something is not what the response says before it is.
  if (plan.join === null) holdingOf(visit, plan)?.share({ stored: plan.stored, body }, visit.edge.now());
}

/** null: nobody waits for it here, as for what was asked for without a lease. */
function holdingOf(visit: Visit, { key, token }: FillToMake): Holding | null {
  return holdsLease(visit) ? visit.edge.flights.held(key, fetchIdOf(token), visit.edge.now()) : null;
}

/** Only a body that arrived whole is stored. Undefined when there is nothing to wait for. */
export function finishFill(visit: Visit, plan: FillPlan, end: BodyEnd): Promise<void> | undefined {
  if (plan.type === 'none') return undefined;
  const holding = holdingOf(visit, plan);
  holding?.goesOn(visit.edge.now());
  return fill(visit, plan, end).finally(() => {
    holding?.end();
  });
}

async function fill(visit: Visit, plan: FillToMake, end: BodyEnd): Promise<void> {
  const { edge, snapshot } = visit;
  const { key, variant, token, keepMs, stored, tags, isStored } = plan;
  const body = await bodyToStore(plan, end);
  if (body === null) {
    if (end.type === 'complete' && holdsLease(visit)) edge.passMemory.remember(key);
    await release(visit, key, token);
    return;
  }
  const meta = encodeStored(stored);
  const command = { type: 'fill', key, variant, meta, body, token, ttlMs: keepMs, tags } as const;
  await edge.shards.write(snapshot.shardMap, key, edge.newRequestId(), command, isStored);
}

/** null: it is not whole, or not what the response said. */
async function bodyToStore({ cameBytes, join }: FillToMake, end: BodyEnd): Promise<Uint8Array | null> {
  const bytes = end.type === 'complete' ? end.bytes : null;
  const isWhole = bytes !== null && (cameBytes === null || bytes.byteLength === cameBytes);
  if (join === null) return isWhole ? bytes : null;
  const { part, bytesBefore, restFrom } = join;
  if (isWhole) return joinBytes(part.body, bytes, bytesBefore, restFrom);
  discard(part.body);
  return null;
}

/** What others get to see while the body comes in: its bytes, that it goes on, or that it has become too large. */
export function followFill(visit: Visit, plan: FillToMake): Keeping {
  const { key, token } = plan;
  return {
    bytesMax: visit.route.cache.maxObjectBytes,
    share: (body) => shareFill(visit, plan, body),
    onProgress: reportProgress(visit, key, token),
    onCopyDropped() {
      if (holdsLease(visit)) visit.edge.passMemory.remember(key);
      visit.context.waitUntil(release(visit, key, token));
    },
  };
}

export function giveBackLease(visit: Visit, { key, lease }: CacheForward): void {
  if (lease !== null) visit.context.waitUntil(release(visit, key, lease));
}

async function release(visit: Visit, key: string, token: FillToken): Promise<void> {
  if (holdsLease(visit)) await visit.edge.shards.release(visit.snapshot.shardMap, key, token);
}
