// Every decision about purges by way of the coordinator: whether one is new, what a round has to ask of which shard,
// when all have committed it, when it is strict, what is said of it. The store outlives the coordinator's object; what
// this class holds beside it ends with the object. Nothing here waits or sends.
import type { CommandResult } from '../replication/commands.ts';
import { BOUND_MS } from '../replication/limits.ts';
import { strictAfterMs } from '../replication/strict-purge.ts';
import type { Viewstamp } from '../replication/viewstamp.ts';
import type { Intent, IntentStore, Target } from './intent.ts';
import { type PurgedGroup, type PurgedMap, planPurge, type ShardPurge } from './plan-purge.ts';
import type { PurgeSelection } from './purge-selection.ts';

export interface PurgeAnswer {
  /** `done`: committed by every shard that it concerns, and as strict as was asked for. */
  readonly type: 'done' | 'pending' | 'mismatch';
  readonly purgeId: string;
  readonly shards: { readonly acked: number; readonly total: number };
  readonly missing: readonly number[];
  /** Every shard has committed it, and so much later it is strict. */
  readonly strictInMs?: number;
  readonly tookMs: number;
  /** By group id. */
  readonly bookmarks: Record<string, Viewstamp>;
}

export interface ShardCommitted {
  /** Where the last of it is committed. */
  readonly bookmark: Viewstamp;
  /** The largest staleness bound that an answer of the shard may still carry from before, ms. */
  readonly limitMs: number;
}

export type Taken =
  /** Its intent is written: a round is due. */
  | 'new'
  | 'open'
  | 'done'
  /** The id was used for another selection. */
  | 'mismatch'
  /** As many as there may be wait for shards already. */
  | 'full';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A purge is remembered for a day; one that cannot be completed by then is given up. */
export const REMEMBERED_MS = 86_400_000;
const FORGET_AT_ONCE = 500;
/** More open purges than this are not taken on: each of them may hold thousands of keys. */
export const OPEN_MAX = 1_000;
/** How long one call waits for a purge to be strict. */
const STRICT_WAIT_MS = 12_000;
/** Strict ones whose waiting is remembered; beyond, it begins anew for all. */
const KNOWN_DONE_MAX = 10_000;

export class PurgeBook {
  readonly #store: IntentStore;
  /** When this life of the object learnt that a purge is done, epoch ms: the clock of another one is not compared. */
  readonly #knownDoneAt = new Map<string, number>();

  constructor(store: IntentStore) {
    this.#store = store;
  }

  /** Writes the intent of a new one; of two equal calls the second finds the first one's. `selection` in order. */
  take(
    { purgeId, by, digest }: Pick<Intent, 'purgeId' | 'by' | 'digest'>,
    selection: PurgeSelection,
    nowMs: number,
  ): Taken {
    const known = this.#store.find(purgeId);
    if (known !== null && known.digest !== digest) return 'mismatch';
    if (known !== null) return known.doneAt === null ? 'open' : 'done';
    if (this.#store.pendingCount() >= OPEN_MAX) return 'full';
    this.#store.add({ purgeId, digest, by, createdAt: nowMs, doneAt: null, targets: [] }, selection);
    return 'new';
  }

  knows(purgeId: string): boolean {
    return this.#store.find(purgeId) !== null;
  }

  /** What is still to be asked, by the map as it is now; null: nothing, it is done or forgotten. */
  round<G extends PurgedGroup>(purgeId: string, map: PurgedMap<G>): PurgeRound<G> | null {
    const intent = this.#store.find(purgeId);
    if (intent === null || intent.doneAt !== null) return null;
    return new PurgeRound(this.#store, intent, map, (doneAt) => {
      if (this.#knownDoneAt.size < KNOWN_DONE_MAX) this.#knownDoneAt.set(purgeId, doneAt);
    });
  }

  /**
   * How long a purge that is done has to be waited for until it is strict: counted in this life of the object, from
   * when it learnt that it is done.
   */
  untilStrictMs(purgeId: string, nowMs: number): number {
    const knownAt = this.#knownDoneAt.get(purgeId) ?? nowMs;
    if (this.#knownDoneAt.size >= KNOWN_DONE_MAX) this.#knownDoneAt.clear();
    this.#knownDoneAt.set(purgeId, knownAt);
    return Math.max(0, this.strictMs(purgeId) - (nowMs - knownAt));
  }

  /**
   * How long the caller of a purge that is done waits for it to be strict, and what it hears then. Where that takes
   * longer than a call may, it hears how much is left: it asks again by the same id.
   */
  strictly(done: PurgeAnswer, nowMs: number): { readonly waitMs: number; readonly answer: PurgeAnswer } {
    const leftMs = this.untilStrictMs(done.purgeId, nowMs);
    if (leftMs <= STRICT_WAIT_MS) {
      const tookMs = done.tookMs + this.strictMs(done.purgeId);
      return { waitMs: leftMs, answer: { ...done, tookMs } };
    }
    const strictInMs = leftMs - STRICT_WAIT_MS;
    return { waitMs: STRICT_WAIT_MS, answer: { ...done, type: 'pending', strictInMs } };
  }

  /** How long that is in all: by the largest bound that an answer of any of its shards may still carry. */
  strictMs(purgeId: string): number {
    const targets = this.#store.find(purgeId)?.targets ?? [];
    return strictAfterMs(Math.max(0, ...targets.map(({ limitMs = BOUND_MS }) => limitMs)));
  }

  /** null: it was given up. */
  report(purgeId: string, nowMs: number): PurgeAnswer | null {
    const intent = this.#store.find(purgeId);
    if (intent === null) return null;
    const { targets, createdAt, doneAt } = intent;
    const missing = missingIn(targets);
    return {
      type: doneAt === null ? 'pending' : 'done',
      purgeId,
      shards: { acked: targets.length - missing.length, total: targets.length },
      missing,
      tookMs: (doneAt ?? nowMs) - createdAt,
      bookmarks: Object.fromEntries(
        targets.flatMap(({ groupId, bookmark }) => (bookmark === null ? [] : [[groupId, bookmark]])),
      ),
    };
  }

  /** Up to `limit` open ones, tried longest ago first: they count as tried now. */
  nextOpen(limit: number, nowMs: number): readonly string[] {
    const open = this.#store.pending(limit).map(({ purgeId }) => purgeId);
    for (const purgeId of open) this.#store.setTried(purgeId, nowMs);
    return open;
  }

  get hasOpen(): boolean {
    return this.#store.pendingCount() > 0;
  }

  /** Epoch ms; null: nothing is remembered. */
  get forgetsAt(): number | null {
    const oldestAt = this.#store.oldestAt();
    return oldestAt === null ? null : oldestAt + REMEMBERED_MS;
  }

  /** Forgets what is old; answers what was never completed. */
  forget(nowMs: number): Intent[] {
    const before = nowMs - REMEMBERED_MS;
    for (const [purgeId, knownAt] of this.#knownDoneAt) {
      if (knownAt < before) this.#knownDoneAt.delete(purgeId);
    }
    return this.#store.forget(before, FORGET_AT_ONCE);
  }
}

/** One try at all that is missing. At most one a purge at a time. */
export class PurgeRound<G extends PurgedGroup> {
  readonly intent: Intent;
  readonly selection: PurgeSelection;
  /** What to ask, shard by shard. */
  readonly open: readonly ShardPurge<G>[];
  readonly #store: IntentStore;
  readonly #targets: readonly Mutable<Target>[];
  readonly #isDone: (doneAt: number) => void;

  constructor(store: IntentStore, intent: Intent, map: PurgedMap<G>, isDone: (doneAt: number) => void) {
    this.#store = store;
    this.intent = intent;
    this.selection = store.selection(intent.purgeId);
    this.#isDone = isDone;
    const plan = planPurge(map, intent.purgeId, this.selection);
    // By the map as it is now; what other groups have committed counts no more.
    this.#targets = plan.map(({ group: { shard, groupId } }) => {
      const before = intent.targets.find((known) => known.shard === shard && known.groupId === groupId);
      return { shard, groupId, bookmark: null, ...before };
    });
    const isMissing = new Set(missingIn(this.#targets));
    this.open = plan.filter(({ group }) => isMissing.has(group.shard));
  }

  get shards(): number {
    return this.#targets.length;
  }

  /** The shard has committed all that it was asked. */
  committed(shard: number, { bookmark, limitMs }: ShardCommitted): void {
    const target = this.#targets.find((one) => one.shard === shard);
    if (target === undefined) return;
    target.bookmark = bookmark;
    target.limitMs = limitMs;
    this.#store.setTargets(this.intent.purgeId, this.#targets);
  }

  /** Every shard was asked: whether all have committed it, which is written down. */
  end(nowMs: number): boolean {
    const { purgeId } = this.intent;
    this.#store.setTargets(purgeId, this.#targets);
    if (missingIn(this.#targets).length > 0) return false;
    this.#store.setDone(purgeId, nowMs);
    this.#isDone(nowMs);
    return true;
  }
}

/** Throws where a shard says that it did anything else. */
export function mustBePurged(shard: number, results: readonly CommandResult[]): void {
  const odd = results.find(({ type }) => type !== 'purged');
  if (odd !== undefined) throw new Error(`shard ${shard} answered a purge with "${odd.type}"`);
}

export function mismatch(purgeId: string): PurgeAnswer {
  return {
    type: 'mismatch',
    purgeId,
    shards: { acked: 0, total: 0 },
    missing: [],
    tookMs: 0,
    bookmarks: {},
  };
}

function missingIn(targets: readonly Target[]): number[] {
  return targets.flatMap(({ shard, bookmark }) => (bookmark === null ? [shard] : []));
}
