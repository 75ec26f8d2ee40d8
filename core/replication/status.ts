// What a replica says of itself, for `status` and for people; nothing in the protocol depends on it.
import { primaryOf } from './quorum.ts';
import { isAdmitted, isMajorityLost } from './readmission.ts';
import { isNormal, type ReplicaState } from './replica-state.ts';

export interface ReplicaStatus {
  readonly member: number;
  readonly groupId: string;
  readonly view: number;
  /** Member id of this view's primary. */
  readonly primary: number;
  readonly role: 'primary' | 'backup';
  readonly state: 'normal' | 'recovering' | 'changing-view' | 'lost';
  /** So many members wait to be readmitted that nothing can be committed, as far as this one heard. */
  readonly isMajorityLost: boolean;
  readonly op: number;
  readonly commit: number;
  readonly applied: number;
  readonly entries: number;
  readonly bytes: number;
  readonly stateHash: number;
  readonly logOps: number;
  readonly logBytes: number;
  /** As the primary knows them since it booted; empty on a backup. */
  readonly backups: readonly BackupStatus[];
}

export interface BackupStatus {
  readonly member: number;
  /** `needs-snapshot`: the log no longer reaches back to where it is. `unknown`: not heard since the boot. */
  readonly state: 'current' | 'lagging' | 'unreachable' | 'needs-snapshot' | 'unknown';
  /** Ops that the primary has and the backup is not known to have. */
  readonly lagOps: number;
}

function describe(state: ReplicaState): ReplicaStatus['state'] {
  if (!isAdmitted(state)) return 'lost';
  if (state.joining !== null) return 'changing-view';
  return state.primary === null || isNormal(state) ? 'normal' : 'recovering';
}

export function replicaStatus(state: ReplicaState): ReplicaStatus {
  const { identity, view, head, log, primary } = state;
  return {
    member: identity.memberId,
    groupId: identity.groupId,
    view,
    primary: primaryOf(view, identity.memberCount),
    role: primary === null ? 'backup' : 'primary',
    state: describe(state),
    isMajorityLost: isMajorityLost(state),
    op: log.last.op,
    commit: head.commit,
    applied: head.applied,
    entries: head.entries,
    bytes: head.httpBytes + head.kvBytes,
    stateHash: head.stateHash,
    logOps: log.last.op - log.before.op,
    logBytes: log.bytes,
    backups: (primary?.peers ?? []).map((peer) => {
      const lagOps = log.last.op - peer.verified;
      const given = (name: BackupStatus['state']): BackupStatus => ({
        member: peer.member,
        state: name,
        lagOps,
      });
      if (peer.mode === 'behind') return given('needs-snapshot');
      if (peer.failures > 0) return given('unreachable');
      if (lagOps === 0) return given('current');
      return given(peer.incarnation === 0 ? 'unknown' : 'lagging');
    }),
  };
}
