// From text to 32 evenly spread bits: the hash of ring keys, slots and backend ids. FNV-1a's step over UTF-16 units
// read in place (reading a unit costs more than the step), with a denser multiplier, the length and the seed in the
// start, and a full avalanche at the end, since the ring uses the top bits. Not cryptographic: the seed keeps keys
// from being aimed, no more (docs/adr/0004). Rejected: raw FNV-1a (its top bits are uneven), rotations and several
// lanes (10–30 % slower here, no evener), crypto.subtle (asynchronous, 17 µs).

/** A bijection of 32 bits in which every input bit flips each output bit half of the time (murmur3's finalizer). */
export function mix32(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Hash of a whole text, 0 to 2^32 − 1. O(length), allocates nothing. */
export function hashKey(text: string, seed = 0): number {
  return hashKeyRange(text, 0, text.length, seed);
}

/**
 * Hash of the units `start` (inclusive) to `end` (exclusive): equal to `hashKey` of that slice, without making it.
 * `seed` is an integer; its low 32 bits count.
 */
export function hashKeyRange(text: string, start: number, end: number, seed = 0): number {
  let h = Math.imul(seed ^ 0x811c9dc5, 0x9e3779b1) + end - start;
  let i = start;
  for (const lastFour = end - 3; i < lastFour; i += 4) {
    h = Math.imul(h ^ text.charCodeAt(i), 0x85ebca6b);
    h = Math.imul(h ^ text.charCodeAt(i + 1), 0x85ebca6b);
    h = Math.imul(h ^ text.charCodeAt(i + 2), 0x85ebca6b);
    h = Math.imul(h ^ text.charCodeAt(i + 3), 0x85ebca6b);
  }
  for (; i < end; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x85ebca6b);
  return mix32(h);
}
