// Hands on what this member refused to the primary that the caller cannot reach, and its answer back. One hop: what is
// handed on does not ask for it again.
import type { FailedTry } from '../../core/sharding/group-call.ts';
import type { MemberAddress, MemberRefusal, ShardReplicaRpc } from '../interfaces/shard-replica.ts';
import { within } from '../within.ts';

/** Calls another member of the group. */
export type CallMember = <A>(
  member: number,
  call: (stub: ShardReplicaRpc, to: MemberAddress) => Promise<A>,
) => Promise<A>;

/** A healthy primary answers sooner; the caller has others to ask. */
const RELAY_MS = 700;

const FOR_THE_PRIMARY: ReadonlySet<FailedTry['type']> = new Set(['not-primary', 'not-ready']);

/** Not what was done in part here: whoever is asked next must not say for the whole that nothing was. */
export function isForPrimary({
  type,
  isPartlyDone,
}: Pick<FailedTry, 'isPartlyDone'> & { readonly type: string }): boolean {
  return isPartlyDone !== true && FOR_THE_PRIMARY.has(type as FailedTry['type']);
}

/** Its answer, whatever it is; or that nobody knows what became of the request. `discard` gets one that comes too late. */
export async function relay<A extends object>(
  callMember: CallMember,
  primary: number,
  call: (stub: ShardReplicaRpc, to: MemberAddress) => Promise<A>,
  discard: (late: A) => void = () => {},
): Promise<A | MemberRefusal> {
  const running = callMember(primary, call);
  try {
    const answer = await within(RELAY_MS, running);
    if (answer !== null) return answer;
    running.then(discard, () => {});
  } catch (error) {
    const isOverloaded = error instanceof Error && 'overloaded' in error && error.overloaded === true;
    if (isOverloaded) return { type: 'overloaded' };
  }
  return { type: 'timed-out' };
}
