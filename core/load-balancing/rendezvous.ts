// Highest random weight (Thaler and Ravishankar 1998), weighted by the logarithm (Schindelhauer and Schomaker, SPAA
// 2005): each backend waits −ln(u)/weight for a key, u hashed from the two of them, and the shortest wait wins. That
// is a race of exponential clocks, so shares are the weights exactly; and since a wait depends on nothing else,
// removal moves only the removed one's keys, and a weight moves only what it gains or loses. No table at all; the
// price is O(n) a pick, which suits pools of some dozens.
import { hashKey, mix32 } from '../sharding/key-hash.ts';
import type { BalancerFactory } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { keyHasher } from './key-hasher.ts';
import { scoresByIndex } from './scores-by-index.ts';

/**
 * The alternatives are the other waits in order, so every n-th choice is stable and in proportion too. O(n) a pick,
 * O(n log n) once alternatives are asked for. Score: −weight / ln(u), the highest is first.
 */
export const rendezvous: BalancerFactory = (backends, { hashSeed }, random) => {
  const eligible = eligibleBackends(backends);
  const count = eligible.length;
  const weights = Float64Array.from(eligible, ({ weight }) => weight);
  // Two hashes of each id: backends whose first ones happen to meet still differ.
  const ids = Uint32Array.from(eligible, ({ id }) => hashKey(id, hashSeed));
  const salts = Uint32Array.from(eligible, ({ id }) => hashKey(id, ~hashSeed));
  const hashOf = keyHasher(hashSeed, random);

  /** Uniform in (0, 1). */
  const chanceOf = (place: number, hash: number): number =>
    (mix32(mix32(hash ^ (ids[place] as number)) + (salts[place] as number)) + 0.5) / 2 ** 32;
  const waitOf = (place: number, hash: number): number =>
    -Math.log(chanceOf(place, hash)) / (weights[place] as number);

  const locate = (hash: number): number => {
    let best = -1;
    let shortest = Number.POSITIVE_INFINITY;
    for (let place = 0; place < count; place++) {
      // −ln(u) ≥ 1 − u: most need no logarithm to be out of the race.
      if (1 - chanceOf(place, hash) >= shortest * (weights[place] as number)) continue;
      const wait = waitOf(place, hash);
      if (best < 0 || wait < shortest) {
        best = place;
        shortest = wait;
      }
    }
    return best;
  };
  const indexOf = (place: number): number => eligible[place]?.index ?? -1;

  return {
    type: 'rendezvous',
    usesKey: true,
    first: (key) => indexOf(locate(hashOf(key))),
    *order(key) {
      const hash = hashOf(key);
      const first = locate(hash);
      if (first < 0) return;
      yield indexOf(first);
      yield* eligible
        .map(({ index }, place) => ({ index, place, wait: waitOf(place, hash) }))
        .filter(({ place }) => place !== first)
        .sort((a, b) => a.wait - b.wait || a.place - b.place)
        .map(({ index }) => index);
    },
    scores(key) {
      if (key === '') return new Array<null>(backends.length).fill(null);
      const hash = hashOf(key);
      return scoresByIndex(backends.length, eligible, (place) => 1 / waitOf(place, hash));
    },
  };
};
