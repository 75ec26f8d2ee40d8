// What the members of a group say to one another, and what happens to a member: messages, client requests, timers.
import type { Command, CommandResult, FillToken } from './commands.ts';
import type { Row } from './store.ts';
import type { Viewstamp } from './viewstamp.ts';

/** Old object code meets new code for minutes after a deploy: every message says which protocol it speaks. */
export const PROTOCOL_VERSION = 1;

export interface LogItem {
  readonly reqId: string;
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
  /** `op` names the last op that this prepare verified, never the log's end. */
  | { readonly type: 'prepareOk'; readonly op: number }
  /** `lastOp` hints where the sender's log could match; `missingChunk` names a body chunk it does not hold. */
  | { readonly type: 'prepareNack'; readonly lastOp: number; readonly missingChunks: readonly string[] }
  | { readonly type: 'chunk'; readonly hash: string; readonly bytes: Uint8Array }
  | { readonly type: 'chunkOk'; readonly hash: string }
  /** The sender holds a newer view or refuses for the reason given; nothing was applied. */
  | { readonly type: 'refuse'; readonly reason: Refusal };

export type Refusal =
  | 'unknown-protocol'
  | 'unknown-group'
  | 'unknown-member'
  | 'old-incarnation'
  | 'old-view'
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
  /** All rows under a key; with `lease`, a miss (decided by the caller) may be leased in the same turn. */
  | { readonly type: 'read'; readonly reqId: string; readonly key: string; readonly lease: LeaseWish };

/** `when-absent`: only if no row lives under the key. `always`: the caller is going to the origin in any case. */
export type LeaseWish = 'none' | 'when-absent' | 'always';

export type Lease =
  | { readonly type: 'granted'; readonly token: FillToken }
  /** Somebody else is fetching this key. */
  | { readonly type: 'taken' };

export type ClientAnswer =
  | { readonly type: 'result'; readonly result: CommandResult; readonly bookmark: Viewstamp }
  | {
      readonly type: 'rows';
      readonly rows: readonly Row[];
      readonly lease: Lease | null;
      readonly bookmark: Viewstamp;
      /** The group's logged time now: max(nowMs, last applied t). */
      readonly t: number;
    }
  | { readonly type: 'not-primary'; readonly view: number; readonly primary: number }
  /** This member may not answer yet or no more; try again later with the same request id. */
  | { readonly type: 'not-ready'; readonly reason: NotReady }
  | { readonly type: 'overloaded' };

export type NotReady = 'unborn' | 'recovering' | 'lost' | 'chunks-missing';

export type TimerName = 'resend' | 'heartbeat' | 'sweep';

export type ReplicaEvent =
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'client'; readonly id: number; readonly request: ClientRequest }
  | { readonly type: 'sendFailed'; readonly message: Message }
  | { readonly type: 'timer'; readonly name: TimerName }
  | { readonly type: 'alarm' }
  | { readonly type: 'boot' };
