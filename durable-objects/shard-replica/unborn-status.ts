// What an object says of itself before its birth: it is a member of nothing.
import type { MemberStatus } from '../interfaces/shard-replica.ts';

export function unbornStatus(member: number): MemberStatus {
  return {
    member,
    groupId: null,
    view: 0,
    role: 'backup',
    state: 'unborn',
    op: 0,
    commit: 0,
    applied: 0,
    entries: 0,
    bytes: 0,
  };
}
