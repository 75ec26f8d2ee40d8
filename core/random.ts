// Chance as an argument: whoever needs randomness is handed one of these, so every run can be replayed.

export interface Random {
  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number;
}

/** sfc32 (Doty-Humphrey, PractRand): small, fast, passes BigCrush. Equal seeds give equal sequences. O(1). */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9 | 0;
  let b = 0x243f6a88 | 0;
  let c = seed | 0;
  let counter = 1;
  const next32 = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  // The seed sits in one of four words: let it spread before the first number is used.
  for (let i = 0; i < 15; i++) next32();
  return { next: () => next32() / 0x1_0000_0000 };
}
