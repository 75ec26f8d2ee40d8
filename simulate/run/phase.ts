// Where in the protocol a member is when something happens to it: the columns of the coverage table.
import { isAdmitted } from '../../core/replication/readmission.ts';
import { isNormal } from '../../core/replication/replica-state.ts';
import type { Cluster } from '../engine/cluster.ts';
import type { Member } from '../engine/member.ts';

export const PHASES = [
  'at-rest',
  'quiet',
  'in-flight',
  'catching-up',
  'recovering',
  'view-change',
  'lost',
  'away',
] as const;
export type Phase = (typeof PHASES)[number];

/** `committed`: how many ops the group has committed. O(members). */
export function phaseOf(cluster: Cluster, member: Member, committed: number): Phase {
  const state = member.instance?.state;
  if (state === undefined) return 'away';
  if (!isAdmitted(state)) return 'lost';
  const { primary, log, head } = state;
  if (state.joining !== null || state.watch.exitSentAt !== null) return 'view-change';
  if (state.isAtRest) return 'at-rest';
  if (primary !== null && !isNormal(state)) return 'recovering';
  const isBehind = log.last.op + cluster.members.length < committed;
  if (isBehind || primary?.peers.some((peer) => peer.mode !== 'stream' && peer.verified < head.commit)) {
    return 'catching-up';
  }
  return log.last.op > head.commit || (primary?.pendingCount ?? 0) > 0 ? 'in-flight' : 'quiet';
}
