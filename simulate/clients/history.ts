// What the clients of one run saw, in the order of real time: the checkers judge by this and by the logs alone.
import type { Command, CommandResult } from '../../core/replication/commands.ts';
import type { LiveRow, ReadLevel } from '../../core/replication/messages.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import type { Scheduler } from '../engine/scheduler.ts';

export interface ObservedWrite {
  readonly type: 'write';
  readonly session: number;
  readonly reqId: string;
  readonly command: Command;
  readonly invokedAt: number;
  /** null: no answer ever came; it may or may not have happened. */
  answeredAt: number | null;
  result: CommandResult | null;
  bookmark: Viewstamp | null;
  /** The largest staleness bound that answers from before it may still carry. */
  limitMs: number;
  /** Every try was refused before anything could be done. */
  isRefused: boolean;
}

export interface ObservedRead {
  readonly type: 'read';
  readonly session: number;
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

/** Ticks per ms of simulated time. */
const TICKS_PER_MS = 1_000;

export class History {
  readonly writes: ObservedWrite[] = [];
  readonly reads: ObservedRead[] = [];
  private readonly scheduler: Scheduler;
  private readonly beganAt: number;
  private tick = 0;

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
    this.beganAt = scheduler.now;
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
