// I12 where views begin: no promise counts of a member that was lost since, of one that has not been readmitted, or of
// an incarnation that a readmission in the log has replaced. Judged by the log itself, not by what the core made of it.
import type { LogEntry, Message, ReplicaEvent } from '../../core/replication/messages.ts';
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
  /** How much of its log a primary had verified at each member before the step. */
  private readonly verified = new WeakMap<Instance, ReadonlyMap<number, number>>();

  constructor(members: readonly Member[], committed: readonly { readonly entry: LogEntry }[]) {
    this.members = members;
    this.committed = committed;
  }

  step(member: Member, instance: Instance, event: ReplicaEvent): void {
    const { state } = instance;
    if (event.type === 'message') this.checkTaken(member, instance, event.message);
    const peers = state.primary?.peers.map((peer) => [peer.member, peer.verified] as const);
    if (peers) this.verified.set(instance, new Map(peers));
    else this.verified.delete(instance);
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

  /** What a lost incarnation said comes late, to one that knows of its readmission. */
  private checkTaken(member: Member, instance: Instance, { from, incarnation, body }: Message): void {
    const sender = this.members[from];
    if (sender === undefined || incarnation >= sender.disk.durable.identity.incarnation) return;
    const isTaken =
      (body.type === 'joinView' && isJoined(instance, from, incarnation)) ||
      (body.type === 'prepareOk' &&
        body.op > (this.verified.get(instance)?.get(from) ?? 0) &&
        isCounted(instance, sender, body.op));
    must(
      !isTaken || incarnation >= this.newestIncarnation(instance, from),
      'I12',
      () =>
        `member ${member.id} counts what incarnation ${incarnation} of member ${from} said (${body.type})`,
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

function isJoined({ state }: Instance, from: number, incarnation: number): boolean {
  return state.election?.joins.get(from)?.incarnation === incarnation;
}

/** Though the sender's storage of today does not hold that. */
function isCounted({ state }: Instance, { id, disk }: Member, op: number): boolean {
  const peer = state.primary?.peers.find((one) => one.member === id);
  return peer?.isVoter === true && peer.verified >= op && disk.durable.lastOp < op;
}
