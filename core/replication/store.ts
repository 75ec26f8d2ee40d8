// The durable state of one replica as the core sees it: synchronous reads, and writes as data. The adapter keeps it
// in SQLite, the simulator in memory; both must make the writes of one `persist` durable together or not at all.
import type { CommandResult, RowAddress, Value } from './commands.ts';
import type { LogEntry } from './messages.ts';
import type { Viewstamp } from './viewstamp.ts';

export interface Row extends RowAddress {
  /** The op that wrote it, and its place among that op's items: together they make the etag. */
  readonly viewstamp: Viewstamp;
  readonly item: number;
  /** What the row is as new as: a put's own viewstamp, a fill's token. */
  readonly born: Viewstamp;
  /** Logged time of the op that wrote it, epoch ms. */
  readonly writtenAt: number;
  /** Absent from this logged time on; null = for ever. */
  readonly expireAt: number | null;
  readonly tags: readonly string[];
  readonly value: Value;
}

/** Left behind by delete, URL purge and removal of a young row: refuses fills that began before it. */
export interface Tombstone {
  readonly key: string;
  readonly stamp: Viewstamp;
  /** Logged time; it may go 60 s later. */
  readonly t: number;
}

/** An entry is live iff its `born` is older than no stamp that covers it. Hard forbids any use, soft marks stale. */
export interface InvalidationStamps {
  readonly hard: Viewstamp | null;
  readonly soft: Viewstamp | null;
}

export interface DedupeRow {
  readonly reqId: string;
  /** Digest of the command: the same id with another command is refused, not answered. */
  readonly digest: string;
  readonly result: CommandResult;
  readonly t: number;
}

export interface Identity {
  readonly groupId: string;
  readonly shard: number;
  readonly memberId: number;
  readonly memberCount: number;
  readonly incarnation: number;
  readonly epoch: number;
}

/** Read once at boot; afterwards the core's own copy is the truth. */
export interface DurableHead {
  readonly identity: Identity;
  readonly view: number;
  /** Highest op known committed; all ops up to `applied` have their effects in the rows. `applied <= commit`. */
  readonly commit: number;
  readonly applied: number;
  /** Logged time of the last applied op, epoch ms. */
  readonly appliedT: number;
  readonly lastLogged: Viewstamp;
  /** Logged time of the log's last entry. */
  readonly lastT: number;
  /** The oldest op still in the log, or `lastLogged.op + 1` when it is empty. */
  readonly firstOp: number;
  /** The viewstamp just before `firstOp`. */
  readonly beforeFirst: Viewstamp;
  /** Everything born before it is gone: fills older than it are refused. */
  readonly floor: Viewstamp;
  /** Bytes of rows' values, by kind: counted as they are applied. */
  readonly httpBytes: number;
  readonly kvBytes: number;
  readonly entries: number;
  /** Rolling hash of the applied state, for comparison between replicas. */
  readonly stateHash: number;
}

export interface ReplicaStore {
  head(): DurableHead | null;
  row(address: RowAddress): Row | undefined;
  /** All rows under a key, by variant. */
  rows(key: string): Row[];
  tombstone(key: string): Tombstone | undefined;
  invalidateAll(): InvalidationStamps;
  dedupe(reqId: string): DedupeRow | undefined;
  /** Entries from `fromOp` on, at least one if there is one, then while they fit in `bytesMax`. */
  logEntries(fromOp: number, bytesMax: number): LogEntry[];
  /** The view of the entry at `op`, or undefined when it is not in the log. */
  viewAt(op: number): number | undefined;
  hasChunk(hash: string): boolean;
  chunk(hash: string): Uint8Array | undefined;
  /** Rows with `expireAt <= t`, soonest first. */
  expired(t: number, limit: number): Row[];
  /** The next `expireAt` of any row, or null. */
  nextExpiry(): number | null;
  /** HTTP rows in the order in which they should go when space runs out. */
  evictable(limit: number): Row[];
}

export type Write =
  | { readonly type: 'identity'; readonly identity: Identity }
  | { readonly type: 'view'; readonly view: number }
  | { readonly type: 'append'; readonly entries: readonly LogEntry[] }
  /** Removes every entry with `op >= fromOp`. */
  | { readonly type: 'truncateSuffix'; readonly fromOp: number }
  /** Removes every entry with `op <= toOp`; `before` becomes the viewstamp before the first. */
  | { readonly type: 'truncatePrefix'; readonly toOp: number; readonly before: Viewstamp }
  | {
      readonly type: 'applied';
      readonly commit: number;
      readonly applied: number;
      readonly appliedT: number;
      readonly httpBytes: number;
      readonly kvBytes: number;
      readonly entries: number;
      readonly stateHash: number;
    }
  | { readonly type: 'putRow'; readonly row: Row }
  | { readonly type: 'deleteRow'; readonly address: RowAddress }
  | { readonly type: 'tombstone'; readonly tombstone: Tombstone }
  | { readonly type: 'forgetTombstones'; readonly beforeT: number }
  | { readonly type: 'invalidateAll'; readonly stamps: InvalidationStamps }
  | { readonly type: 'floor'; readonly floor: Viewstamp }
  | { readonly type: 'dedupe'; readonly row: DedupeRow }
  | { readonly type: 'forgetDedupe'; readonly beforeT: number; readonly limit: number }
  | { readonly type: 'chunk'; readonly hash: string; readonly bytes: Uint8Array; readonly stagedAt: number }
  /** Removes chunks that no row and no log entry names and that were staged before the instant. */
  | { readonly type: 'sweepChunks'; readonly stagedBefore: number }
  /** R0: a vote with nothing to write bumps a row, so that the output gate holds it. */
  | { readonly type: 'touch' };
