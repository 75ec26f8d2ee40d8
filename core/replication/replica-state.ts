// Everything a replica remembers between two steps. What is durable is a copy of the store's head, true from boot on;
// the rest is memory that a crash may take: roles, queues, leases, what the backups are known to hold.
import { assert } from './assert.ts';
import type { FillToken } from './commands.ts';
import { type DiscardState, newDiscardState } from './discard-state.ts';
import { DEFAULT_LIMITS, type ReplicaLimits } from './limits.ts';
import type { LeaseWish, LogEntry, LogItem } from './messages.ts';
import { emptyOverlay, type Overlay } from './overlay.ts';
import { primaryOf } from './quorum.ts';
import type { AppliedHead, Identity, ReplicaStore } from './store.ts';
import type { Viewstamp } from './viewstamp.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface TailEntry {
  readonly entry: LogEntry;
  readonly bytes: number;
}

export interface LogState {
  /** The viewstamp just before the oldest entry. */
  before: Viewstamp;
  /** Of the newest entry; equal to `before` when the log is empty. */
  last: Viewstamp;
  lastT: number;
  bytes: number;
  /** The newest entries once more in memory, contiguous up to `last`; empty after a boot. */
  readonly tail: TailEntry[];
}

/** A command on its way: queued, or logged and not yet applied. */
export interface PendingItem {
  readonly item: LogItem;
  readonly bytes: number;
  /** Callers that wait for the result: several when a request id came again meanwhile. */
  readonly clients: number[];
}

export interface WaitingRead {
  readonly id: number;
  readonly key: string;
  readonly lease: LeaseWish;
  readonly since: number;
}

export interface HeldLease {
  readonly token: FillToken;
  /** Epoch ms by this object's clock. */
  readonly until: number;
}

/** A prepare that a backup has not answered yet: the ops it asks about, and when it was sent. */
export interface Outstanding {
  readonly startOp: number;
  readonly endOp: number;
  readonly sentAt: number;
}

/** What the primary knows of one backup (in memory: after a reboot it asks again). */
export interface Peer {
  readonly member: number;
  /** The highest incarnation it was heard with. */
  incarnation: number;
  /** Highest op it has verified, durably, against this view's log. */
  verified: number;
  /** Highest op it has applied, durably. */
  commit: number;
  /** The first op of the next prepare. */
  next: number;
  /** `stream`: sends without waiting, up to the window. `probe`: one at a time. `behind`: needs a snapshot. */
  mode: 'stream' | 'probe' | 'behind';
  outstanding: Outstanding[];
  /** Chunks it said it lacks and that are on their way; prepares wait for them. */
  readonly chunksWanted: Set<string>;
  chunksSentAt: number;
  /** Attempts in a row that came to nothing. */
  failures: number;
  /** A probe waits until this instant. */
  retryAt: number;
}

export interface PrimaryState {
  readonly peers: readonly Peer[];
  /** The log's end at boot: the primary is normal once it is committed. */
  recoverTo: number;
  readonly queue: PendingItem[];
  queueBytes: number;
  /** Logged and not yet applied, by op, in the order of the entry's items. */
  readonly pendingByOp: Map<number, readonly PendingItem[]>;
  readonly pendingByReqId: Map<string, PendingItem>;
  pendingCount: number;
  readonly waitingReads: WaitingRead[];
  readonly leases: Map<string, HeldLease>;
  /** Leases with an older token have ended: a purge of more than one URL has overtaken them. */
  newestPurge: Viewstamp;
  /** The commit index that backups should have heard of by now. */
  announced: number;
  lastCommitAt: number;
  batchArmed: boolean;
  heartbeatArmed: boolean;
  /** When the resend timer goes off; null = not armed. */
  resendAt: number | null;
  /** Evictions proposed and not yet applied. */
  evicting: number;
  readonly discards: DiscardState;
}

export interface ReplicaState {
  readonly identity: Identity;
  readonly limits: ReplicaLimits;
  view: number;
  /** Commit, what is applied, totals: ahead of the disk by what the overlay holds. */
  readonly head: Mutable<AppliedHead>;
  /** The view of the entry at `head.applied`. */
  appliedView: number;
  floor: Viewstamp;
  readonly log: LogState;
  readonly overlay: Overlay;
  /** null: a backup. */
  primary: PrimaryState | null;
  /** The alarm that this life of the object has set; null = none that it knows of. */
  alarmAt: number | null;
  /** When unreferenced chunks should be looked for; null = nothing changed since the last look. */
  sweepAt: number | null;
  /** Soonest known expiry of a row; null = none. */
  nextExpiryAt: number | null;
  /** Dedupe rows were last forgotten when this op was applied. */
  forgotAt: number;
}

/** From the durable head; the identity must be there. Reads the store, writes nothing. */
export function initialState(store: ReplicaStore, limits: Partial<ReplicaLimits>): ReplicaState {
  const durable = store.head();
  assert(durable !== null, () => 'a replica was created before its identity was stored');
  const { identity, view, floor, beforeFirst, lastLogged, lastT, logBytes, ...rest } = durable;
  const { memberId, memberCount } = identity;
  assert(
    Number.isInteger(memberId) && memberId >= 0 && memberId < memberCount,
    () => `member ${memberId} is not one of ${memberCount}`,
  );
  const head: Mutable<AppliedHead> = {
    commit: rest.commit,
    applied: rest.applied,
    appliedT: rest.appliedT,
    fillFloor: rest.fillFloor,
    fillMark: rest.fillMark,
    fillMarkT: rest.fillMarkT,
    httpBytes: rest.httpBytes,
    kvBytes: rest.kvBytes,
    entries: rest.entries,
    stateHash: rest.stateHash,
  };
  return {
    identity,
    limits: { ...DEFAULT_LIMITS, ...limits },
    view,
    head,
    appliedView: head.applied === beforeFirst.op ? beforeFirst.view : (store.viewAt(head.applied) ?? view),
    floor,
    log: { before: beforeFirst, last: lastLogged, lastT, bytes: logBytes, tail: [] },
    overlay: emptyOverlay(),
    primary:
      primaryOf(view, memberCount) === memberId ? primaryState(memberId, memberCount, lastLogged.op) : null,
    alarmAt: null,
    sweepAt: null,
    nextExpiryAt: null,
    forgotAt: head.applied,
  };
}

function primaryState(memberId: number, memberCount: number, lastOp: number): PrimaryState {
  const others = Array.from({ length: memberCount }, (_, member) => member).filter((m) => m !== memberId);
  return {
    peers: others.map((member) => ({
      member,
      incarnation: 0,
      verified: 0,
      commit: 0,
      next: lastOp + 1,
      mode: 'probe',
      outstanding: [],
      chunksWanted: new Set(),
      chunksSentAt: 0,
      failures: 0,
      retryAt: 0,
    })),
    recoverTo: lastOp,
    queue: [],
    queueBytes: 0,
    pendingByOp: new Map(),
    pendingByReqId: new Map(),
    pendingCount: 0,
    waitingReads: [],
    leases: new Map(),
    newestPurge: { view: 0, op: 0 },
    announced: 0,
    lastCommitAt: 0,
    batchArmed: false,
    heartbeatArmed: false,
    resendAt: null,
    evicting: 0,
    discards: newDiscardState(),
  };
}

/** A primary that has its log's end at boot committed: only then may it answer. */
export function isNormal(state: ReplicaState): boolean {
  return state.primary !== null && state.head.commit >= state.primary.recoverTo;
}
