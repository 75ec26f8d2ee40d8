// Chance that can be repeated: latencies and error ratios of a scripted origin come from a seed (mulberry32).

export type SeededRandom = () => number;

/** Uniform numbers in [0, 1), the same for the same seed (an integer, taken modulo 2^32). */
export function seededRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
