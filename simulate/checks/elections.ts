// I12 where views begin: no promise counts of a member that was lost since, of one that has not been readmitted, or of
// an incarnation that a readmission in the log has replaced. Judged by the log itself, not by what the core made of it.
import type { LogEntry, ReplicaEvent } from '../../core/replication/messages.ts';
import type { Election } from '../../core/replication/replica-state.ts';
import type { Instance } from '../engine/instance.ts';
import type { Member } from '../engine/member.ts';
import { must } from './violation.ts';

export class Elections {
  private readonly members: readonly Member[];
  private readonly committed: readonly { readonly entry: LogEntry }[];
  private readonly under = new WeakMap<
    Instance,
    { readonly view: number; readonly joins: Election['joins'] }
  >();

  constructor(members: readonly Member[], committed: readonly { readonly entry: LogEntry }[]) {
    this.members = members;
    this.committed = committed;
  }

  step(member: Member, instance: Instance, _event: ReplicaEvent): void {
    const { state } = instance;
    if (state.election !== null) {
      this.under.set(instance, { view: state.view, joins: state.election.joins });
      return;
    }
    const election = this.under.get(instance);
    if (election === undefined) return;
    this.under.delete(instance);
    if (state.primary === null || state.view !== election.view) return;
    const counted = [...election.joins].filter(
      ([from, { incarnation }]) => incarnation === this.newestIncarnation(instance, from),
    );
    must(
      2 * (counted.length + 1) > this.members.length,
      'I12',
      () => `member ${member.id} began view ${state.view} with ${counted.length + 1} promises that count`,
    );
  }

  /** As the object's log has it, committed or not. */
  private newestIncarnation({ state, store }: Instance, of: number): number {
    let newest = 1;
    const look = ({ items }: LogEntry): void => {
      for (const { command } of items) {
        if (command.type === 'readmit' && command.member === of)
          newest = Math.max(newest, command.incarnation);
      }
    };
    for (let op = 1; op <= state.log.last.op; op++) {
      const entry = op <= state.head.commit ? this.committed[op - 1]?.entry : store.entryAt(op);
      if (entry !== undefined) look(entry);
    }
    return newest;
  }
}
