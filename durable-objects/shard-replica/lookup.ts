// A cache lookup inside the member: the stored variants of a URL, what core/cache makes of them, and, if that is not
// an answer, a lease for the fetch. All of it in one turn, so that nothing can come between looking and leasing.
import { asksForRange } from '../../core/cache/bypass.ts';
import type { CacheDecision } from '../../core/cache/decision.ts';
import { storedWithTag } from '../../core/cache/offer-variants.ts';
import { DEFAULT_CACHE_POLICY } from '../../core/cache/policy.ts';
import { answerFromStored } from '../../core/cache/respond.ts';
import { decideReuse } from '../../core/cache/reuse.ts';
import {
  decodeStored,
  encodeStored,
  type StoredResponse,
  staleSince,
} from '../../core/cache/stored-response.ts';
import { rangeBytes } from '../../core/http/ranges.ts';
import type { SelectingFields } from '../../core/http/vary.ts';
import type { Body, FillToken } from '../../core/replication/commands.ts';
import type { ClientAnswer, ClientRequest, LiveRow } from '../../core/replication/messages.ts';
import { bodyBytes } from '../../core/replication/sizes.ts';
import type {
  LookedUp,
  LookupOutcome,
  LookupQuery,
  MemberRefusal,
  TooMuch,
} from '../interfaces/shard-replica.ts';
import type { Ask, RunningReplica } from '../run-effects.ts';
import { openBody } from './read-body.ts';
import { refusalOf } from './refusal.ts';

interface Candidate {
  readonly row: LiveRow;
  readonly stored: StoredResponse;
}

/** What a lookup needs of the member's store. */
export interface LookupStore {
  chunk(hash: string): Uint8Array | undefined;
  /** The row served a lookup: what is used stays longer when space runs out. */
  noteUse(row: Pick<LiveRow, 'key' | 'variant' | 'bytes'>): void;
}

/** Bytes of bodies in a common answer: of each, and of all together. */
const COMMON_BODY_BYTES_MAX = 64 * 1024;
const COMMON_BODIES_BYTES_MAX = 4 * 1024 * 1024;

export function lookUp(
  replica: RunningReplica,
  store: LookupStore,
  query: LookupQuery,
  nowMs: number,
): Promise<LookedUp | MemberRefusal> {
  return new Promise((resolve, reject) => {
    // Room for any: then nothing is too much.
    const answer = resolve as (outcome: LookupOutcome) => void;
    replica.askThen(readOf(query), (ask) =>
      settle(() => answerTo(replica, store, query, nowMs, ask, null, answer), reject),
    );
  });
}

/** Of several requests: each is answered for itself, all when all are known. No body is a stream. */
export function lookUpEach(
  replica: RunningReplica,
  store: LookupStore,
  queries: readonly LookupQuery[],
  nowMs: number,
): Promise<LookupOutcome[]> {
  const room: Room = { bytesLeft: COMMON_BODIES_BYTES_MAX };
  return new Promise((resolve, reject) => {
    const outcomes = new Array<LookupOutcome>(queries.length);
    let open = queries.length;
    if (open === 0) resolve([]);
    replica.askEach(
      queries.map((query, i) => ({
        request: readOf(query),
        callback: (ask) => {
          const answer = (outcome: LookupOutcome): void => {
            outcomes[i] = outcome;
            open -= 1;
            if (open === 0) resolve(outcomes);
          };
          settle(() => answerTo(replica, store, query, nowMs, ask, room, answer), reject);
        },
      })),
    );
  });
}

/** What is left for bodies in an answer that several share. */
interface Room {
  bytesLeft: number;
}

function readOf({ key, level = 'bounded', bookmark = null }: LookupQuery): ClientRequest {
  return { type: 'read', key, lease: 'none', level, bookmark };
}

function settle(run: () => void, reject: (error: unknown) => void): void {
  try {
    run();
  } catch (error) {
    reject(error);
  }
}

/** In the turn of the read's answer. `room` null: of any length, as a stream where it is large. */
function answerTo(
  replica: RunningReplica,
  store: LookupStore,
  query: LookupQuery,
  nowMs: number,
  ask: Ask,
  room: Room | null,
  answer: (outcome: LookupOutcome) => void,
): void {
  if (ask.type !== 'answered' || ask.answer.type !== 'rows') {
    answer(refusalOf(ask));
    return;
  }
  const looked = decide(ask.answer, store, query, nowMs, room);
  const wish = query.wantLease && looked.type === 'decision' ? fetchWish(looked.decision, query) : null;
  if (wish === null || looked.type !== 'decision') answer(looked);
  else withLease(replica, wish, query.key, looked, answer);
}

/** Of an answer that nobody reads: its stream must not stay open. */
export function cancelBody(answer: { readonly type: string; readonly body?: unknown }): void {
  if (answer.body instanceof ReadableStream) answer.body.cancel().catch(() => {});
}

function decide(
  { rows, bookmark, ageMs, boundMs }: Extract<ClientAnswer, { type: 'rows' }>,
  store: LookupStore,
  request: LookupQuery,
  nowMs: number,
  room: Room | null,
): LookedUp | TooMuch {
  const { method, fields, keyParts, policy, wantLease, tag } = request;
  const candidates = rows.flatMap(candidateOf);
  // Edges of an older version know neither parts nor policies.
  const keyed = { method, fields, keyParts: keyParts ?? [] };
  const stored = candidates.map((candidate) => candidate.stored);
  const { decision, index } =
    tag === undefined
      ? decideReuse(keyed, stored, nowMs, policy ?? DEFAULT_CACHE_POLICY)
      : { decision: CHOSEN, index: storedWithTag(keyed, stored, tag) };
  const chosen = index === null ? undefined : candidates[index];
  if (chosen === undefined)
    return {
      type: 'decision',
      decision,
      meta: null,
      body: null,
      bodyBytes: 0,
      span: null,
      isOnlyChoice: false,
      lease: null,
      bookmark,
      ageMs,
      boundMs,
    };
  const { staleFrom, value } = chosen.row;
  const { body } = value;
  const meta = staleFrom === null ? value.meta : encodeStored(chosen.stored);
  const bytes = bodyBytes(body);
  // Whoever renews it needs all of it.
  const isFinal = decision.type === 'hit' && !(wantLease && isRefreshed(decision, request));
  const needed = isFinal ? answerFromStored(chosen.stored, { method, fields }, bytes, nowMs).body : null;
  const span = needed?.type === 'range' && rangeBytes(needed.range) < bytes ? needed.range : null;
  const isNeeded = method !== 'HEAD' && needed?.type !== 'none';
  if (isNeeded && room !== null && !takesRoom(room, body, span === null ? bytes : rangeBytes(span))) {
    return { type: 'too-much' };
  }
  // Whoever only explains uses nothing.
  if (wantLease) store.noteUse(chosen.row);
  return {
    type: 'decision',
    decision,
    meta,
    body: isNeeded ? openBody(body, (hash) => store.chunk(hash), span) : null,
    bodyBytes: bytes,
    span,
    isOnlyChoice: candidates.every(({ stored }) => areToldApartAlike(stored, chosen.stored)),
    lease: null,
    bookmark,
    ageMs,
    boundMs,
  };
}

function takesRoom(room: Room, { type }: Body, bytes: number): boolean {
  if (type !== 'inline' || bytes > COMMON_BODY_BYTES_MAX || bytes > room.bytesLeft) return false;
  room.bytesLeft -= bytes;
  return true;
}

/** The origin has said so; it is the edge's to see whether that holds. */
const CHOSEN: CacheDecision = {
  type: 'revalidate',
  forward: 'vary-miss',
  reason: 'vary-miss',
  ttlSeconds: 0,
};

/** By the same names: then two of them never answer one request. */
function areToldApartAlike(one: StoredResponse, other: StoredResponse): boolean {
  return haveSameNames(one.vary, other.vary) && haveSameNames(one.keyParts, other.keyParts);
}

function haveSameNames(one: SelectingFields, other: SelectingFields): boolean {
  return one.length === other.length && one.every(([name], i) => other[i]?.[0] === name);
}

/** By the value they were decoded from, for as long as the store remembers it. */
const decoded = new WeakMap<LiveRow['value'], StoredResponse>();

/** A row that this code cannot read, left by an older or newer one, is as good as none: it will be filled anew. */
function candidateOf(row: LiveRow): Candidate[] {
  try {
    let stored = decoded.get(row.value);
    if (stored === undefined) {
      stored = decodeStored(row.value.meta);
      decoded.set(row.value, stored);
    }
    return [{ row, stored: row.staleFrom === null ? stored : staleSince(stored, row.staleFrom) }];
  } catch (error) {
    console.warn(`Cannot use a row of "${row.key}": ${String(error)}`);
    return [];
  }
}

/**
 * What the holder of this answer needs to store what it is going to fetch; null: it will not. What a POST brings, or a
 * request for one range, is of no use to most others: nobody waits for it.
 */
function fetchWish(decision: CacheDecision, request: LookupQuery): 'lease' | 'token' | null {
  if (request.method === 'POST') return 'token';
  const wish = asksForRange(request) ? 'token' : 'lease';
  switch (decision.type) {
    case 'hit':
      return isRefreshed(decision, request) ? wish : null;
    case 'not-cached':
      return null;
    case 'miss':
    case 'revalidate':
    case 'extend':
    case 'offer':
      return decision.forward !== 'bypass' && decision.forward !== 'method' ? wish : null;
  }
}

/** A request for a part leaves the renewal of what is stale to others. */
function isRefreshed(decision: CacheDecision, request: LookupQuery): boolean {
  return decision.type === 'hit' && decision.refresh && !asksForRange(request);
}

function withLease(
  replica: RunningReplica,
  type: 'lease' | 'token',
  key: string,
  looked: LookedUp,
  resolve: (lookup: LookupOutcome) => void,
): void {
  replica.askThen({ type, key }, (ask) => {
    // A backup can show what it holds, but only the primary gives leases: the caller has to go there.
    if (ask.type === 'answered' && ask.answer.type === 'not-primary') {
      cancelBody(looked);
      resolve(ask.answer);
      return;
    }
    const told = ask.type === 'answered' && ask.answer.type === 'lease' ? ask.answer.lease : null;
    const token: FillToken | null = told?.token ?? null;
    resolve(told?.type === 'granted' ? { ...looked, lease: token } : { ...looked, takenBy: token });
  });
}
