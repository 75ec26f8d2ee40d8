// Who chooses in the queues lab: every strategy of the product but the one that spreads nothing, the ring with a bounded
// load, and, to compare with, who always takes the shortest of all queues and sees them exactly.
import { BALANCERS } from '../../core/load-balancing/create-balancer.ts';

export interface Contender {
  readonly name: string;
  /** Of the product; null for who sees all queues. */
  readonly type: string | null;
  /** 0 = no bound. */
  readonly boundedLoad: number;
  /** Alike for any number of dispatchers. */
  readonly seesAll: boolean;
  /** It looks at nothing that a dispatcher learns: alike for any number of them as long as nobody fails. */
  readonly isBlind: boolean;
}

const SPREADS_NOTHING = 'first-available';

const BLIND: readonly string[] = ['random', 'weighted-random', 'consistent-hash', 'maglev', 'rendezvous'];

export const JOIN_SHORTEST = 'join-shortest';

export const CONTENDERS: readonly Contender[] = [
  ...Object.keys(BALANCERS)
    .filter((type) => type !== SPREADS_NOTHING)
    .map((type) => ({ name: type, type, boundedLoad: 0, seesAll: false, isBlind: BLIND.includes(type) })),
  {
    name: 'consistent-hash, bounded',
    type: 'consistent-hash',
    boundedLoad: 1.25,
    seesAll: false,
    isBlind: false,
  },
  { name: JOIN_SHORTEST, type: null, boundedLoad: 0, seesAll: true, isBlind: false },
];
