// The product's own strategies as contenders: every one that create-balancer knows.
import type { PoolView } from '../../core/load-balancing/balancer.ts';
import { BALANCERS, createBalancer } from '../../core/load-balancing/create-balancer.ts';
import { sharesOf } from '../../core/load-balancing/preview-shares.ts';
import type { Contender } from './contender.ts';

const idle: PoolView = { inFlight: () => 0 };
const DEFAULTS = { maxShare: 1.1, hashSeed: 0 };

const UNWEIGHTED = ['round-robin', 'random'];

export const OWN_STRATEGIES: readonly Contender[] = Object.keys(BALANCERS).map((type) => {
  const keyed = type === 'consistent-hash';
  return {
    name: type,
    keyed,
    weighted: !UNWEIGHTED.includes(type),
    build(members, random) {
      const balancer = createBalancer({ type, ...DEFAULTS }, members, random);
      const locate = (key: string): number => {
        if (balancer.first) return balancer.first(key, idle);
        for (const index of balancer.order(key, idle)) return index;
        return -1;
      };
      if (!keyed) return { locate, pick: locate };
      return {
        locate,
        pick: locate,
        shares() {
          const shares = sharesOf({
            backends: members.map((member) => ({ ...member, state: 'active' as const })),
            strategy: { type, key: ['client-ip'], ...DEFAULTS },
          });
          return members.map(({ id }) => shares.get(id) ?? 0);
        },
      };
    },
  };
});
