// Looks at every step of every member while a run goes on: what was committed stays, is the same everywhere, and is
// kept by a majority; states agree; votes and prepares leave only behind what they vouch for.

import { commandDigest } from '../core/replication/digest.ts';
import type { Effect } from '../core/replication/effects.ts';
import type { LogEntry } from '../core/replication/messages.ts';
import { readLog } from '../core/replication/op-log.ts';
import type { ReplicaState } from '../core/replication/replica-state.ts';
import { chunksOf } from '../core/replication/requests.ts';
import type { Member } from './cluster.ts';

const VOTES: ReadonlySet<string> = new Set(['prepareOk', 'confirm', 'confirmOk', 'joinView']);

export class StepChecker {
  /** By op - 1. */
  readonly committed: LogEntry[] = [];
  members: readonly Member[] = [];
  private readonly hashes = new Map<number, { hash: number; member: number }>();
  private readonly durableView = new Map<number, number>();
  private readonly primaries = new Map<number, number>();
  private readonly durableCommit = new Map<number, number>();

  observe(member: Member, state: ReplicaState, effects: readonly Effect[]): void {
    this.checkOrder(member, effects);
    this.checkCommitted(member, state);
    this.checkHash(member, state);
    const commit = member.store.head().commit;
    must(commit >= (this.durableCommit.get(member.id) ?? 0), `I3: durable commit of ${member.id} went back`);
    this.durableCommit.set(member.id, commit);
    this.checkViews(member, state);
  }

  /** I3: promises stand, and a view has one primary. */
  private checkViews(member: Member, state: ReplicaState): void {
    const { view } = member.store.head();
    must(view >= (this.durableView.get(member.id) ?? 0), `I3: the promise of member ${member.id} went back`);
    must(state.view === view, `member ${member.id} acts in view ${state.view}, on its disk is ${view}`);
    this.durableView.set(member.id, view);
    if (state.primary === null) return;
    const known = this.primaries.get(view);
    must(
      known === undefined || known === member.id,
      `I3: view ${view} has primaries ${known} and ${member.id}`,
    );
    this.primaries.set(view, member.id);
  }

  /** R0, R0b: at most one persist, first; a vote only behind one; a prepare only of what is durable by then. */
  private checkOrder(member: Member, effects: readonly Effect[]): void {
    effects.forEach((effect, index) => {
      if (effect.type === 'persist') {
        must(index === 0 && effect.writes.length > 0, 'a persist is not first, or empty');
        for (const write of effect.writes) {
          if (write.type !== 'append') continue;
          for (const { command } of write.entries.flatMap(({ items }) => items)) {
            const missing = chunksOf(command).filter((hash) => !member.store.hasChunk(hash));
            must(missing.length === 0, `member ${member.id} logged a body without its chunks ${missing}`);
          }
        }
      }
      if (effect.type !== 'send') return;
      const { body } = effect.message;
      if (VOTES.has(body.type)) {
        must(
          effects[0]?.type === 'persist',
          `R0: member ${member.id} sends ${body.type} without a durable write`,
        );
        must(
          effect.message.view <= member.store.head().view,
          'a vote for a view that is not promised on disk',
        );
      }
      if (body.type === 'prepareOk') {
        must(body.op <= member.store.head().lastLogged.op, 'a vote names what is not in the log');
      }
      if (body.type === 'prepare') {
        const end = body.prev.op + body.entries.length;
        must(end <= member.store.head().lastLogged.op, 'R0b: a prepare left before the local append');
      }
    });
  }

  /** I1, I2: one command per op for ever, held durably by a majority from the moment it counts as committed. */
  private checkCommitted(member: Member, state: ReplicaState): void {
    for (let op = this.committed.length + 1; op <= state.head.commit; op++) {
      const [entry] = readLog(state, member.store, op, 0);
      must(entry?.op === op, `op ${op} is committed at member ${member.id}, but not in its log`);
      const holders = this.members.filter(({ store }) => sameEntry(store.logEntries(op, 0)[0], entry));
      must(
        2 * holders.length > this.members.length,
        `I2: op ${op} is committed at member ${member.id}, but only ${holders.length} members hold it`,
      );
      this.committed.push(entry);
    }
    const { before, last } = state.log;
    for (let op = Math.max(before.op, state.head.commit - 8) + 1; op <= state.head.commit; op++) {
      const [own] = readLog(state, member.store, op, 0);
      must(sameEntry(own, this.committed[op - 1]), `I1: member ${member.id} has another op ${op}`);
    }
    must(last.op >= state.head.commit, `I2: member ${member.id} lost committed ops`);
  }

  /** I4: whoever has applied op k has the same state. */
  private checkHash(member: Member, state: ReplicaState): void {
    const { applied, stateHash } = state.head;
    const known = this.hashes.get(applied);
    if (known === undefined) this.hashes.set(applied, { hash: stateHash, member: member.id });
    else
      must(known.hash === stateHash, `I4: members ${known.member} and ${member.id} differ at op ${applied}`);
  }
}

function sameEntry(a: LogEntry | undefined, b: LogEntry | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return a.op === b.op && a.view === b.view && a.t === b.t && fingerprint(a) === fingerprint(b);
}

function fingerprint(entry: LogEntry): string {
  return entry.items.map(({ reqId, command }) => `${reqId}:${commandDigest(command)}`).join();
}

export function must(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new Error(sentence);
}
