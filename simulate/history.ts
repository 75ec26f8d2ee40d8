// What the clients of one run saw, in the order of real time: the checkers judge by this and by the logs alone.
import type { Command, CommandResult } from '../core/replication/commands.ts';
import type { Row } from '../core/replication/store.ts';
import type { Viewstamp } from '../core/replication/viewstamp.ts';

export interface ObservedWrite {
  readonly type: 'write';
  readonly reqId: string;
  readonly command: Command;
  readonly invokedAt: number;
  /** null: no answer ever came; it may or may not have happened. */
  answeredAt: number | null;
  result: CommandResult | null;
  bookmark: Viewstamp | null;
}

export interface ObservedRead {
  readonly type: 'read';
  readonly key: string;
  readonly invokedAt: number;
  readonly answeredAt: number;
  readonly rows: readonly Row[];
  readonly bookmark: Viewstamp;
  /** The group's time in the answer. */
  readonly t: number;
  /** The origin's version that this read may not go below, by the purges acknowledged before it was invoked. */
  readonly versionAtLeast: number;
}

export class History {
  readonly writes: ObservedWrite[] = [];
  readonly reads: ObservedRead[] = [];
  private tick = 0;

  /** Instants of real time: all different, in order. */
  next(): number {
    return ++this.tick;
  }
}
