// What the members of a group say to one another, and what happens to a member: messages, client requests, timers.
import type { Command, CommandResult, FillToken } from './commands.ts';
import type { Row } from './store.ts';
import type { Viewstamp } from './viewstamp.ts';

/** Old object code meets new code for minutes after a deploy: every message says which protocol it speaks. */
export const PROTOCOL_VERSION = 1;

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

export type MessageBody =
  /** An empty one is a heartbeat: it carries the commit index. `prev` is the viewstamp just before the entries. */
  | {
      readonly type: 'prepare';
      readonly prev: Viewstamp;
      readonly entries: readonly LogEntry[];
      readonly commit: number;
    }
  /**
   * `op` names the last op that this prepare verified, never the log's end; `commit` is what the sender has
   * committed, applied and made durable with this vote.
   */
  | { readonly type: 'prepareOk'; readonly op: number; readonly commit: number }
  /** `lastOp` hints where the sender's log could match; `missingChunk` names a body chunk it does not hold. */
  | { readonly type: 'prepareNack'; readonly lastOp: number; readonly missingChunks: readonly string[] }
  /** The adapter that receives it must find that the bytes have this SHA-256 before it becomes an event. */
  | { readonly type: 'chunk'; readonly hash: string; readonly bytes: Uint8Array }
  | { readonly type: 'chunkOk'; readonly hash: string }
  /** The sender holds a newer view or refuses for the reason given; nothing was applied. */
  | { readonly type: 'refuse'; readonly reason: Refusal };

/** Bodies that answer a message: over RPC they are what the call returns; every other message is a call. */
export const ANSWERS: ReadonlySet<MessageBody['type']> = new Set([
  'prepareOk',
  'prepareNack',
  'chunkOk',
  'refuse',
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
  | { readonly type: 'read'; readonly key: string; readonly lease: LeaseWish }
  /** For a caller that has looked at the rows in the same turn and found none that serves. */
  | { readonly type: 'lease'; readonly key: string }
  /** The fetch that the lease was given for came to nothing that can be stored. */
  | { readonly type: 'release'; readonly key: string; readonly token: FillToken }
  /** A chunk of a large body, before the command that names it; the caller has checked that the hash is right. */
  | { readonly type: 'stage'; readonly hash: string; readonly bytes: Uint8Array };

/** `when-absent`: only if no row lives under the key. `always`: the caller is going to the origin in any case. */
export type LeaseWish = 'none' | 'when-absent' | 'always';

export type Lease =
  | { readonly type: 'granted'; readonly token: FillToken }
  /** Somebody else is fetching this key. */
  | { readonly type: 'taken' };

export interface LiveRow extends Row {
  /** Stale since this logged time, by a soft purge; null = as fresh as it says. */
  readonly staleFrom: number | null;
}

export type ClientAnswer =
  | { readonly type: 'result'; readonly result: CommandResult; readonly bookmark: Viewstamp }
  | {
      readonly type: 'rows';
      readonly rows: readonly LiveRow[];
      readonly lease: Lease | null;
      readonly bookmark: Viewstamp;
      /** The group's logged time now: max(nowMs, last applied t). */
      readonly t: number;
    }
  /** What the wish of a `lease` request came to. */
  | { readonly type: 'lease'; readonly lease: Lease; readonly bookmark: Viewstamp; readonly t: number }
  | { readonly type: 'released'; readonly released: boolean }
  | { readonly type: 'staged' }
  | { readonly type: 'not-primary'; readonly view: number; readonly primary: number }
  /** This member may not answer yet or no more; try again later with the same request id. */
  | { readonly type: 'not-ready'; readonly reason: NotReady }
  | { readonly type: 'overloaded' }
  /** The command or chunk is over the limit of a log item: it was not logged and never will be. */
  | { readonly type: 'too-large'; readonly bytes: number; readonly bytesMax: number };

export type NotReady = 'unborn' | 'recovering' | 'lost' | 'chunks-missing';

/**
 * `batch` appends what was queued while the last answers went out (0 ms: in the next turn); `resend` looks after
 * backups that have not answered; `heartbeat` follows the last commit: it persists what is applied and tells the
 * backups, after which an idle group is silent.
 */
export type TimerName = 'batch' | 'resend' | 'heartbeat';

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
  | { readonly type: 'boot' };
