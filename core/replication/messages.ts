// What the members of a group say to one another, and what happens to a member: messages, client requests, timers.
import type { BoundNews } from './bound.ts';
import type { Command, CommandResult, FillToken } from './commands.ts';
import type { Seen } from './rollback-alarm.ts';
import type { AppliedHead, Row, Write } from './store.ts';
import type { Viewstamp } from './viewstamp.ts';

/**
 * Old object code meets new code for minutes after a deploy: every message says which protocol it speaks. Version 2
 * brought views that change, confirm rounds and rest; a prepare of version 1 is understood, and lacks its pulse.
 */
export const PROTOCOL_VERSION = 2;
/**
 * Of messages that carry a readmission, or a state that one has changed: who does not know what that means must not
 * take them in, and refuses them. All others stay as they were, so that a group of both kinds of code goes on.
 */
const READMISSION_PROTOCOL = 3;
export const PROTOCOLS_UNDERSTOOD: ReadonlySet<number> = new Set([1, PROTOCOL_VERSION, READMISSION_PROTOCOL]);

/** O(items of the message). */
export function protocolOf(body: MessageBody): number {
  switch (body.type) {
    case 'askReadmission':
    case 'learnt':
      return READMISSION_PROTOCOL;
    case 'prepare':
    case 'pulled':
      return body.entries.some(readmits) ? READMISSION_PROTOCOL : PROTOCOL_VERSION;
    case 'snapshotPart':
      return (body.end?.head.incarnations.length ?? 0) > 0 ? READMISSION_PROTOCOL : PROTOCOL_VERSION;
    default:
      return PROTOCOL_VERSION;
  }
}

function readmits({ items }: LogEntry): boolean {
  return items.some(({ command }) => command.type === 'readmit');
}

export interface LogItem {
  /** '' for what the primary proposes itself: never deduplicated. */
  readonly reqId: string;
  /** `commandDigest` of the command, made once by the primary that logged it. */
  readonly digest: string;
  readonly command: Command;
}

/** One group commit: everything that was queued together, under one op and one logged time. */
export interface LogEntry {
  readonly op: number;
  readonly view: number;
  /** Logged time, epoch ms: max(last t + 1, the primary's clock). */
  readonly t: number;
  readonly items: readonly LogItem[];
}

/** A member's own time, and the life of it by whose clock that is. Never compared with another member's. */
export interface Clock {
  readonly s: number;
  readonly nonce: string;
}

/** The rolling hash of the state after an op. */
export interface HashMark {
  readonly op: number;
  readonly hash: number;
}

/** All that was committed before `s` is among the first `commit` ops. */
export interface Echo extends Clock {
  readonly commit: number;
}

export type MessageBody =
  /** An empty one carries the commit index alone. `prev` is the viewstamp just before the entries. */
  | {
      readonly type: 'prepare';
      readonly prev: Viewstamp;
      readonly entries: readonly LogEntry[];
      readonly commit: number;
      /** Whether a majority has answered the primary lately: only then is this evidence that it is at work. */
      readonly isHeard?: boolean;
    }
  /**
   * `op` names the last op that this prepare verified, never the log's end; `commit` is what the sender has
   * committed, applied and made durable with this vote.
   */
  | {
      readonly type: 'prepareOk';
      readonly op: number;
      readonly commit: number;
      /** It is being read out as a snapshot and applies nothing meanwhile. */
      readonly isRead?: boolean;
    }
  /** `lastOp` hints where the sender's log could match; `missingChunk` names a body chunk it does not hold. */
  | { readonly type: 'prepareNack'; readonly lastOp: number; readonly missingChunks: readonly string[] }
  /** A heartbeat, and a question to a majority whether the sender is still primary (confirm-round). */
  | {
      readonly type: 'confirm';
      readonly id: string;
      readonly isHeard: boolean;
      /** The receiver's own clock as it came back, with what was committed by then (freshness). */
      readonly echo: Echo | null;
    }
  | {
      readonly type: 'confirmOk';
      readonly id: string;
      readonly clock: Clock;
      /** The sender's newest, for comparison. */
      readonly mark?: HashMark | null;
    }
  /** Asks a primary that is suspected; only a normal one answers well. */
  | { readonly type: 'probe' }
  | { readonly type: 'probeOk'; readonly state: 'normal' | 'recovering' | 'unfit' }
  /** The sender's own evidence of the primary of its view is stale. `isFit`: it could be primary itself. */
  | { readonly type: 'exitView'; readonly isFit: boolean }
  | { readonly type: 'exitViewOk'; readonly isFit: boolean }
  /** The sender has promised the message's view durably; this is where its log ends. */
  | { readonly type: 'joinView'; readonly last: Viewstamp }
  | { readonly type: 'joinViewOk' }
  /** A new primary fetches what the best log of its majority has after `after`. */
  | { readonly type: 'pull'; readonly after: number }
  /** `prev`: the source's viewstamp at the op asked for; null when its log does not reach back so far. */
  | {
      readonly type: 'pulled';
      readonly prev: Viewstamp | null;
      readonly entries: readonly LogEntry[];
      /** As it was asked for. */
      readonly after?: number;
    }
  | { readonly type: 'fetchChunk'; readonly hash: string }
  /** null: the source does not hold it either. Checked by the adapter like a `chunk`. */
  | { readonly type: 'fetchedChunk'; readonly hash: string; readonly bytes: Uint8Array | null }
  /** The receiver lacks what the primary's log, which begins at `firstOp`, no longer holds: `source` has it all. */
  | { readonly type: 'installFrom'; readonly source: number; readonly firstOp: number }
  /**
   * The sender is taking in a snapshot; `at`: the op that it will show, once known. `silent`: it got nothing from there.
   */
  | { readonly type: 'installing'; readonly at: Viewstamp | null; readonly silent?: number | null }
  /** The next part of a snapshot; `id` null begins one. */
  | {
      readonly type: 'snapshotAsk';
      readonly id: string | null;
      readonly after: string | null;
      /** From there on the receiver has the log itself. */
      readonly atLeast: number;
    }
  /** The source knows no such snapshot, or cannot begin one now. */
  | { readonly type: 'snapshotNone'; readonly id: string | null }
  /** The state after the op `at`, as far as it lies in the range; `to` null: to its end, and `end` closes it. */
  | {
      readonly type: 'snapshotPart';
      readonly id: string;
      readonly at: Viewstamp;
      readonly after: string | null;
      readonly to: string | null;
      readonly writes: readonly Write[];
      readonly end: { readonly head: AppliedHead; readonly at: Viewstamp; readonly floor: Viewstamp } | null;
    }
  | { readonly type: 'snapshotDone' }
  /** The sender's storage is not the one of the last incarnation: it takes the state in, and wants to count again. */
  | { readonly type: 'askReadmission' }
  /** Like `prepareOk`, of a member that does not count yet: no vote. */
  | { readonly type: 'learnt'; readonly op: number; readonly commit: number }
  /** The sender has booted. */
  | { readonly type: 'hello' }
  /** How far the receiver had come when this member heard of it last (rollback-alarm). */
  | { readonly type: 'helloOk'; readonly seen: Seen | null }
  /** A majority has this hash at the op: whoever has another is wrong. */
  | { readonly type: 'quarantine'; readonly op: number; readonly hash: number }
  /** The group is idle: nothing more will be said once every member has acknowledged, with `commit` on its disk. */
  | { readonly type: 'quiesce'; readonly commit: number }
  | { readonly type: 'quiesceOk'; readonly commit: number }
  /** The adapter that receives it must find that the bytes have this SHA-256 before it becomes an event. */
  | { readonly type: 'chunk'; readonly hash: string; readonly bytes: Uint8Array }
  | { readonly type: 'chunkOk'; readonly hash: string }
  /** A caller of this member knows a newer staleness bound than is logged. */
  | ({ readonly type: 'boundNews' } & BoundNews)
  /** The sender holds a newer view or refuses for the reason given; nothing was applied. */
  | { readonly type: 'refuse'; readonly reason: Refusal };

/** Bodies that answer a message: over RPC they are what the call returns; every other message is a call. */
export const ANSWERS: ReadonlySet<MessageBody['type']> = new Set([
  'prepareOk',
  'prepareNack',
  'learnt',
  'helloOk',
  'confirmOk',
  'probeOk',
  'exitViewOk',
  'joinViewOk',
  'pulled',
  'fetchedChunk',
  'installing',
  'snapshotNone',
  'snapshotPart',
  'quiesceOk',
  'chunkOk',
  'refuse',
]);

/** Bodies that only the primary of the message's view may send. */
export const FROM_PRIMARY: ReadonlySet<MessageBody['type']> = new Set([
  'prepare',
  'confirm',
  'quiesce',
  'installFrom',
  'quarantine',
]);

export type Refusal =
  | 'unknown-protocol'
  | 'unknown-group'
  | 'unknown-member'
  | 'old-incarnation'
  | 'old-view'
  | 'malformed'
  | 'lost';

export interface Message {
  readonly protocol: number;
  readonly groupId: string;
  readonly epoch: number;
  readonly from: number;
  readonly to: number;
  /** The sender's incarnation: a vote of an older one does not count. */
  readonly incarnation: number;
  readonly view: number;
  readonly body: MessageBody;
}

export type ClientRequest =
  | { readonly type: 'command'; readonly reqId: string; readonly command: Command }
  /** All live rows under a key; with `lease`, a miss may be leased in the same step. */
  | {
      readonly type: 'read';
      readonly key: string;
      readonly lease: LeaseWish;
      /** Default: `linearizable`. */
      readonly level?: ReadLevel;
      /** What the session has seen of this group; null or none = nothing known: then it is read linearizably. */
      readonly bookmark?: Viewstamp | null;
    }
  /** For a caller that has looked at the rows in the same turn and found none that serves. */
  | { readonly type: 'lease'; readonly key: string }
  /** The same for one who neither lets others wait for his fetch nor waits for theirs: a token, and no lease. */
  | { readonly type: 'token'; readonly key: string }
  /** One page of a namespace, for a caller whose read has been answered in the same turn. */
  | ({ readonly type: 'page' } & PageWish)
  /** The fetch that the lease was given for goes on. */
  | { readonly type: 'renew'; readonly key: string; readonly token: FillToken }
  /** The fetch that the lease was given for came to nothing that can be stored. */
  | { readonly type: 'release'; readonly key: string; readonly token: FillToken }
  /** A chunk of a large body, before the command that names it; the caller has checked that the hash is right. */
  | { readonly type: 'stage'; readonly hash: string; readonly bytes: Uint8Array }
  /** What the caller knows of the configured staleness bound. */
  | ({ readonly type: 'bound' } & BoundNews)
  /** The caller got no answer from the primary of this view. */
  | { readonly type: 'suspect'; readonly view: number };

/**
 * What a read promises (reads). `session`: what the bookmark has seen, or newer, and bounded. `bounded`: what was so at
 * most `boundMs` ago. `any`: no bound.
 */
export type ReadLevel = 'linearizable' | 'session' | 'bounded' | 'any';

export interface PageWish {
  readonly namespace: string;
  readonly prefix: string;
  /** The name after which it begins; null = at the start. */
  readonly after: string | null;
  readonly limit: number;
}

export interface PageEntry {
  readonly name: string;
  readonly etag: string;
  readonly bodyBytes: number;
}

/** `when-absent`: only if no row lives under the key. `always`: the caller is going to the origin in any case. */
export type LeaseWish = 'none' | 'when-absent' | 'always';

export type Lease =
  | { readonly type: 'granted'; readonly token: FillToken }
  /** Somebody else is fetching this key: by that token. */
  | { readonly type: 'taken'; readonly token: FillToken };

export interface LiveRow extends Row {
  /** Stale since this logged time, by a soft purge; null = as fresh as it says. */
  readonly staleFrom: number | null;
}

export type ClientAnswer =
  | {
      readonly type: 'result';
      readonly result: CommandResult;
      readonly bookmark: Viewstamp;
      /** The largest staleness bound that an answer may still carry which does not show this result. */
      readonly limitMs: number;
    }
  | {
      readonly type: 'rows';
      readonly rows: readonly LiveRow[];
      readonly lease: Lease | null;
      readonly bookmark: Viewstamp;
      /** The group's logged time now: max(nowMs, last applied t). */
      readonly t: number;
      /** What was committed longer ago than this is in it; null = not known. */
      readonly ageMs: number | null;
      /** How old a bounded read of this group may be. */
      readonly boundMs: number;
    }
  /** What the wish of a `lease` request came to; a `token` is always granted. */
  | { readonly type: 'lease'; readonly lease: Lease; readonly bookmark: Viewstamp; readonly t: number }
  | {
      readonly type: 'page';
      readonly entries: readonly PageEntry[];
      /** The page is complete up to this name; null = there are no more. */
      readonly upTo: string | null;
      readonly bookmark: Viewstamp;
    }
  | { readonly type: 'renewed'; readonly renewed: boolean }
  | { readonly type: 'released'; readonly released: boolean }
  | { readonly type: 'staged' }
  | { readonly type: 'not-primary'; readonly view: number; readonly primary: number }
  /** This member was the primary and is none any more: the command may or may not take effect. */
  | { readonly type: 'deposed'; readonly view: number; readonly primary: number }
  | { readonly type: 'heard' }
  /** The answer to `suspect`: what this member knows of the primary. */
  | { readonly type: 'suspected'; readonly view: number; readonly primary: number }
  /** This member may not answer yet or no more; try again later with the same request id. */
  | { readonly type: 'not-ready'; readonly reason: NotReady }
  | { readonly type: 'overloaded' }
  /** The command or chunk is over the limit of a log item: it was not logged and never will be. */
  | { readonly type: 'too-large'; readonly bytes: number; readonly bytesMax: number };

export type NotReady =
  | 'unborn'
  | 'recovering'
  | 'installing'
  /** It lost its storage and has not been readmitted yet. */
  | 'lost'
  /** So many members have that the others are no majority: nothing can be committed before a rebirth. */
  | 'majority-lost'
  | 'chunks-missing';

/**
 * `batch` appends what was queued while the last answers went out (0 ms: in the next turn); `resend` looks after
 * backups that have not answered; `follow` follows the last commit: it persists what is applied and tells the
 * backups; `heartbeat` lets the backups know, while the group is active, that the primary is at work; `watch` is every
 * member's own look at its evidence of that.
 */
export type TimerName = 'batch' | 'resend' | 'follow' | 'heartbeat' | 'watch';

export type ReplicaEvent =
  | { readonly type: 'message'; readonly message: Message }
  /** `id` is the caller's own, unique in this object's life; it comes back in exactly one `reply` or none. */
  | { readonly type: 'client'; readonly id: number; readonly request: ClientRequest }
  /** Several that arrived in one call: commands among them share a log entry where they fit. */
  | {
      readonly type: 'clients';
      readonly clients: readonly { readonly id: number; readonly request: ClientRequest }[];
    }
  | { readonly type: 'sendFailed'; readonly message: Message }
  | { readonly type: 'timer'; readonly name: TimerName }
  | { readonly type: 'alarm' }
  /** `nonce`: unlike that of any other life of this member. */
  | { readonly type: 'boot'; readonly nonce: string };
