// Maglev's lookup table (Eisenbud et al., NSDI 2016, §3.4): every backend has its own permutation of the entries, and
// in turns each takes the first of its permutation that is still free, until none is. Shares come out even to an
// entry; when a backend leaves, most of the others take the same entries as before, but not all (rings move none).
//
// Weights by turns: with the heaviest taking one a round, a backend of weight w takes its k-th turn in round
// (k − ½)·max/w. Rejected: visiting every backend in every round to see whether its turn has come, which costs rounds ×
// backends where one is heavy and thousands are light; here those of a round are on that round's list.
// biome-ignore-all lint/style/noNonNullAssertion: the indexes into the tables are in range by construction
import { hashKey } from '../sharding/key-hash.ts';
import type { EligibleBackend } from './eligible-backends.ts';

/**
 * Primes: sizes of the table, the second for more backends than make a hundredth of the first. Few sizes, since
 * another size moves nearly all keys.
 */
const SIZES = [65_537, 524_287] as const;
const ENTRIES_PER_BACKEND = 100;

/**
 * Of each entry, the place of its backend in `eligible`, which is in order of id; empty without backends. At most 5,242
 * backends. O(size · ln size) expected: some milliseconds for the smaller size.
 */
export function maglevTable(eligible: readonly EligibleBackend[], seed: number): Uint16Array {
  const count = eligible.length;
  if (count === 0) return new Uint16Array(0);
  const size = SIZES.find((prime) => prime >= ENTRIES_PER_BACKEND * count);
  if (size === undefined)
    throw new Error(`Cannot build a Maglev table of ${count} backends: the limit is 5,242`);

  const table = new Uint16Array(size);
  // A bit of each entry that is taken: what is looked at most stays in the nearest cache.
  const taken = new Int32Array((size >>> 5) + 1);
  const entries = Uint32Array.from(eligible, ({ id }) => hashKey(id, seed) % size);
  const skips = Uint32Array.from(eligible, ({ id }) => (hashKey(id, ~seed) % (size - 1)) + 1);
  const takeNext = (place: number): void => {
    const skip = skips[place]!;
    let entry = entries[place]!;
    while ((taken[entry >>> 5]! >>> (entry & 31)) & 1) {
      entry += skip;
      // Past the end, once round: without a branch, which would be guessed wrong half of the time.
      entry -= size & ((size - 1 - entry) >> 31);
    }
    taken[entry >>> 5]! |= 1 << (entry & 31);
    table[entry] = place;
    entries[place] = entry;
  };

  const heaviest = eligible.reduce((max, { weight }) => Math.max(max, weight), 0);
  const roundsPerTurn = Float64Array.from(eligible, ({ weight }) => heaviest / weight);
  const turnsPerRound = roundsPerTurn.reduce((sum, rounds) => sum + 1 / rounds, 0);
  // Enough for `size` turns, though each backend may be short of one by rounding.
  const rounds = Math.ceil((size + count) / turnsPerRound) + 1;
  // A list of each round's backends: its first, and of each backend the one after it.
  const heads = new Int32Array(rounds + 1).fill(-1);
  const after = new Int32Array(count);
  const turns = new Uint32Array(count);
  const enlist = (place: number): void => {
    turns[place]! += 1;
    const round = Math.ceil((turns[place]! - 0.5) * roundsPerTurn[place]!);
    if (round > rounds) return;
    after[place] = heads[round]!;
    heads[round] = place;
  };
  for (let place = count - 1; place >= 0; place--) enlist(place);

  let left: number = size;
  for (let round = 1; ; round++) {
    for (let place = heads[round]!; place >= 0; ) {
      const next = after[place]!;
      takeNext(place);
      if (--left === 0) return table;
      enlist(place);
      place = next;
    }
  }
}
