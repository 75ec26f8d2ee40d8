// Everything a replica remembers between two steps. What is durable is a copy of the store's head, true from boot on;
// the rest is memory that a crash may take: roles, queues, leases, what the backups are known to hold.
import { assert } from './assert.ts';
import type { FillToken } from './commands.ts';
import { type DiscardState, newDiscardState } from './discard-state.ts';
import { DEFAULT_LIMITS, type ReplicaLimits } from './limits.ts';
import type { LogState } from './log-state.ts';
import { unappliedReadmissions } from './logged-readmissions.ts';
import { type LossState, newLossState } from './loss-state.ts';
import type { Clock, Echo, HashMark, LeaseWish, LogItem } from './messages.ts';
import { emptyOverlay, type Overlay } from './overlay.ts';
import { primaryOf } from './quorum.ts';
import { isAdmitted } from './readmission.ts';
import type { WaitingSession } from './session-wait.ts';
import type { Install, SnapshotRead } from './snapshot-state.ts';
import type { AppliedHead, Identity, ReplicaStore } from './store.ts';
import type { Viewstamp } from './viewstamp.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

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
  /** The first confirm round that may answer it: one that starts after the read arrived. */
  readonly round: number;
}

/** A question to the backups whether this member is still primary; its own vote is the touch it was sent behind. */
export interface ConfirmRound {
  readonly n: number;
  readonly startedAt: number;
  /** Begun by a primary that was normal: only such a round answers reads. */
  readonly isNormal: boolean;
  readonly answered: Set<number>;
  /** The backups' own times that were here when it began. */
  readonly clocks: ReadonlyMap<number, Clock>;
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
  /** What it has verified counts: it said so as a vote. */
  isVoter: boolean;
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
  /** Its newest state hash as it last came. */
  mark: HashMark | null;
  /** Its own time as it last came, and as it goes back to it. */
  clock: Clock | null;
  echo: Echo | null;
  /** It needs a snapshot: it was told so last at this instant... */
  installAskedAt: number;
  /** ...said so last that it takes one in, and which op that shows. */
  installHeardAt: number;
  installAt: number | null;
  /** From whom it got nothing. */
  installAvoids: number | null;
  /** It is being read out as a snapshot: it holds the log, and will apply it later. */
  isRead: boolean;
  /** It has acknowledged that the group rests. */
  isAtRest: boolean;
  /** A probe waits until this instant. */
  retryAt: number;
}

export interface PrimaryState {
  readonly peers: readonly Peer[];
  /** The log's end at boot, or the op that began the view: the primary is normal once it is committed. */
  recoverTo: number;
  /** Number of the last confirm round; never reused, since ids carry the nonce of this life. */
  lastRound: number;
  lastRoundAt: number;
  /** Rounds that a majority has not answered yet, oldest first. */
  rounds: ConfirmRound[];
  /** A majority answered what was asked then; counted anew from a wake. Long ago means deaf. */
  answeredAt: number;
  /** When entries of this view were appended, by op, oldest first: of those not committed yet. */
  readonly appendedAt: { readonly op: number; readonly at: number }[];
  /** A client asked, or an op was committed, last at this instant. */
  activeAt: number;
  /** When the group was first asked to rest; null while it is not to. */
  restingSince: number | null;
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
  followArmed: boolean;
  heartbeatArmed: boolean;
  /** When the resend timer goes off; null = not armed. */
  resendAt: number | null;
  /** The newest `since` of a staleness bound that was proposed, and of one that was proposed as settled. */
  boundAsked: number;
  boundSettled: number;
  /** Evictions proposed and not yet applied. */
  evicting: number;
  readonly discards: DiscardState;
}

/** What a member knows of the primary of its view, and of the way out of that view. All by its own clock. */
export interface Watch {
  /** The last evidence that the primary is at work; counted anew from a wake, a boot, a promise. */
  evidenceAt: number;
  /** Somebody could not reach the primary, or it went silent: it has not answered a probe well since. */
  suspectedAt: number | null;
  /** The primary said itself that it is none, or can be none. */
  isRefuted: boolean;
  /** The last probe was sent then: the next one waits a while. */
  probedAt: number | null;
  /** Who wants to leave which view, since when. */
  readonly exits: Map<number, { readonly view: number; readonly at: number }>;
  /** Who answered lately, and whether it could be primary. */
  readonly heard: Map<number, { readonly isFit: boolean; readonly at: number }>;
  exitSentAt: number | null;
  /** Since when the own evidence is stale. */
  staleSince: number | null;
  /** When the watch timer goes off; null = not armed. */
  dueAt: number | null;
}

/** A promised view that has not started yet. */
export interface Joining {
  readonly since: number;
  sentAt: number | null;
  isAnswered: boolean;
}

/** The primary-to-be of a promised view, gathering its majority and the best log among it. */
export interface Election {
  readonly joins: Map<number, { readonly last: Viewstamp; readonly incarnation: number }>;
  pull: LogPull | null;
}

export interface LogPull {
  readonly from: number;
  readonly last: Viewstamp;
  after: number;
  /** null: nothing asked for is on its way. */
  sentAt: number | null;
  readonly chunksWanted: Set<string>;
}

export interface ReplicaState {
  readonly identity: Identity;
  readonly limits: ReplicaLimits;
  /** Of this life of the object. */
  nonce: string;
  /** Promised: nothing of a lower view is accepted any more. */
  view: number;
  /** Commit, what is applied, totals: ahead of the disk by what the overlay holds. */
  readonly head: Mutable<AppliedHead>;
  /** The view of the entry at `head.applied`. */
  appliedView: number;
  floor: Viewstamp;
  readonly log: LogState;
  readonly overlay: Overlay;
  /** null: a backup, or a view that has not started. */
  primary: PrimaryState | null;
  /** null: the view has started, as far as this member knows. */
  joining: Joining | null;
  /** Only while joining, and only at the view's primary. */
  election: Election | null;
  readonly watch: Watch;
  /** What was committed before this instant of the own clock is applied (freshness); null = not known. */
  freshAsOf: number | null;
  /** Comes true once its commit is applied. */
  echo: Echo | null;
  /** Snapshots begun in this life. */
  snapshots: number;
  snapshot: SnapshotRead | null;
  /** What a paused member knows to be committed and has verified: applied when it goes on. */
  heldCommit: number;
  /** The rows are a mixture: nothing is served (install). */
  isInstalling: boolean;
  install: Install | null;
  readonly loss: LossState;
  /** From whom nothing came for too long: the primary is told, and names another one. */
  silentSource: number | null;
  /** The newest last. */
  readonly hashMarks: HashMark[];
  /** Session reads that wait for what is on its way here, oldest first. */
  sessions: WaitingSession[];
  /** At rest: no timer, no message, until something happens. */
  isAtRest: boolean;
  /** Rests in a row that others had not agreed to: each makes the next look later. */
  lonelyRests: number;
  /** When to look again after such a rest. */
  lookAgainAt: number | null;
  /** The alarm that this life of the object has set; null = none that it knows of. */
  alarmAt: number | null;
  /** When unreferenced chunks should be looked for; null = nothing changed since the last look. */
  sweepAt: number | null;
  /** Soonest known expiry of a row; null = none. */
  nextExpiryAt: number | null;
  /** Since when this life has known the newest staleness bound to be committed; null = not counted yet. */
  boundKnownAt: number | null;
  /** The primary was told last then of a newer one. */
  boundToldAt: number;
  /** Dedupe rows were last forgotten when this op was applied. */
  forgotAt: number;
}

/** From the durable head; the identity must be there. Reads the store, writes nothing. */
export function initialState(store: ReplicaStore, limits: Partial<ReplicaLimits>): ReplicaState {
  const durable = store.head();
  assert(durable !== null, () => 'a replica was created before its identity was stored');
  const { identity, view, floor, beforeFirst, firstOp, lastLogged, lastT, logBytes, isInstalling, ...rest } =
    durable;
  const { forsaken, ...head } = rest;
  const { memberId, memberCount } = identity;
  assert(
    Number.isInteger(memberId) && memberId >= 0 && memberId < memberCount,
    () => `member ${memberId} is not one of ${memberCount}`,
  );
  return {
    identity,
    limits: { ...DEFAULT_LIMITS, ...limits },
    view,
    head,
    appliedView: head.applied === beforeFirst.op ? beforeFirst.view : (store.viewAt(head.applied) ?? view),
    floor,
    log: {
      before: beforeFirst,
      last: lastLogged,
      lastT,
      bytes: logBytes,
      tail: [],
      readmissions: unappliedReadmissions(store, head.applied, lastLogged.op),
    },
    overlay: emptyOverlay(),
    nonce: '',
    // A view is started by an op of its own, the very first by none.
    primary:
      primaryOf(view, memberCount) === memberId && lastLogged.view === view && isAdmitted({ head, identity })
        ? primaryState(memberId, memberCount, lastLogged.op)
        : null,
    joining: null,
    election: null,
    watch: newWatch(0),
    freshAsOf: null,
    echo: null,
    snapshots: 0,
    snapshot: null,
    heldCommit: 0,
    isInstalling,
    install: null,
    loss: newLossState(forsaken >= identity.incarnation),
    silentSource: null,
    hashMarks: [],
    sessions: [],
    isAtRest: true,
    lonelyRests: 0,
    lookAgainAt: null,
    alarmAt: null,
    sweepAt: null,
    nextExpiryAt: null,
    boundKnownAt: null,
    boundToldAt: -Infinity,
    forgotAt: head.applied,
  };
}

export function newWatch(nowMs: number): Watch {
  return {
    evidenceAt: nowMs,
    suspectedAt: null,
    isRefuted: false,
    probedAt: null,
    exits: new Map(),
    heard: new Map(),
    exitSentAt: null,
    staleSince: null,
    dueAt: null,
  };
}

/** Of a primary whose log ends at `lastOp`: it knows nothing of the others yet. */
export function primaryState(memberId: number, memberCount: number, lastOp: number): PrimaryState {
  const others = Array.from({ length: memberCount }, (_, member) => member).filter((m) => m !== memberId);
  return {
    peers: others.map((member) => ({
      member,
      incarnation: 0,
      verified: 0,
      isVoter: false,
      commit: 0,
      next: lastOp + 1,
      mode: 'probe',
      outstanding: [],
      chunksWanted: new Set(),
      chunksSentAt: 0,
      failures: 0,
      installAskedAt: 0,
      installHeardAt: 0,
      installAt: null,
      installAvoids: null,
      isRead: false,
      mark: null,
      clock: null,
      echo: null,
      isAtRest: false,
      retryAt: 0,
    })),
    recoverTo: lastOp,
    lastRound: 0,
    lastRoundAt: 0,
    rounds: [],
    answeredAt: 0,
    appendedAt: [],
    activeAt: 0,
    restingSince: null,
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
    followArmed: false,
    heartbeatArmed: false,
    resendAt: null,
    boundAsked: 0,
    boundSettled: 0,
    evicting: 0,
    discards: newDiscardState(),
  };
}

/** A primary that has its log's end at boot committed: only then may it answer. */
export function isNormal(state: ReplicaState): boolean {
  return state.primary !== null && state.head.commit >= state.primary.recoverTo;
}
