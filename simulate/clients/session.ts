// One client: it asks one thing at a time, writes down what it asked and what it heard, and sends an unanswered write
// again with the same request id, until it gives up and leaves the outcome open.

import type { Confirmation } from '../../core/cache/flights.ts';
import type { SharedAnswer } from '../../core/cache/holding.ts';
import type { PurgeSelection } from '../../core/purging/purge-selection.ts';
import type { Command } from '../../core/replication/commands.ts';
import type { ClientAnswer, ClientRequest, LeaseWish, ReadLevel } from '../../core/replication/messages.ts';
import { allowsCopies, atLeast, needOf, promiseOf } from '../../core/replication/read-need.ts';
import { isNewer, type Viewstamp } from '../../core/replication/viewstamp.ts';
import { isKvEntryKey } from '../../core/sharding/entry-key.ts';
import { START_AT } from '../engine/instance.ts';
import { brief } from '../engine/trace-step.ts';
import type { Coordinator } from './coordinator.ts';
import type { Edge } from './edge.ts';
import type { CallOptions } from './group-link.ts';
import { textOf } from './held-fetch.ts';
import type { History, ObservedJoin, ObservedPurge, ObservedRead, ObservedWrite } from './history.ts';

/** As the product's edges have them: a lookup that takes longer goes to the origin. */
const LOOKUP = { deadlineMs: 1_000, tryMs: 400 };
const COMMAND: CallOptions = { deadlineMs: 5_000, tryMs: 1_500, anyMember: false };
/** What is of use for a moment only. */
const ASIDE: CallOptions = { deadlineMs: 1_000, tryMs: 1_000, anyMember: false };
/** Calls that a client spends on one write, or purge. */
const WRITE_CALLS = 2;
const PURGE_CALLS = 3;

export interface ReadOptions {
  readonly level: ReadLevel;
  readonly lease: LeaseWish;
  /** The edge keeps a copy of what it reads. */
  readonly copies: boolean;
}

/** When a request came: its tick, and true time. */
export type Come = Pick<ObservedJoin, 'invokedAt' | 'invokedMs'>;

type Rows = Extract<ClientAnswer, { type: 'rows' }>;
type Asked = Omit<ObservedRead, 'rows' | 'bookmark' | 'boundMs' | 't' | 'answeredAt' | 'isCopy'>;

export class Session {
  readonly id: number;
  readonly edge: Edge;
  /** What it has seen and written, by shard. */
  private readonly bookmarks = new Map<number, Viewstamp>();
  private readonly coordinator: Coordinator;
  private readonly history: History;
  private writes = 0;

  constructor(id: number, edge: Edge, coordinator: Coordinator, history: History) {
    this.id = id;
    this.edge = edge;
    this.coordinator = coordinator;
    this.history = history;
  }

  /** From the edge's own copy; false: there is none that will do. */
  recall(key: string, level: ReadLevel): boolean {
    if (!allowsCopies(level)) return false;
    const copy = this.edge.copies.find(key, this.edge.now);
    if (copy === undefined) return false;
    const { rows, bookmark, t } = copy;
    this.note({
      ...this.asking(key, level),
      rows,
      bookmark,
      boundMs: null,
      t,
      answeredAt: this.history.next(),
      isCopy: true,
    });
    return true;
  }

  /** Hears null where no member answered. */
  read(key: string, { level, lease, copies }: ReadOptions, done: (answer: Rows | null) => void): void {
    const { edge } = this;
    // As in the product: from before the first try, whichever is answered. What is asked for follows from what is known now.
    const askedAt = edge.now;
    const asked = this.asking(key, level);
    const need = atLeast(
      needOf({ level, bookmark: this.bookmark }, this.groupOf(asked.shard)),
      this.purged(asked.shard),
    );
    const request = { type: 'read', key, lease, ...promiseOf(need) } as const;
    const patience = isKvEntryKey(key) ? COMMAND : LOOKUP;
    edge.call(request, { ...patience, anyMember: need.level !== 'linearizable' }, (outcome) => {
      const answer = outcome.type === 'answered' && outcome.answer.type === 'rows' ? outcome.answer : null;
      if (outcome.type === 'answered' && answer !== null) {
        const { rows, bookmark, boundMs, t } = answer;
        if (copies && allowsCopies(level)) edge.copies.keep(key, answer, askedAt, edge.now);
        this.note({ ...asked, rows, bookmark, boundMs, t, answeredAt: this.history.next(), isCopy: false });
      }
      done(answer);
    });
  }

  /** Takes another's fetch; `since`: when its request came. */
  join(
    { key, level, since }: { readonly key: string; readonly level: ReadLevel; readonly since: Come },
    answer: SharedAnswer & Confirmation,
  ): void {
    const text = textOf(answer);
    this.history.joins.push({ session: this.id, edge: this.edge.id, key, level, ...since, text });
    this.tell(() => `joins a fetch of ${key} (${level}): ${text}`);
    this.see(this.edge.world.shardOf(key), answer.bookmark);
  }

  /** A request comes. */
  come(): Come {
    return { invokedAt: this.history.next(), invokedMs: this.edge.world.scheduler.now };
  }

  private asking(key: string, level: ReadLevel): Asked {
    const shard = this.edge.world.shardOf(key);
    return {
      type: 'read' as const,
      session: this.id,
      edge: this.edge.id,
      shard,
      key,
      level,
      invokedAt: this.history.next(),
      invokedMs: this.edge.world.scheduler.now,
      sessionOp: this.bookmarks.get(shard)?.op ?? 0,
    };
  }

  private groupOf(shard: number): string {
    return this.edge.world.cluster(shard).groupId;
  }

  private purged(shard: number): Viewstamp | null {
    return this.edge.purges.lastIn(this.groupOf(shard));
  }

  private get bookmark(): Record<string, Viewstamp> {
    return Object.fromEntries([...this.bookmarks].map(([shard, seen]) => [this.groupOf(shard), seen]));
  }

  private note(read: ObservedRead): void {
    this.history.reads.push(read);
    this.tell(() => describeRead(read));
    this.see(read.shard, read.bookmark);
  }

  private tell(text: () => string): void {
    this.edge.world.print(() => `   c${this.id} at e${this.edge.id}  ${text()}`);
  }

  private see(shard: number, seen: Viewstamp): void {
    const known = this.bookmarks.get(shard);
    if (known === undefined || isNewer(seen, known)) this.bookmarks.set(shard, seen);
  }

  write(command: Command, done: (observed: ObservedWrite) => void): void {
    this.writeAll([command], ([observed]) => done(observed as ObservedWrite));
  }

  /** In one call; all of one group. */
  writeAll(commands: readonly Command[], done: (observed: readonly ObservedWrite[]) => void): void {
    const invokedAt = this.history.next();
    const batch = commands.map((command): ObservedWrite => {
      this.writes += 1;
      const reqId = `s${this.id}-${this.writes}`;
      return {
        type: 'write',
        session: this.id,
        shard: this.edge.world.shardAsked({ type: 'command', reqId, command }),
        reqId,
        command,
        invokedAt,
        answeredAt: null,
        result: null,
        bookmark: null,
        isRefused: true,
      };
    });
    this.history.writes.push(...batch);
    for (const { reqId, command } of batch) this.tell(() => `asks ${reqId}: ${brief(command)}`);
    // Who has several things to do may leave the outcome of the whole open at once.
    this.tryWrite(batch, commands.length > 1 ? 1 : WRITE_CALLS, done);
  }

  /** Anything that is no part of the history: staging, renewing a lease, giving it back. */
  ask(request: ClientRequest, done: (answer: ClientAnswer | null) => void): void {
    const patience = request.type === 'stage' ? COMMAND : ASIDE;
    this.edge.call(request, patience, (outcome) => done(outcome.type === 'answered' ? outcome.answer : null));
  }

  private tryWrite(
    batch: readonly ObservedWrite[],
    calls: number,
    done: (observed: readonly ObservedWrite[]) => void,
  ): void {
    const { edge, history } = this;
    const shard = batch[0]?.shard ?? 0;
    const requests = batch.map(({ reqId, command }) => ({ type: 'command', reqId, command }) as const);
    edge.callAll(shard, requests, COMMAND, (outcome) => {
      if (outcome.type === 'answered') {
        const answeredAt = history.next();
        for (const [i, observed] of batch.entries()) {
          const answer = outcome.answers[i];
          if (answer?.type !== 'result') throw new Error(`A command was answered with "${answer?.type}"`);
          const { result, bookmark } = answer;
          Object.assign(observed, { isRefused: false, answeredAt, result, bookmark });
          this.tell(() => `hears of ${observed.reqId}: ${brief(result)} at op ${bookmark.op}`);
          this.see(shard, bookmark);
          this.forgetPurged(observed.command, bookmark, shard);
        }
        done(batch);
        return;
      }
      this.tell(() => `hears nothing of ${batch.map(({ reqId }) => reqId).join(', ')}`);
      if (outcome.maybeDone) for (const observed of batch) observed.isRefused = false;
      if (calls > 1) edge.world.scheduler.after(50, () => this.tryWrite(batch, calls - 1, done));
      else done(batch);
    });
  }

  /** Whoever purges at an edge looks there next. */
  private forgetPurged(command: Command, bookmark: Viewstamp, shard: number): void {
    if (command.type !== 'purge') return;
    const { copies, purges, now } = this.edge;
    purges.saw(this.groupOf(shard), bookmark);
    if (command.selector.type === 'url') copies.forget(command.selector.key, now);
    else copies.forgetAll(now);
  }

  /** By way of the coordinator; `done` hears when it was said to be done, or its client has given up. */
  purge(selection: PurgeSelection, isStrict: boolean, done: (observed: ObservedPurge) => void): void {
    this.writes += 1;
    const observed: ObservedPurge = {
      session: this.id,
      purgeId: `p${this.id}-${this.writes}`,
      selection,
      invokedAt: this.history.next(),
      answeredAt: null,
      bookmarks: new Map(),
    };
    this.history.purges.push(observed);
    this.tell(() => `asks ${isStrict ? 'strictly ' : ''}for purge ${observed.purgeId}: ${brief(selection)}`);
    this.tryPurge(observed, isStrict, PURGE_CALLS, done);
  }

  private tryPurge(
    observed: ObservedPurge,
    isStrict: boolean,
    calls: number,
    done: (observed: ObservedPurge) => void,
  ): void {
    const { edge, history } = this;
    const { purgeId, selection } = observed;
    this.coordinator.purge(edge.id, { purgeId, isStrict, selection }, (answer) => {
      this.tell(() => `hears of purge ${purgeId}: ${answer === null ? 'nothing' : brief(answer)}`);
      if (answer !== null) {
        edge.copies.forgetAll(edge.now);
        for (const [groupId, viewstamp] of Object.entries(answer.bookmarks)) {
          edge.purges.saw(groupId, viewstamp);
          this.see(
            edge.world.clusters.findIndex((cluster) => cluster.groupId === groupId),
            viewstamp,
          );
        }
      }
      if (answer?.type === 'done') {
        observed.answeredAt = history.next();
        observed.bookmarks = new Map(
          edge.world.clusters.flatMap(({ groupId, shard }) => {
            const bookmark = answer.bookmarks[groupId];
            return bookmark === undefined ? [] : [[shard, bookmark] as const];
          }),
        );
        done(observed);
      } else if (calls > 1) {
        edge.world.scheduler.after(50, () => this.tryPurge(observed, isStrict, calls - 1, done));
      } else {
        done(observed);
      }
    });
  }
}

/** The member that answered is named by the lines before. */
function describeRead({ key, level, rows, bookmark, isCopy, invokedMs }: ObservedRead): string {
  const seen = rows.map(({ value, staleFrom }) => `${value.meta}${staleFrom === null ? '' : ' (stale)'}`);
  const asked = (invokedMs - START_AT).toFixed(1);
  return `reads ${key} (${level}${isCopy ? ', a copy' : ''}, asked at ${asked}): [${seen.join(', ')}] at op ${bookmark.op}`;
}
