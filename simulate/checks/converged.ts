// After the faults: all members are equal, have applied and persisted everything, and have nothing left to say.
import { isDeepStrictEqual } from 'node:util';
import type { BoundNews } from '../../core/replication/bound.ts';
import type { Cluster } from '../engine/cluster.ts';
import { must } from './violation.ts';

export function checkConverged(cluster: Cluster, bound: BoundNews): void {
  const states = cluster.members.map(({ id, disk, instance }) => {
    const { durable } = disk;
    const head = durable.head();
    must(disk.isSettled, 'idle', () => `idle member ${id} still writes`);
    if (instance !== null) {
      const { timers, state } = instance;
      must(timers.size === 0, 'idle', () => `idle member ${id} holds timers: ${[...timers.keys()]}`);
      must(state.overlay.changes === 0, 'idle', () => `idle member ${id} has not persisted what it applied`);
    }
    must(
      head.applied === head.lastLogged.op,
      'liveness',
      () => `idle member ${id} has applied ${head.applied} of ${head.lastLogged.op}`,
    );
    must(
      head.boundSince === bound.since && (bound.since === 0 || head.boundMs === bound.boundMs),
      'liveness',
      () => `member ${id} goes by the bound of version ${head.boundSince}, the newest is ${bound.since}`,
    );
    return durable.replicatedState();
  });
  for (const [id, state] of states.entries()) {
    must(
      isDeepStrictEqual(state, states[0]),
      'I4',
      () => `the states of members 0 and ${id} differ after the run`,
    );
  }
}
