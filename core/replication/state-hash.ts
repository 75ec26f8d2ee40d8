// Comparing states: every so many ops each member notes the rolling hash of what it has applied, and says its newest
// note with each confirmation. The primary lays them beside its own. Where a majority agrees on another hash than a
// member has, that member's rows are wrong, whatever made them so: it is quarantined, which means that it takes the state
// in anew from another one and serves nothing before. Its log is right, so its votes count on.
import { beginInstall } from './install.ts';
import type { HashMark } from './messages.ts';
import { quorumOf } from './quorum.ts';
import type { PrimaryState, ReplicaState } from './replica-state.ts';
import { type Step, send } from './step.ts';
import { promiseView } from './view-change.ts';

/** Marks remembered: others may be a little behind, or ahead. */
const MARKS_MAX = 8;

/** After each op. In memory: whoever boots compares again from the next mark on. */
export function noteHash(state: ReplicaState): void {
  const { applied, stateHash } = state.head;
  if (applied % state.limits.hashEveryOps !== 0) return;
  state.hashMarks.push({ op: applied, hash: stateHash });
  if (state.hashMarks.length > MARKS_MAX) state.hashMarks.shift();
}

export function newestMark(state: ReplicaState): HashMark | null {
  return state.isInstalling ? null : (state.hashMarks.at(-1) ?? null);
}

/** Whoever differs from a majority is told; where none agrees nothing is decided before more is known. */
export function compareHashes(step: Step, primary: PrimaryState): void {
  const { state } = step;
  const { memberId, memberCount } = state.identity;
  for (const own of state.hashMarks) {
    const told = primary.peers.flatMap(({ member, mark }) =>
      mark?.op === own.op ? [{ member, hash: mark.hash }] : [],
    );
    if (told.every(({ hash }) => hash === own.hash)) continue;
    const all = [...told, { member: memberId, hash: own.hash }];
    const right = all.find(
      ({ hash }) => all.filter((one) => one.hash === hash).length >= quorumOf(memberCount),
    );
    if (right === undefined) continue;
    for (const peer of primary.peers) {
      if (peer.mark?.op !== own.op || peer.mark.hash === right.hash) continue;
      Object.assign(peer, { mark: null, mode: 'behind', outstanding: [], installAskedAt: step.nowMs });
      send(step, peer.member, { type: 'quarantine', op: own.op, hash: right.hash });
    }
    if (own.hash === right.hash) continue;
    quarantine(step, own.op);
    // Whoever's state is wrong leads nobody: the others follow into the next view.
    promiseView(step, state.view + 1);
    return;
  }
}

/** Only where the own note says the same: a late message may speak of a state that is gone. */
export function handleQuarantine(step: Step, { op, hash }: HashMark): void {
  const own = step.state.hashMarks.find((mark) => mark.op === op);
  if (own !== undefined && own.hash !== hash) quarantine(step, op);
}

function quarantine(step: Step, op: number): void {
  const { state } = step;
  const { memberId, groupId, shard } = state.identity;
  state.hashMarks.length = 0;
  beginInstall(step, memberId);
  step.outputs.push({
    type: 'event',
    name: 'state-differs',
    subject: groupId,
    detail: { shard, member: memberId, op },
  });
}
