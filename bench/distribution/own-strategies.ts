// The product's own strategies as contenders: every one that create-balancer knows, but for the one that spreads
// nothing.
import type { PoolView } from '../../core/load-balancing/balancer.ts';
import { BALANCERS, createBalancer } from '../../core/load-balancing/create-balancer.ts';
import { seededRandom } from '../../core/random.ts';
import type { Contender } from './contender.ts';

const idle: PoolView = { inFlight: () => 0 };
const DEFAULTS = { maxShare: 1.1, hashSeed: 0 };

/** All of its traffic goes to one backend by design. */
const SPREADS_NOTHING = 'first-available';
const UNWEIGHTED = ['round-robin', 'random'];

const SPREADING = Object.keys(BALANCERS).filter((type) => type !== SPREADS_NOTHING);

export const OWN_STRATEGIES: readonly Contender[] = SPREADING.map((type) => ({
  name: type,
  keyed: createBalancer({ type, ...DEFAULTS }, [], seededRandom(0)).usesKey === true,
  weighted: !UNWEIGHTED.includes(type),
  build(members, random) {
    const balancer = createBalancer({ type, ...DEFAULTS }, members, random);
    const locate = (key: string): number => {
      if (balancer.first) return balancer.first(key, idle);
      for (const index of balancer.order(key, idle)) return index;
      return -1;
    };
    const { shares } = balancer;
    return shares ? { locate, pick: locate, shares } : { locate, pick: locate };
  },
}));
