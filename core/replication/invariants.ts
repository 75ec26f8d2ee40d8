// What must be true of one replica after every step (the group's invariants are the simulator's to check). All O(1),
// so the product checks them as well: stopping is better than going on from a state that cannot be.
import { assert } from './assert.ts';
import type { ReplicaState } from './replica-state.ts';

export function assertInvariants(state: ReplicaState): void {
  const { head, log, limits, primary, overlay } = state;
  assert(head.applied === head.commit, () => `commit is ${head.commit}, but applied is ${head.applied}`);
  assert(head.commit <= log.last.op, () => `commit ${head.commit} lies beyond the log's end ${log.last.op}`);
  assert(log.before.op <= head.applied, () => `ops to ${log.before.op} are cut, ${head.applied} are applied`);
  assert(log.last.view <= state.view, () => `the log's view ${log.last.view} is above view ${state.view}`);
  const end = log.tail.at(-1)?.entry.op ?? log.last.op;
  assert(end === log.last.op, () => `the log ends at ${log.last.op}, in memory at ${end}`);
  assert(
    head.httpBytes >= 0 && head.kvKeptBytes >= 0 && head.kvBytes >= head.kvKeptBytes && head.entries >= 0,
    () => 'a total of rows is negative',
  );
  assert(
    overlay.ops > 0 || overlay.changes === 0,
    () => 'the overlay holds rows that no applied op accounts for',
  );
  if (primary === null) return;
  const inFlight = log.last.op - Math.max(head.commit, primary.recoverTo);
  assert(
    inFlight <= limits.windowMax,
    () => `${inFlight} entries are in flight, at most ${limits.windowMax}`,
  );
  assert(
    primary.pendingCount <= limits.queueMax + 4 * 128,
    () => `${primary.pendingCount} commands are pending, at most ${limits.queueMax}`,
  );
  for (const peer of primary.peers) {
    assert(
      peer.verified <= log.last.op && peer.commit <= log.last.op && peer.next <= log.last.op + 1,
      () => `member ${peer.member} is at ${peer.verified}/${peer.commit}/${peer.next} of ${log.last.op}`,
    );
    assert(peer.outstanding.length <= limits.windowMax, () => `too many prepares to member ${peer.member}`);
  }
}
