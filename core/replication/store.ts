// The durable state of one replica as the core sees it: synchronous reads, and writes as data. The adapter keeps it
// in SQLite, the simulator in memory; both must make the writes of one `persist` durable together or not at all.
//
// What the store shows, and when: during a step it shows what it held before that step (a step never reads what it
// is about to write); the writes of the step's `persist` are executed, in their order, before the next step begins.
// Rows that are applied but not yet persisted live in the replica's overlay, which the core puts over every read;
// they reach the store with the next `persist`, whatever its cause, together with the `applied` record that
// accounts for them. So the store is always the exact state after its own `applied` op.
import type { CommandResult, RowAddress, Value } from './commands.ts';
import type { LogEntry } from './messages.ts';
import type { ScopeKind } from './purge-scope.ts';
import type { Viewstamp } from './viewstamp.ts';

/** A row without its value: what conditions, expiry and eviction need to know of it. */
export interface RowHead extends RowAddress {
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
  /** What the row counts for in the byte totals: `rowBytes` of its address and value. */
  readonly bytes: number;
}

/** A key-value row for a listing. */
export interface PairHead extends RowHead {
  readonly bodyBytes: number;
}

export interface Row extends RowHead {
  readonly value: Value;
}

/** Left behind by delete, URL purge and removal of a young row: refuses fills whose token is older. */
export interface Tombstone {
  readonly key: string;
  /** It may go once the fill floor has reached it. */
  readonly stamp: Viewstamp;
  /** Logged time of the op that left it, epoch ms. */
  readonly t: number;
}

/** Where a purge stands in the log. */
export interface PurgeStamp extends Viewstamp {
  readonly item: number;
  /** Logged time, epoch ms. */
  readonly t: number;
}

/**
 * What purges of one scope left behind. A row is live iff it is older than no stamp that covers it: `hard` forbids any
 * use, `soft` marks stale; each is the newest of its kind.
 */
export interface Invalidation {
  /** As core/replication/purge-scope makes it. */
  readonly scope: string;
  readonly hard: PurgeStamp | null;
  readonly soft: PurgeStamp | null;
  /** Of the purges that made it, newest last, bounded: one of them that comes again does nothing. */
  readonly reqIds: readonly string[];
}

export interface InvalidationSpan {
  /** The newest stamp of all. */
  readonly newest: Viewstamp;
  /** The least logged time at which one of them is due to go (`dueToGoAt`). */
  readonly firstGoesAt: number;
}

export interface DedupeRow {
  readonly reqId: string;
  /** Digest of the command: the same id with another command is refused, not answered. */
  readonly digest: string;
  readonly result: CommandResult;
  /** Op and logged time of the first occurrence: the row expires by op count and time, both. */
  readonly op: number;
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

/** What an applied op leaves in the head: written as a whole with the rows it accounts for. */
export interface AppliedHead {
  /** Highest op known committed; all ops up to `applied` have their effects in the rows. `applied <= commit`. */
  readonly commit: number;
  readonly applied: number;
  /** Logged time of the last applied op, epoch ms. */
  readonly appliedT: number;
  /** Fills whose token is older are refused: it follows the log at 60 to 120 s of logged time. */
  readonly fillFloor: Viewstamp;
  /** The next fill floor, and the logged time of its op. */
  readonly fillMark: Viewstamp;
  readonly fillMarkT: number;
  /** Bytes of rows by kind, expired ones included until they are removed. */
  readonly httpBytes: number;
  readonly kvBytes: number;
  /** Of those, key-value rows without a ttl: they stay until their owner removes them. */
  readonly kvKeptBytes: number;
  readonly entries: number;
  /** Rolling hash of the applied state, for comparison between replicas. Unsigned 32 bit. */
  readonly stateHash: number;
  /** How old what a bounded read shows may be; 0 = as the limits say: none was logged. */
  readonly boundMs: number;
  /** The version of the configuration since which that is so. */
  readonly boundSince: number;
  /** The largest bound that an answer may still carry, where that is more. */
  readonly boundMaxMs: number;
  /** The highest incarnation of each member that was (re)admitted, by member; what is missing is the first. */
  readonly incarnations: readonly number[];
}

/** Read once at boot; afterwards the core's own copy is the truth. A new member's is all zeros. */
export interface DurableHead extends AppliedHead {
  readonly identity: Identity;
  readonly view: number;
  readonly lastLogged: Viewstamp;
  /** Logged time of the log's last entry. */
  readonly lastT: number;
  /** The oldest op still in the log, or `lastLogged.op + 1` when it is empty. */
  readonly firstOp: number;
  /** The viewstamp just before `firstOp`. */
  readonly beforeFirst: Viewstamp;
  /** Sum of `entryBytes` over the log. */
  readonly logBytes: number;
  /** No row is left that a purge up to here covers; fills older than it are refused. */
  readonly floor: Viewstamp;
  /** A snapshot was begun and not ended: the rows are a mixture. */
  readonly isInstalling: boolean;
  /** The highest incarnation that this storage was given up in; 0 = in none. */
  readonly forsaken: number;
}

/** An entry of the log without its items. */
export interface LogPlace {
  readonly op: number;
  readonly view: number;
  readonly t: number;
  /** `entryBytes` of the entry. */
  readonly bytes: number;
}

export interface ReplicaStore {
  /** null: the member has no identity yet. */
  head(): DurableHead | null;
  rowHead(address: RowAddress): RowHead | undefined;
  /** All rows under a key, by variant in code-unit order. */
  rowHeads(key: string): RowHead[];
  /** The same with their values. */
  rows(key: string): Row[];
  tombstone(key: string): Tombstone | undefined;
  invalidation(scope: string): Invalidation | undefined;
  /** How many there are of each kind: most often none, and nothing need be looked up. O(1). */
  invalidationCounts(): Readonly<Record<ScopeKind, number>>;
  /** null when there is none. O(invalidations). */
  invalidationSpan(): InvalidationSpan | null;
  dedupe(reqId: string): DedupeRow | undefined;
  /** Entries from `fromOp` on in op order, at least one if there is one, then while they fit in `bytesMax`. */
  logEntries(fromOp: number, bytesMax: number): LogEntry[];
  /** The view of the entry at `op`, or undefined when it is not in the log. */
  viewAt(op: number): number | undefined;
  /** Up to `limit` places of the log from `fromOp` on, in op order. */
  logPlaces(fromOp: number, limit: number): LogPlace[];
  hasChunk(hash: string): boolean;
  chunk(hash: string): Uint8Array | undefined;
  /** When the chunk staged last was staged, epoch ms, or null when none is held. */
  newestChunkAt(): number | null;
  /** Rows with `expireAt <= t`, soonest first. */
  expired(t: number, limit: number): RowHead[];
  /** The least `expireAt > afterT` of any row, or null. */
  nextExpiry(afterT: number): number | null;
  /**
   * Up to `limit` rows in an order that new rows and removals do not disturb, beginning after the place that `cursor`
   * names (null: at the start), and the place that they end at.
   */
  rowsAfter(
    cursor: string | null,
    limit: number,
  ): { readonly rows: RowHead[]; readonly cursor: string | null };
  /**
   * What the state consists of in a fixed order over all its tables, as writes that make it: from behind the place
   * `after` (null: the start) while they fit in `bytesMax`, at least one; `to` is the place of the last (null: the end).
   */
  snapshotPart(
    after: string | null,
    bytesMax: number,
  ): { readonly writes: readonly Write[]; readonly to: string | null };
  /**
   * HTTP rows that should go, first those that should go first, until `bytes` are free: the adapter chooses, from what
   * it saw of their use. Rows that this names again after a while were not evicted the first time.
   */
  evictable(bytes: number, limit: number): RowHead[];
  /** Key-value rows with a ttl, soonest expiry first. */
  evictablePairs(limit: number): RowHead[];
  /**
   * Up to `limit` key-value rows of a namespace whose names begin with `prefix` and come after `after`, in the order of
   * code points (core/sharding/text-order).
   */
  pairsAfter(namespace: string, prefix: string, after: string | null, limit: number): PairHead[];
}

export type Write =
  | { readonly type: 'identity'; readonly identity: Identity }
  | { readonly type: 'view'; readonly view: number }
  /** This storage was found to be none that its member votes with, in this incarnation or an earlier one. */
  | { readonly type: 'forsaken'; readonly incarnation: number }
  | { readonly type: 'append'; readonly entries: readonly LogEntry[] }
  /** Removes every entry with `op >= fromOp`. */
  | { readonly type: 'truncateSuffix'; readonly fromOp: number }
  /** Removes every entry with `op <= before.op`; `before` becomes the viewstamp before the first. */
  | { readonly type: 'truncatePrefix'; readonly before: Viewstamp }
  | ({ readonly type: 'applied' } & AppliedHead)
  | { readonly type: 'putRow'; readonly row: Row }
  | { readonly type: 'deleteRow'; readonly address: RowAddress }
  | { readonly type: 'tombstone'; readonly tombstone: Tombstone }
  /** Removes tombstones whose stamp is older than, or equal to, the given one. */
  | { readonly type: 'forgetTombstones'; readonly upTo: Viewstamp }
  | { readonly type: 'invalidation'; readonly row: Invalidation }
  /** Removes invalidations that have no stamp newer than `upTo` and are due to go before `beforeT`. */
  | { readonly type: 'forgetInvalidations'; readonly upTo: Viewstamp; readonly beforeT: number }
  | { readonly type: 'floor'; readonly floor: Viewstamp }
  | { readonly type: 'dedupe'; readonly row: DedupeRow }
  /**
   * Removes rows with `t < beforeT` and `op < beforeOp`, oldest first, some `limit` of them at most; those that lie
   * together with later ones may stay until those go.
   */
  | {
      readonly type: 'forgetDedupe';
      readonly beforeT: number;
      readonly beforeOp: number;
      readonly limit: number;
    }
  | { readonly type: 'chunk'; readonly hash: string; readonly bytes: Uint8Array; readonly stagedAt: number }
  /**
   * Removes chunks that no row and no log entry names (as they are after the writes before this one) and that were
   * staged before the instant. A `chunk` that is there already only gets the later `stagedAt`.
   */
  | { readonly type: 'sweepChunks'; readonly stagedBefore: number }
  /** From here on, until `installed`, the rows are those of a snapshot in part. */
  | { readonly type: 'installing' }
  /** What lies behind `after` and up to `to` (null: to the end) is gone, and `writes` are there instead. */
  | {
      readonly type: 'replaceRange';
      readonly after: string | null;
      readonly to: string | null;
      readonly writes: readonly Write[];
    }
  /** The snapshot is complete: it shows op `at`. The log goes on behind that, or is empty. */
  | {
      readonly type: 'installed';
      readonly head: AppliedHead;
      readonly at: Viewstamp;
      readonly floor: Viewstamp;
      readonly keepsSuffix: boolean;
    }
  /** R0: a vote with nothing to write bumps a row, so that the output gate holds it. */
  | { readonly type: 'touch' };
