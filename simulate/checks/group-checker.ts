// Looks at every step of every object while a run goes on, knowing all disks: what was committed stays, is the same
// everywhere and is held by a majority; views and commits never go back; states agree; votes and prepares leave only
// behind what they vouch for; nothing grows without bound.
import { commandDigest } from '../../core/replication/digest.ts';
import type { Effect } from '../../core/replication/effects.ts';
import { ANSWERS, type LogEntry, type ReplicaEvent } from '../../core/replication/messages.ts';
import { isNormal, type ReplicaState } from '../../core/replication/replica-state.ts';
import { chunksOf } from '../../core/replication/requests.ts';
import { isAdmitted } from '../engine/admitted.ts';
import type { Cluster } from '../engine/cluster.ts';
import type { Instance } from '../engine/instance.ts';
import type { Member, Observer } from '../engine/member.ts';
import type { MemoryStore } from '../memory-store.ts';
import { Bounds } from './bounds.ts';
import { Elections } from './elections.ts';
import { Leases } from './leases.ts';
import { must } from './violation.ts';
import { isVote } from './votes.ts';

interface Committed {
  readonly entry: LogEntry;
  /** The view of the primary that committed it first, and when, epoch ms of true time. */
  readonly inView: number;
  readonly at: number;
}

/** What was true of an object when a step ended. */
interface Snapshot {
  readonly commit: number;
  readonly applied: number;
  readonly stateHash: number;
  readonly view: number;
  readonly isNormalPrimary: boolean;
}

export class GroupChecker implements Observer {
  /** By op - 1. */
  readonly committed: Committed[] = [];
  private readonly cluster: Cluster;
  private readonly bounds: Bounds;
  private readonly leases: Leases;
  private readonly elections: Elections;
  /** By what is committed; who is missing has its first incarnation. */
  private readonly incarnations = new Map<number, number>();
  private readonly hashes = new Map<number, { hash: number; member: number }>();
  private readonly durableCommit: number[];
  private readonly durableView: number[];
  private readonly primaryOfView = new Map<number, number>();
  /** Up to where the log of an object was compared with what is committed. */
  private readonly compared = new WeakMap<Instance, number>();
  private readonly checkedAsPrimary = new WeakMap<Instance, number>();

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    this.bounds = new Bounds(cluster);
    this.leases = new Leases(cluster, this.committed);
    this.elections = new Elections(cluster.members, this.committed);
    this.durableCommit = cluster.members.map(() => 0);
    this.durableView = cluster.members.map(() => 0);
  }

  get entries(): readonly LogEntry[] {
    return this.committed.map(({ entry }) => entry);
  }

  step(member: Member, instance: Instance, event: ReplicaEvent, effects: readonly Effect[]): void {
    const { state } = instance;
    this.checkEffects(member, state, effects);
    this.bounds.check(member, instance);
    this.leases.step(instance, event, effects);
    this.elections.step(member, instance, event);
    const snapshot: Snapshot = {
      commit: state.head.commit,
      applied: state.head.applied,
      stateHash: state.head.stateHash,
      view: state.view,
      isNormalPrimary: isNormal(state),
    };
    // What is not durable yet may still be forgotten, and nobody has heard of it.
    if (instance.isSuperseded || member.disk.isSettled) this.settled(member, instance, snapshot);
    else member.disk.behindGate(() => this.settled(member, instance, snapshot));
  }

  escaped(member: Member, instance: Instance, effect: Effect): void {
    if (effect.type !== 'send') return;
    const { message } = effect;
    const { body } = message;
    if (!ANSWERS.has(body.type)) this.bounds.countSent(body.type);
    if (isVote(body)) {
      must(
        !instance.isSuperseded,
        'I12',
        () => `a superseded object of member ${member.id} voted (${body.type})`,
      );
      must(
        !member.isSetBack,
        'I12',
        () => `member ${member.id} voted (${body.type}) on a disk that was set back`,
      );
      const admitted = this.incarnations.get(member.id) ?? 1;
      must(
        message.incarnation === admitted,
        'I12',
        () =>
          `incarnation ${message.incarnation} of member ${member.id} voted (${body.type}); admitted is ${admitted}`,
      );
    }
    const { durable } = member.disk;
    if (body.type === 'prepareOk') {
      must(
        body.op <= durable.lastOp,
        'R0',
        () => `member ${member.id} voted for op ${body.op}, its durable log ends at ${durable.lastOp}`,
      );
    } else if (body.type === 'prepare' && !instance.isSuperseded) {
      const end = body.prev.op + body.entries.length;
      must(
        end <= durable.lastOp,
        'R0b',
        () => `member ${member.id} sent op ${end}, its durable log ends at ${durable.lastOp}`,
      );
    }
  }

  /** What its last disk had promised and committed is not on this one. */
  replaced({ id }: Member): void {
    this.durableCommit[id] = 0;
    this.durableView[id] = 0;
  }

  private settled(member: Member, instance: Instance, snapshot: Snapshot): void {
    this.checkCommitted(member, instance, snapshot);
    this.checkHash(member, snapshot);
    if (snapshot.isNormalPrimary && !instance.isSuperseded) this.checkPrimary(member, instance, snapshot);
    if (instance.isSuperseded) return;
    const { commit, view } = member.disk.durable;
    const { id } = member;
    must(
      commit >= (this.durableCommit[id] ?? 0),
      'I3',
      () => `the durable commit of member ${id} went back to ${commit}`,
    );
    must(
      view >= (this.durableView[id] ?? 0),
      'I3',
      () => `the durable view of member ${id} went back to ${view}`,
    );
    this.durableCommit[id] = commit;
    this.durableView[id] = view;
  }

  /** At most one persist, first; a vote only behind one; no entry without the chunks that it names, or of a later view. */
  private checkEffects(member: Member, state: ReplicaState, effects: readonly Effect[]): void {
    for (let index = 0; index < effects.length; index++) {
      const effect = effects[index] as Effect;
      if (effect.type === 'persist') {
        must(
          index === 0 && effect.writes.length > 0,
          'R0',
          () => `member ${member.id} persists late, or nothing`,
        );
        for (const write of effect.writes) {
          if (write.type !== 'append') continue;
          this.checkChunks(member, write.entries);
          for (const { op, view } of write.entries) {
            must(
              view <= state.view,
              'I3',
              () => `member ${member.id} logs op ${op} of view ${view}, it has promised view ${state.view}`,
            );
          }
        }
      } else if (effect.type === 'send' && isVote(effect.message.body)) {
        must(effects[0]?.type === 'persist', 'R0', () => `member ${member.id} votes without a durable write`);
        must(
          effect.message.view <= state.view,
          'I3',
          () => `member ${member.id} votes in a view not promised`,
        );
      }
    }
  }

  private checkChunks(member: Member, entries: readonly LogEntry[]): void {
    for (const { items } of entries) {
      for (const { command } of items) {
        for (const hash of chunksOf(command)) {
          const { disk } = member;
          const held = disk.visible.hasChunk(hash) || disk.durable.hasChunk(hash);
          must(held, 'I2', () => `member ${member.id} logged a body without its chunk ${hash}`);
        }
      }
    }
  }

  /** I1, I2: one command per op for ever, held durably by a majority from the moment it counts as committed. */
  private checkCommitted(member: Member, instance: Instance, { commit, view }: Snapshot): void {
    const log = instance.isSuperseded ? instance.store : member.disk.durable;
    let from = this.compared.get(instance) ?? 0;
    if (commit <= from) return;
    // A young object may have found its log changed: look once more at what came last.
    if (from === 0) from = Math.max(0, commit - 64);
    for (let op = from + 1; op <= commit; op++) {
      // A step that commits many entries at once may have cut the first of them from the disk as well.
      const own = log.entryAt(op) ?? log.cutLately(op);
      const known = this.committed[op - 1];
      if (known !== undefined) {
        must(
          own === undefined || sameEntry(own, known.entry),
          'I1',
          () => `member ${member.id} has committed another op ${op}`,
        );
        continue;
      }
      must(own !== undefined, 'I2', () => `op ${op} is committed at member ${member.id}, but not in its log`);
      const holders = this.cluster.members.filter((one) => holds(one, own, log));
      must(
        2 * holders.length > this.cluster.members.length,
        'I2',
        () => `op ${op} is committed at member ${member.id}, but only ${holders.length} hold it`,
      );
      must(
        this.committed.length === op - 1,
        'I1',
        () => `op ${op} is committed before op ${this.committed.length + 1}`,
      );
      // One that a majority holds may still be replaced where it is of an older view, and comes without one of this.
      must(
        op < commit || own.view === view,
        'I2',
        () => `member ${member.id} commits op ${op} of view ${own.view} by count in view ${view}`,
      );
      this.committed.push({ entry: own, inView: view, at: this.cluster.scheduler.now });
      for (const { command } of own.items) {
        if (command.type === 'readmit') this.incarnations.set(command.member, command.incarnation);
      }
    }
    this.compared.set(instance, commit);
  }

  /** I4: whoever has applied op k has the same state. */
  private checkHash(member: Member, { applied, stateHash }: Snapshot): void {
    const known = this.hashes.get(applied);
    if (known === undefined) this.hashes.set(applied, { hash: stateHash, member: member.id });
    else
      must(
        known.hash === stateHash,
        'I4',
        () => `members ${known.member} and ${member.id} differ at op ${applied}`,
      );
  }

  /** I2, I3: one normal primary a view, and it has all that was committed in its view or before. */
  private checkPrimary(member: Member, instance: Instance, { view }: Snapshot): void {
    if (this.checkedAsPrimary.get(instance) === view) return;
    this.checkedAsPrimary.set(instance, view);
    const known = this.primaryOfView.get(view) ?? member.id;
    must(
      known === member.id,
      'I3',
      () => `members ${known} and ${member.id} are both primary of view ${view}`,
    );
    this.primaryOfView.set(view, member.id);
    for (let op = this.committed.length; op > 0; op--) {
      const known = this.committed[op - 1] as Committed;
      const own = instance.store.entryAt(op);
      if (known.inView > view || (own === undefined && op <= instance.state.log.before.op)) continue;
      must(
        sameEntry(own, known.entry),
        'I2',
        () => `op ${op}, committed in view ${known.inView}, is not in the log of the primary of view ${view}`,
      );
    }
  }
}

/**
 * What a lost disk held counts as held until the member votes again: within a minority that is allowed to be so. What
 * the member holds before it votes counts for nothing.
 */
function holds({ disk, former, isSetBack }: Member, entry: LogEntry, log: MemoryStore): boolean {
  const votes = isAdmitted(disk.durable) && !isSetBack;
  if (votes) former.length = 0;
  if (votes && disk.durable === log) return true;
  return (votes ? [disk.durable] : former).some((store) => sameEntry(store.entryAt(entry.op), entry));
}

export function sameEntry(a: LogEntry | undefined, b: LogEntry | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  return a.op === b.op && a.view === b.view && a.t === b.t && fingerprint(a) === fingerprint(b);
}

function fingerprint(entry: LogEntry): string {
  return entry.items.map(({ reqId, command }) => `${reqId}:${commandDigest(command)}`).join();
}
