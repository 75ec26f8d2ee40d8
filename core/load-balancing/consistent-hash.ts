// The same key goes to the same backend as long as that one is there: a place on the ring (core/sharding/hash-ring).
// A request without a key goes to a random place.
import { buildHashRing } from '../sharding/hash-ring.ts';
import type { BalancerFactory } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { keyHasher } from './key-hasher.ts';

/**
 * The n-th alternative of a key is stable too. O(1) a pick, hash included O(length of the key).
 * Score: distance to the backend's nearest point (in turns of the ring) divided by its weight; the lowest is first.
 */
export const consistentHash: BalancerFactory = (backends, { maxShare, hashSeed }, random) => {
  const eligible = eligibleBackends(backends);
  const indexes = eligible.map(({ index }) => index);
  const ring = buildHashRing(eligible, { maxShare, seed: hashSeed });
  const hashOf = keyHasher(hashSeed, random);

  return {
    type: 'consistent-hash',
    usesKey: true,
    first: (key) => indexes[ring.locate(hashOf(key))] ?? -1,
    *order(key) {
      for (const place of ring.order(hashOf(key))) yield indexes[place] as number;
    },
    scores(key) {
      const scores = new Array<number | null>(backends.length).fill(null);
      if (key === '') return scores;
      for (const [place, cost] of ring.costs(hashOf(key)).entries()) scores[indexes[place] as number] = cost;
      return scores;
    },
    shares() {
      const shares = new Array<number>(backends.length).fill(0);
      for (const [place, share] of ring.shares.entries()) shares[indexes[place] as number] = share;
      return shares;
    },
  };
};
