// Which member of a group a read that any of them may answer goes to: the primary, unless another one has answered
// clearly faster. Learned from the calls of this isolate; now and then another member is tried, to know.

export interface NearestMember {
  /** The member to ask. */
  choose(groupId: string, primary: number, members: number): number;
  /** It answered in `tookMs`. */
  answered(groupId: string, member: number, tookMs: number): void;
}

/** One read in so many goes to another member than it would. */
const TRY_ANOTHER_EVERY = 64;
/** Another member must be faster by both: a share, and more than what clocks and chance make of it. */
const FASTER_RATIO = 0.7;
const FASTER_MS = 5;
/** Weight of the newest sample in the mean. */
const WEIGHT = 0.2;
const GROUPS_MAX = 4_096;

interface Known {
  reads: number;
  /** Mean time to an answer by member, ms. */
  readonly meanMs: Map<number, number>;
}

export function createNearestMember(): NearestMember {
  const groups = new Map<string, Known>();
  const known = (groupId: string): Known => {
    let group = groups.get(groupId);
    if (group === undefined) {
      if (groups.size >= GROUPS_MAX) groups.clear();
      group = { reads: 0, meanMs: new Map() };
      groups.set(groupId, group);
    }
    return group;
  };
  return {
    choose(groupId, primary, members) {
      const group = known(groupId);
      group.reads += 1;
      if (group.reads % TRY_ANOTHER_EVERY === 0) return (group.reads / TRY_ANOTHER_EVERY) % members;
      let best = primary;
      let bestMs = Math.min((group.meanMs.get(primary) ?? Infinity) * FASTER_RATIO, Infinity);
      for (const [member, meanMs] of group.meanMs) {
        if (member === primary || member >= members || meanMs >= bestMs) continue;
        if (meanMs + FASTER_MS >= (group.meanMs.get(primary) ?? -Infinity)) continue;
        best = member;
        bestMs = meanMs;
      }
      return best;
    },
    answered(groupId, member, tookMs) {
      const { meanMs } = known(groupId);
      const mean = meanMs.get(member);
      meanMs.set(member, mean === undefined ? tookMs : mean + WEIGHT * (tookMs - mean));
    },
  };
}
