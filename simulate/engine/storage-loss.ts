// Storages that are lost, or set back to an earlier point, as the platform could do it: in a member's place is an object
// on another disk. Where that is announced, or where there is nothing on the disk, the Directory has counted the member's
// incarnation up before the object begins; a storage that was set back without a word is found out by the others alone,
// so this is done only where all of them can answer before the member has a vote to give.
import { createReplica } from '../../core/replication/replica.ts';
import { isNewer } from '../../core/replication/viewstamp.ts';
import { MemoryStore } from '../memory-store.ts';
import { isAdmitted } from './admitted.ts';
import type { Cluster } from './cluster.ts';
import type { Member } from './member.ts';

/** Whether one more member may lose its storage: a minority at a time, until it votes again. */
export function mayLose(cluster: Cluster, member: Member): boolean {
  const lost = cluster.members.filter(
    (other) => other === member || other.isSetBack || !isAdmitted(other.disk.durable),
  );
  return 2 * lost.length < cluster.members.length;
}

/** All that it had is gone. */
export function loseStorage(cluster: Cluster, member: Member): void {
  cluster.happened('storage-loss', member);
  const { identity } = member.disk.durable;
  replaceDisk(cluster, member, new MemoryStore({ ...identity, incarnation: identity.incarnation + 1 }));
}

export interface Checkpoint {
  readonly store: MemoryStore;
  readonly at: number;
}

export function checkpointOf(cluster: Cluster, { disk }: Member): Checkpoint {
  return { store: disk.durable.clone(), at: cluster.scheduler.now };
}

/** What it had at the checkpoint is all that it has; nothing happens where its storage was another one by then. */
export function setBack(cluster: Cluster, member: Member, checkpoint: Checkpoint): void {
  const { identity } = member.disk.durable;
  if (checkpoint.store.identity.incarnation !== identity.incarnation || member.isSetBack) return;
  cluster.happened('rollback', member);
  if (cluster.chance.hits(0.7) && isFoundOut(cluster, member, checkpoint)) {
    replaceDisk(cluster, member, checkpoint.store.clone(), 0);
    member.isSetBack = true;
    for (const { id, instance } of cluster.members) {
      if (id !== member.id && instance !== null) member.unheard.set(id, instance);
    }
    cluster.awake(member);
    return;
  }
  replaceDisk(cluster, member, incarnationAfter(checkpoint.store));
}

/** The object gives its storage up: the Directory counts its incarnation up, and another begins with what is there. */
export function forsake(cluster: Cluster, member: Member): void {
  replaceDisk(cluster, member, incarnationAfter(member.disk.durable));
}

/** From here on it has to know by itself, whatever becomes of the object that was told. */
export function isToldOfSetBack(member: Member): void {
  member.isTold = true;
  member.unheard.clear();
}

function incarnationAfter(store: MemoryStore): MemoryStore {
  return store.clone({ ...store.identity, incarnation: store.identity.incarnation + 1 });
}

/** Where the Directory is asked first, some time passes. */
function replaceDisk(
  cluster: Cluster,
  member: Member,
  store: MemoryStore,
  downMs = cluster.chance.next() * 200,
): void {
  member.former.push(member.disk.durable);
  member.isSetBack = false;
  member.isTold = false;
  member.unheard.clear();
  member.alarm.set(null);
  cluster.crash(member, downMs);
  member.disk.replace(store);
  cluster.observer.replaced(member);
}

/** Every other member can answer at once, one of them remembers more, and the member will have nothing to vote for. */
function isFoundOut(cluster: Cluster, member: Member, { store, at }: Checkpoint): boolean {
  const { id } = member;
  const others = cluster.members.filter((other) => other !== member);
  const all = others.every(
    ({ instance, zombie, disk }) =>
      instance !== null && zombie === null && instance.bornAt < at && disk.isSettled,
  );
  if (!all || member.downUntil > cluster.scheduler.now) return false;
  const { primary, log, view, identity } = createReplica(store, cluster.limits);
  if (!isAdmitted(store) || primary !== null || log.last.view < view) return false;
  return others.some(({ instance }) => {
    const seen = instance?.state.loss.seen.get(id);
    return seen?.incarnation === identity.incarnation && isNewer(seen, { view, op: log.last.op });
  });
}
