// Chance as an argument: whoever needs randomness is handed one of these, so every run can be replayed.

export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number;
}

/**
 * sfc32 (Doty-Humphrey, PractRand): small, fast, passes BigCrush. Equal seeds give equal sequences. O(1), allocates
 * nothing: the state lies in an array, since numbers that a closure captures are boxed when they leave 31 bits.
 */
export function seededRandom(seed: number): Random {
  const state = Int32Array.of(0x9e3779b9, 0x243f6a88, seed, 1);
  const next32 = (): number => {
    const a = state[0] as number;
    const b = state[1] as number;
    const c = state[2] as number;
    const counter = state[3] as number;
    const sum = (a + b + counter) | 0;
    state[0] = b ^ (b >>> 9);
    state[1] = (c + (c << 3)) | 0;
    state[2] = ((c << 21) | (c >>> 11)) + sum;
    state[3] = counter + 1;
    return sum >>> 0;
  };
  // The seed sits in one of four words: let it spread before the first number is used.
  for (let i = 0; i < 15; i++) next32();
  return { next: () => next32() / 0x1_0000_0000 };
}
