// One client: it asks one thing at a time, writes down what it asked and what it heard, and sends an unanswered write
// again with the same request id, until it gives up and leaves the outcome open.
import type { Command } from '../../core/replication/commands.ts';
import type { ClientAnswer, ClientRequest, LeaseWish, ReadLevel } from '../../core/replication/messages.ts';
import { allowsCopies } from '../../core/replication/read-need.ts';
import { isNewer, type Viewstamp } from '../../core/replication/viewstamp.ts';
import { isKvEntryKey } from '../../core/sharding/entry-key.ts';
import type { Scheduler } from '../engine/scheduler.ts';
import type { CallOptions, Edge } from './edge.ts';
import type { History, ObservedRead, ObservedWrite } from './history.ts';

/** As the product's edges have them: a lookup that takes longer goes to the origin. */
const LOOKUP = { deadlineMs: 1_000, tryMs: 400 };
const COMMAND: CallOptions = { deadlineMs: 5_000, tryMs: 1_500, anyMember: false };
/** What is of use for a moment only. */
const ASIDE: CallOptions = { deadlineMs: 1_000, tryMs: 1_000, anyMember: false };
/** Calls that a client spends on one write. */
const WRITE_CALLS = 2;

export interface ReadOptions {
  readonly level: ReadLevel;
  readonly lease: LeaseWish;
  /** The edge keeps a copy of what it reads. */
  readonly copies: boolean;
}

type Rows = Extract<ClientAnswer, { type: 'rows' }>;

export class Session {
  readonly id: number;
  /** What it has seen and written; null: nothing. */
  private bookmark: Viewstamp | null = null;
  readonly edge: Edge;
  private readonly history: History;
  private readonly scheduler: Scheduler;
  private writes = 0;

  constructor(id: number, edge: Edge, history: History, scheduler: Scheduler) {
    this.id = id;
    this.edge = edge;
    this.history = history;
    this.scheduler = scheduler;
  }

  /** From the edge's own copy; false: there is none that will do. */
  recall(key: string, level: ReadLevel): boolean {
    if (!allowsCopies(level)) return false;
    const copy = this.edge.copies.find(key, this.edge.now);
    if (copy === undefined) return false;
    const asked = this.asking(key, level);
    this.note({ ...asked, ...copy, boundMs: null, answeredAt: this.history.next(), isCopy: true });
    return true;
  }

  /** Hears null where no member answered. */
  read(key: string, options: ReadOptions, done: (answer: Rows | null) => void): void {
    const { level, lease, copies } = options;
    const asked = this.asking(key, level);
    const anyMember = level !== 'linearizable';
    const patience = isKvEntryKey(key) ? COMMAND : LOOKUP;
    const request = { type: 'read', key, lease, level, bookmark: this.bookmark } as const;
    this.edge.call(request, { ...patience, anyMember }, (outcome) => {
      const answer = outcome.type === 'answered' && outcome.answer.type === 'rows' ? outcome.answer : null;
      if (outcome.type === 'answered' && answer !== null) {
        const { rows, bookmark, boundMs, t } = answer;
        if (copies) this.edge.copies.keep(key, answer, outcome.sentAt);
        const seen = { rows, bookmark, boundMs, t };
        this.note({ ...asked, ...seen, answeredAt: this.history.next(), isCopy: false });
      }
      done(answer);
    });
  }

  private asking(
    key: string,
    level: ReadLevel,
  ): Omit<ObservedRead, 'rows' | 'bookmark' | 'boundMs' | 't' | 'answeredAt' | 'isCopy'> {
    return {
      type: 'read' as const,
      session: this.id,
      key,
      level,
      invokedAt: this.history.next(),
      invokedMs: this.scheduler.now,
      sessionOp: this.bookmark?.op ?? 0,
    };
  }

  private note(read: ObservedRead): void {
    this.history.reads.push(read);
    this.see(read.bookmark);
  }

  private see(seen: Viewstamp): void {
    if (this.bookmark === null || isNewer(seen, this.bookmark)) this.bookmark = seen;
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
      limitMs: 0,
      isRefused: true,
    };
    this.history.writes.push(observed);
    this.tryWrite(observed, WRITE_CALLS, done);
  }

  /** Anything that is no part of the history: staging, renewing a lease, giving it back. */
  ask(request: ClientRequest, done: (answer: ClientAnswer | null) => void): void {
    const patience = request.type === 'stage' ? COMMAND : ASIDE;
    this.edge.call(request, patience, (outcome) => done(outcome.type === 'answered' ? outcome.answer : null));
  }

  private tryWrite(observed: ObservedWrite, calls: number, done: (observed: ObservedWrite) => void): void {
    const request = { type: 'command', reqId: observed.reqId, command: observed.command } as const;
    this.edge.call(request, COMMAND, (outcome) => {
      if (outcome.type === 'answered' && outcome.answer.type === 'result') {
        observed.isRefused = false;
        observed.answeredAt = this.history.next();
        observed.result = outcome.answer.result;
        observed.bookmark = outcome.answer.bookmark;
        observed.limitMs = outcome.answer.limitMs;
        this.see(outcome.answer.bookmark);
        done(observed);
        return;
      }
      if (outcome.type === 'failed' && outcome.maybeDone) observed.isRefused = false;
      if (calls > 1) this.scheduler.after(50, () => this.tryWrite(observed, calls - 1, done));
      else done(observed);
    });
  }
}
