// Highest random weight (Thaler and Ravishankar 1998), weighted by the logarithm (Schindelhauer and Schomaker, SPAA
// 2005): the shortest wait of a race (key-race.ts) wins. Shares are the weights exactly, removal moves only the keys of
// the one removed, and a weight moves only what it gains or loses. No table at all; the price is O(n) a pick, which
// suits pools of some dozens.
import type { BalancerFactory } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { keyHasher } from './key-hasher.ts';
import { keyRace } from './key-race.ts';
import { scoresByIndex } from './scores-by-index.ts';

/**
 * The alternatives are the other waits in order, so every n-th choice is stable and in proportion too. O(n) a pick,
 * O(n log n) once alternatives are asked for. Score: −weight / ln(u), one by the wait; the highest is first.
 */
export const rendezvous: BalancerFactory = (backends, { hashSeed }, random) => {
  const eligible = eligibleBackends(backends);
  const race = keyRace(eligible, hashSeed);
  const hashOf = keyHasher(hashSeed, random);
  const indexOf = (place: number): number => eligible[place]?.index ?? -1;

  return {
    type: 'rendezvous',
    usesKey: true,
    first: (key) => indexOf(race.winner(hashOf(key))),
    *order(key) {
      const hash = hashOf(key);
      const first = race.winner(hash);
      if (first < 0) return;
      yield indexOf(first);
      yield* race.others(hash, first).map(indexOf);
    },
    scores(key) {
      if (key === '') return new Array<null>(backends.length).fill(null);
      const hash = hashOf(key);
      return scoresByIndex(backends.length, eligible, (place) => 1 / race.waitOf(place, hash));
    },
  };
};
