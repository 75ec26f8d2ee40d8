// Once nothing goes wrong any more: within ten simulated seconds every edge gets a write and a read answered, then the
// members become equal, and after a while nobody has anything left to say.

import type { Command, Value } from '../../core/replication/commands.ts';
import { must } from '../checks/violation.ts';
import { KV_KEYS, URLS } from '../clients/keys.ts';
import type { Session } from '../clients/session.ts';
import type { Workload } from '../clients/workload.ts';
import { isAdmitted } from '../engine/admitted.ts';
import type { Cluster } from '../engine/cluster.ts';
import type { Member } from '../engine/member.ts';
import { EDGES_FROM } from '../engine/network.ts';
import type { World } from '../engine/world.ts';
import type { ProfileName } from './profiles.ts';

/** Writes and linearizable reads complete within it. */
const SERVES_WITHIN_MS = 10_000;
/** A single crash of the primary costs at most so much. */
const FAILS_OVER_WITHIN_MS = 6_000;
/** Writes of each client at once. */
const BURST = 4;
/** All that is still under way has come to an end by then: what a soft purge made stale may be used for a day. */
const SILENT_WITHIN_MS = 3 * 86_400_000;

/** How long the write took that met the crash of its primary, simulated ms; null: the group has no other member. */
export type FailoverMs = number | null;

export interface Healed {
  readonly failoverMs: FailoverMs;
  /** How long an edge that cannot reach a primary waited for a write and a read; null: there was none. */
  readonly cutOffMs: number | null;
}

export function checkLiveness(world: World, workload: Workload, profile: ProfileName): Healed {
  const { chance, clusters, scheduler } = world;
  if (clusters.some(isAnyLost)) readmitAll(workload, profile);
  // Some groups stay without one member for good, in one direction: that may cost nothing but that member.
  const isolated = clusters.filter(({ members }) => members.length > 1 && chance.hits(0.4));
  for (const cluster of isolated) isolateOne(cluster, workload, profile);
  // In others one edge does not reach the primary: those that do hand its requests on.
  const cutOff = clusters.filter(
    (cluster) => cluster.members.length > 1 && !isolated.includes(cluster) && chance.hits(0.3),
  );
  for (const cluster of cutOff) cutEdge(cluster, 0);
  const beganAt = scheduler.now;
  let servedAt = beganAt;
  serve(workload, profile, 'healing', (edge) => {
    if (edge === 0) servedAt = scheduler.now;
  });
  for (const { network } of [...isolated, ...cutOff]) network.mendAll();
  const whole = clusters.find((cluster) => cluster.members.length > 1 && !isolated.includes(cluster));
  const failoverMs = whole === undefined ? null : failOver(whole, workload, profile);
  serve(workload, profile, 'the last trouble');
  const isSilent = scheduler.run(() => false, scheduler.now + SILENT_WITHIN_MS);
  must(isSilent, 'idle', () => 'the groups are not silent days after the last request');
  must(workload.coordinator.isDone, 'liveness', () => 'a purge was never carried out in all its groups');
  return { failoverMs, cutOffMs: cutOff.length > 0 ? servedAt - beganAt : null };
}

/** Whoever lost its storage votes again: only then may another member go. */
function readmitAll(workload: Workload, profile: ProfileName): void {
  const { scheduler, clusters } = workload.world;
  serve(workload, profile, 'healing, with a member lost');
  scheduler.run(() => !clusters.some(isAnyLost), scheduler.now + SERVES_WITHIN_MS);
  must(!clusters.some(isAnyLost), 'liveness', () => 'a lost member was not readmitted within ten seconds');
}

function isAnyLost({ members }: Cluster): boolean {
  return members.some(({ disk, isSetBack }) => isSetBack || !isAdmitted(disk.durable));
}

/** Every edge writes and reads in every group within ten seconds, and a purge by way of the coordinator is done. */
function serve(
  workload: Workload,
  profile: ProfileName,
  after: string,
  tell: (edge: number) => void = () => {},
): void {
  const { scheduler, clusters } = workload.world;
  let open = 0;
  const served = (): void => {
    open -= 1;
  };
  for (const session of workload.sessions.slice(0, workload.edges.length)) {
    for (const cluster of clusters) {
      open += 1;
      const keys = keysOf(cluster, workload, profile);
      untilServed(workload, session, keys[session.id % keys.length] as string, profile, () => {
        served();
        tell(session.id);
      });
    }
  }
  if (profile === 'invalidation') {
    open += 1;
    untilPurged(workload, served);
  }
  scheduler.run(() => open === 0, scheduler.now + SERVES_WITHIN_MS);
  must(open === 0, 'liveness', () => `${open} were not served within ten seconds of ${after}`);
}

function keysOf({ shard }: Cluster, { world }: Workload, profile: ProfileName): readonly string[] {
  return (profile === 'core' ? KV_KEYS : URLS).filter((key) => world.shardOf(key) === shard);
}

/** One member no longer hears the others, or is no longer heard by them; clients reach it as before. */
function isolateOne(cluster: Cluster, workload: Workload, profile: ProfileName): void {
  const { chance, members, network, limits } = cluster;
  const hasShortQueue = limits.queueBytesMax !== undefined;
  const isPrimary = chance.hits(hasShortQueue ? 0.9 : 0.6);
  const member = isPrimary ? newestPrimary(cluster) : chance.pick(members);
  const isDeaf = chance.hits(hasShortQueue ? 0.8 : 0.5);
  for (const { id } of members) {
    if (id === member.id) continue;
    if (isDeaf) network.cut(id, member.id);
    else network.cut(member.id, id);
  }
  if (cluster.trace.print !== null)
    cluster.print(`!  ${cluster.nameOf(member.id)} is ${isDeaf ? 'deaf' : 'mute'} from now on`);
  if (hasShortQueue && isPrimary) fillQueue(cluster, workload, profile);
}

/** Everybody writes at once: more than the primary may keep waiting. */
function fillQueue(cluster: Cluster, workload: Workload, profile: ProfileName): void {
  const key = keysOf(cluster, workload, profile)[0] as string;
  for (const session of workload.sessions) {
    for (let i = 0; i < BURST; i++)
      session.write(healingWrite(session, key, profile, `burst ${i}`), () => {});
  }
}

/** The edge no longer reaches the newest primary, nor hears of it. */
function cutEdge(cluster: Cluster, edge: number): void {
  const { id } = newestPrimary(cluster);
  cluster.network.cut(EDGES_FROM + edge, id);
  cluster.network.cut(id, EDGES_FROM + edge);
  if (cluster.trace.print !== null)
    cluster.print(`!  e${edge} does not reach ${cluster.nameOf(id)} from now on`);
}

/** The primary goes away for long, in the middle of the work: how long is nobody served? */
function failOver(cluster: Cluster, workload: Workload, profile: ProfileName): FailoverMs {
  const { scheduler, chance } = cluster;
  // Clients work on for a moment: a group at rest would have to wake first.
  scheduler.run(() => false, scheduler.now + chance.between(100, 1_000));
  const session = workload.sessions[0] as Session;
  const key = keysOf(cluster, workload, profile)[0] as string;
  const beganAt = scheduler.now;
  const primary = newestPrimary(cluster);
  cluster.crash(primary, 20_000);
  let isOver = false;
  untilServed(workload, session, key, profile, () => {
    isOver = true;
  });
  scheduler.run(() => isOver, beganAt + FAILS_OVER_WITHIN_MS);
  must(
    isOver,
    'liveness',
    () => `nothing was written within six seconds of the crash of member ${primary.id}`,
  );
  const tookMs = scheduler.now - beganAt;
  scheduler.run(() => false, beganAt + 20_000);
  return tookMs;
}

/** Whoever is primary in the newest view that any disk knows. */
function newestPrimary({ members }: Cluster): Member {
  const view = Math.max(...members.map(({ disk }) => disk.durable.view));
  return members[view % members.length] as Member;
}

function untilPurged(workload: Workload, done: () => void): void {
  const session = workload.sessions[0] as Session;
  const all = { keys: [], tags: [], prefixes: [], all: true, namespaces: [], soft: false };
  session.purge(all, false, ({ answeredAt }) => {
    if (answeredAt === null) workload.later(100, () => untilPurged(workload, done));
    else done();
  });
}

function healingWrite({ id }: Session, key: string, profile: ProfileName, which: string): Command {
  if (profile === 'invalidation') return { type: 'purge', selector: { type: 'url', key } };
  const value: Value = { meta: `healed ${id} ${which}`, body: { type: 'inline', bytes: new Uint8Array(1) } };
  return { type: 'put', key, value, condition: null, ttlMs: null, tags: [] };
}

/** One write and then one read, each again and again until it is answered. */
function untilServed(
  workload: Workload,
  session: Session,
  key: string,
  profile: ProfileName,
  served: () => void,
): void {
  const read = (): void =>
    session.read(key, { level: 'linearizable', lease: 'none', copies: false }, (answer) => {
      if (answer === null) workload.later(100, read);
      else served();
    });
  let tries = 0;
  const write = (): void => {
    tries += 1;
    session.write(healingWrite(session, key, profile, `${tries}`), ({ result }) => {
      if (result === null) workload.later(100, write);
      else read();
    });
  };
  write();
}
