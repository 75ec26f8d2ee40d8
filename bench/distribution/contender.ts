// What the distribution lab compares: something that is built from members and locates keys.
import type { Random } from '../../core/random.ts';
import type { Member } from '../workload.ts';

export interface Built {
  /** Index of the member that the key goes to. */
  locate(key: string): number;
  /** The same without translating the answer to an index, for timing; what it returns only has to be used. */
  pick(key: string): unknown;
  /** Exact share of each member, where the contender is a ring whose arcs can be measured. */
  shares?(): readonly number[];
}

export interface Contender {
  readonly name: string;
  /** Whether the same key goes to the same member: only then can keys move. */
  readonly keyed: boolean;
  /** Whether shares follow the weights; otherwise every member's fair share is the same. */
  readonly weighted: boolean;
  build(members: readonly Member[], random: Random): Built;
}
