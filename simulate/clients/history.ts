// What the clients of one run saw, in the order of real time: the checkers judge by this and by the logs alone.
import type { PurgeSelection } from '../../core/purging/purge-selection.ts';
import type { Command, CommandResult } from '../../core/replication/commands.ts';
import type { LiveRow, ReadLevel } from '../../core/replication/messages.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import type { Scheduler } from '../engine/scheduler.ts';

export interface ObservedWrite {
  readonly type: 'write';
  readonly session: number;
  readonly shard: number;
  readonly reqId: string;
  readonly command: Command;
  readonly invokedAt: number;
  /** null: no answer ever came; it may or may not have happened. */
  answeredAt: number | null;
  result: CommandResult | null;
  bookmark: Viewstamp | null;
  /** Every try was refused before anything could be done. */
  isRefused: boolean;
}

export interface ObservedRead {
  readonly type: 'read';
  readonly session: number;
  readonly edge: number;
  readonly shard: number;
  readonly key: string;
  readonly level: ReadLevel;
  readonly invokedAt: number;
  /** The same instant in true time, epoch ms. */
  readonly invokedMs: number;
  readonly answeredAt: number;
  /** An edge's own copy served it. */
  readonly isCopy: boolean;
  readonly rows: readonly LiveRow[];
  readonly bookmark: Viewstamp;
  /** The limit that came with the answer; null: it is a copy. */
  readonly boundMs: number | null;
  /** The group's time in the answer. */
  readonly t: number;
  /** What the session had seen when it asked. */
  readonly sessionOp: number;
}

/** A fetch of another request of its edge, taken before anybody had stored it. */
export interface ObservedJoin {
  readonly session: number;
  readonly edge: number;
  readonly key: string;
  readonly level: ReadLevel;
  /** When its request came. */
  readonly invokedAt: number;
  readonly invokedMs: number;
  readonly text: string;
}

/** By way of the coordinator, in whichever groups it concerns. */
export interface ObservedPurge {
  readonly session: number;
  readonly purgeId: string;
  readonly selection: PurgeSelection;
  readonly invokedAt: number;
  /** null: it was never said to be done; it may have happened, in part or whole. */
  answeredAt: number | null;
  /** By shard: where it was committed, as its client was told. */
  bookmarks: ReadonlyMap<number, Viewstamp>;
}

/** What clients saw of one group, or of all. */
export interface Seen {
  readonly writes: readonly ObservedWrite[];
  readonly reads: readonly ObservedRead[];
  readonly purges: readonly ObservedPurge[];
}

/** Ticks per ms of simulated time. */
const TICKS_PER_MS = 1_000;

export class History implements Seen {
  readonly writes: ObservedWrite[] = [];
  readonly reads: ObservedRead[] = [];
  readonly purges: ObservedPurge[] = [];
  readonly joins: ObservedJoin[] = [];
  private readonly scheduler: Scheduler;
  private readonly beganAt: number;
  private tick = 0;

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
    this.beganAt = scheduler.now;
  }

  /** Reads and writes of one group; purges may concern any. */
  of(shard: number): Seen {
    const isOfIt = (one: { readonly shard: number }): boolean => one.shard === shard;
    return { writes: this.writes.filter(isOfIt), reads: this.reads.filter(isOfIt), purges: this.purges };
  }

  /** Instants of real time as whole numbers: all different, in order. */
  next(): number {
    this.tick = Math.max(this.tick + 1, this.ticksAt(this.scheduler.now));
    return this.tick;
  }

  /** The tick of a simulated instant, epoch ms. */
  ticksAt(ms: number): number {
    return Math.floor((ms - this.beganAt) * TICKS_PER_MS);
  }
}
