// The race behind rendezvous hashing: each backend waits −ln(u)/weight for a key, u hashed from the two of them. The
// shortest wait wins in proportion to the weights, and the wait of one depends on no other.
import { hashKey, mix32 } from '../sharding/key-hash.ts';
import type { EligibleBackend } from './eligible-backends.ts';

/** Backends are told by their place in the list that the race was built from, keys by a hash of 32 bits. */
export interface KeyRace {
  /** Above 0; the shorter the better. O(1). */
  waitOf(place: number, hash: number): number;
  /** Place of the shortest wait; −1 when nobody runs. O(n), allocates nothing. */
  winner(hash: number): number;
  /** All places but `first`, shortest wait first. O(n log n). */
  others(hash: number, first: number): number[];
}

/** `seed` is an integer: another one, another race. O(n). */
export function keyRace(eligible: readonly EligibleBackend[], seed: number): KeyRace {
  const count = eligible.length;
  const weights = Float64Array.from(eligible, ({ weight }) => weight);
  // Two hashes of each id: backends whose first ones happen to meet still differ.
  const ids = Uint32Array.from(eligible, ({ id }) => hashKey(id, seed));
  const salts = Uint32Array.from(eligible, ({ id }) => hashKey(id, ~seed));

  /** Uniform in (0, 1). */
  const chanceOf = (place: number, hash: number): number =>
    (mix32(mix32(hash ^ (ids[place] as number)) + (salts[place] as number)) + 0.5) / 2 ** 32;
  const waitOf = (place: number, hash: number): number =>
    -Math.log(chanceOf(place, hash)) / (weights[place] as number);

  return {
    waitOf,
    winner(hash) {
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
    },
    others(hash, first) {
      const places = [...weights.keys()].filter((place) => place !== first);
      const waits = Float64Array.from(weights, (_, place) => waitOf(place, hash));
      return places.sort((a, b) => (waits[a] as number) - (waits[b] as number) || a - b);
    },
  };
}
