// One seed is one run: the same faults at the same instants, every time.

import { isDeepStrictEqual } from 'node:util';
import { type Random, seededRandom } from '../core/random.ts';
import type { ReplicaLimits } from '../core/replication/limits.ts';
import { Cluster, type Member } from './cluster.ts';
import { drawFaults, type Faults, NO_FAULTS } from './faults.ts';
import { checkHistory } from './history-checker.ts';
import { must, StepChecker } from './step-checker.ts';
import { Workload } from './workload.ts';

export interface Run {
  readonly committedOps: number;
  readonly acknowledgedWrites: number;
  readonly openWrites: number;
  readonly reads: number;
  readonly crashes: number;
  /** The highest view that was promised. */
  readonly views: number;
  readonly messages: number;
  /** The same for the same seed. */
  readonly trace: string;
}

export interface RunOptions {
  readonly members?: number;
  readonly clients?: number;
  readonly operations?: number;
  readonly limits?: Partial<ReplicaLimits>;
}

const CUTS = ['cut', 'cut', 'deaf', 'mute'] as const;

/** Throws, naming the invariant, if anything that must hold did not. */
export function runSeed(seed: number, options: RunOptions = {}): Run {
  const random = seededRandom(seed);
  const checker = new StepChecker();
  const small = random.next() < 0.5;
  const cluster = new Cluster({
    members: options.members ?? 3,
    random,
    faults: drawFaults(random),
    // Half of the runs evict all the time, write to disk more often than they must, and have leases that overlap.
    limits:
      options.limits ?? (small ? { httpBytesMax: 200, overlayRowsMax: 2, leaseMs: 60, idleMs: 1_500 } : {}),
    observe: (member, state, effects) => checker.observe(member, state, effects),
  });
  checker.members = cluster.members;
  const workload = new Workload(cluster, random);
  const { scheduler } = cluster;

  workload.start(options.clients ?? 5, options.operations ?? 30);
  scheduleCuts(cluster, random, cluster.faults, workload);
  scheduler.run(() => workload.running === 0);

  heal(cluster);
  checkLiveness(cluster, workload);
  scheduler.run(() => false);
  checkConverged(cluster);
  checkHistory(workload.history, checker.committed);

  const { writes, reads } = workload.history;
  const acknowledged = writes.filter(({ result }) => result !== null);
  return {
    committedOps: checker.committed.length,
    acknowledgedWrites: acknowledged.length,
    openWrites: writes.length - acknowledged.length,
    reads: reads.length,
    crashes: cluster.members.reduce((sum, { life }) => sum + life - 1, 0),
    views: Math.max(...cluster.members.map(({ store }) => store.head().view)),
    messages: cluster.messagesSent,
    trace: JSON.stringify([
      cluster.members.map(({ store }) => store.head()),
      acknowledged.map(({ reqId, result, bookmark }) => [reqId, result, bookmark]),
      reads.map(({ key, bookmark, t, rows }) => [key, bookmark, t, rows.map(({ value }) => value.meta)]),
    ]),
  };
}

function scheduleCuts(cluster: Cluster, random: Random, faults: Faults, workload: Workload): void {
  const { members } = cluster;
  const cut = (everyMs: number | null, choose: () => readonly Member[]): void => {
    if (everyMs === null) return;
    cluster.scheduler.after(random.next() * 2 * everyMs, 'fault', () => {
      if (workload.running === 0) return;
      const how = CUTS[Math.floor(random.next() * CUTS.length)] ?? 'cut';
      const chosen = choose();
      for (const member of chosen) member[how] = true;
      cluster.scheduler.after(200 + random.next() * 6_000, 'fault', () => {
        for (const member of chosen) member[how] = false;
        cut(everyMs, choose);
      });
    });
  };
  cut(faults.cutOneEveryMs, () => {
    const index = Math.floor(random.next() * members.length);
    return members.filter(({ id }) => id === index);
  });
  cut(faults.cutAllEveryMs, () => members);
}

function heal(cluster: Cluster): void {
  for (const member of cluster.members) cluster.start(member);
  cluster.faults = { ...NO_FAULTS, clockSkewMs: cluster.faults.clockSkewMs };
  for (const member of cluster.members) for (const how of CUTS) member[how] = false;
}

/** After healing, a write and a linearizable read complete within ten seconds. */
function checkLiveness(cluster: Cluster, workload: Workload): void {
  const { scheduler } = cluster;
  const healedAt = scheduler.now;
  const done = workload.writeAndRead();
  scheduler.run(() => done() || scheduler.now > healedAt + 10_000);
  must(done(), 'liveness: ten seconds after all faults a write and a read are still not answered');
}

/** Everything is committed everywhere, persisted, equal; and nobody has anything left to say or to wait for. */
function checkConverged(cluster: Cluster): void {
  const states = cluster.members.map(({ id, state, store, timers }) => {
    must(state !== null, `member ${id} is down after the run`);
    const head = store.head();
    must(timers.size === 0, `idle member ${id} holds timers: ${[...timers.keys()]}`);
    must(state.overlay.changes === 0, `idle member ${id} has not persisted what it applied`);
    must(head.applied === head.lastLogged.op, `idle member ${id} has applied ${head.applied} of its log`);
    return store.replicatedState();
  });
  for (const [id, state] of states.entries()) {
    must(isDeepStrictEqual(state, states[0]), `I4: the states of members 0 and ${id} differ after the run`);
  }
}
