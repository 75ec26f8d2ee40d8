// One client: it asks one thing at a time, writes down what it asked and what it heard, and sends an unanswered write
// again with the same request id, until it gives up and leaves the outcome open.
import type { Command } from '../../core/replication/commands.ts';
import type { ClientAnswer, ClientRequest, LeaseWish, ReadLevel } from '../../core/replication/messages.ts';
import { isKvEntryKey } from '../../core/sharding/entry-key.ts';
import type { Scheduler } from '../engine/scheduler.ts';
import type { Edge, Patience } from './edge.ts';
import type { History, ObservedWrite } from './history.ts';

/** As the product's edges have them: a lookup that takes longer goes to the origin. */
const LOOKUP: Patience = { deadlineMs: 1_000, tryMs: 400 };
const COMMAND: Patience = { deadlineMs: 5_000, tryMs: 1_500 };
/** Calls that a client spends on one write. */
const WRITE_CALLS = 2;

export class Session {
  readonly id: number;
  /** The newest op that it has seen. */
  seenOp = 0;
  private readonly edge: Edge;
  private readonly history: History;
  private readonly scheduler: Scheduler;
  private writes = 0;

  constructor(id: number, edge: Edge, history: History, scheduler: Scheduler) {
    this.id = id;
    this.edge = edge;
    this.history = history;
    this.scheduler = scheduler;
  }

  read(
    key: string,
    level: ReadLevel,
    lease: LeaseWish,
    done: (answer: Extract<ClientAnswer, { type: 'rows' }> | null) => void,
  ): void {
    const { history } = this;
    const invokedAt = history.next();
    const sessionOp = this.seenOp;
    this.edge.call({ type: 'read', key, lease, level }, isKvEntryKey(key) ? COMMAND : LOOKUP, (outcome) => {
      const answer = outcome.type === 'answered' && outcome.answer.type === 'rows' ? outcome.answer : null;
      if (answer !== null) {
        const { rows, bookmark, t } = answer;
        const answeredAt = history.next();
        const type = 'read' as const;
        history.reads.push({
          type,
          session: this.id,
          key,
          level,
          invokedAt,
          answeredAt,
          rows,
          bookmark,
          t,
          sessionOp,
        });
        this.seenOp = Math.max(this.seenOp, bookmark.op);
      }
      done(answer);
    });
  }

  write(command: Command, done: (observed: ObservedWrite) => void): void {
    this.writes += 1;
    const observed: ObservedWrite = {
      type: 'write',
      session: this.id,
      reqId: `s${this.id}-${this.writes}`,
      command,
      invokedAt: this.history.next(),
      answeredAt: null,
      result: null,
      bookmark: null,
      isRefused: true,
    };
    this.history.writes.push(observed);
    this.tryWrite(observed, WRITE_CALLS, done);
  }

  /** Anything that is no part of the history: staging, giving a lease back. */
  ask(request: ClientRequest, done: (answer: ClientAnswer | null) => void): void {
    this.edge.call(request, COMMAND, (outcome) => done(outcome.type === 'answered' ? outcome.answer : null));
  }

  private tryWrite(observed: ObservedWrite, calls: number, done: (observed: ObservedWrite) => void): void {
    const request = { type: 'command', reqId: observed.reqId, command: observed.command } as const;
    this.edge.call(request, COMMAND, (outcome) => {
      if (outcome.type === 'answered' && outcome.answer.type === 'result') {
        observed.isRefused = false;
        observed.answeredAt = this.history.next();
        observed.result = outcome.answer.result;
        observed.bookmark = outcome.answer.bookmark;
        this.seenOp = Math.max(this.seenOp, outcome.answer.bookmark.op);
        done(observed);
        return;
      }
      if (outcome.type === 'failed' && outcome.maybeDone) observed.isRefused = false;
      if (calls > 1) this.scheduler.after(50, () => this.tryWrite(observed, calls - 1, done));
      else done(observed);
    });
  }
}
