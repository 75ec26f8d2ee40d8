// From text to 32 evenly spread bits: the hash of ring keys, slots and backend ids. Two multiply-and-rotate lanes
// read UTF-16 units in place, eight a round (reading a unit costs more than hashing it), and a full avalanche ends
// it, since the ring uses the top bits. Not cryptographic: the seed keeps keys from being aimed, no more
// (docs/adr/0004). Rejected: raw FNV-1a (its top bits are uneven), crypto.subtle (asynchronous, 17 µs).

const LANE_A = 0x85ebca6b;
const LANE_B = 0xc2b2ae35;

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
  let a = (seed ^ Math.imul(end - start, 0x9e3779b1)) | 0;
  let b = (seed + 0x7f4a7c15) | 0;
  let i = start;
  for (const lastRound = end - 8; i <= lastRound; i += 8) {
    const units01 = text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16);
    const units23 = text.charCodeAt(i + 2) | (text.charCodeAt(i + 3) << 16);
    const units45 = text.charCodeAt(i + 4) | (text.charCodeAt(i + 5) << 16);
    const units67 = text.charCodeAt(i + 6) | (text.charCodeAt(i + 7) << 16);
    a = Math.imul(((a << 13) | (a >>> 19)) ^ units01, LANE_A);
    b = Math.imul(((b << 15) | (b >>> 17)) ^ units23, LANE_B);
    a = Math.imul(((a << 13) | (a >>> 19)) ^ units45, LANE_A);
    b = Math.imul(((b << 15) | (b >>> 17)) ^ units67, LANE_B);
  }
  for (; i < end; i++) a = Math.imul(((a << 13) | (a >>> 19)) ^ text.charCodeAt(i), LANE_A);
  return mix32(a ^ mix32(b));
}
