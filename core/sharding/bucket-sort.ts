// Sorting for hashes: positions spread evenly over 32 bits fall into buckets of a few by their top bits, so counting
// into buckets and tidying each one sorts in O(n). The bucket borders also index a sorted table, so that a lookup
// needs no binary search. Rejected: a comparison sort (ten times slower), radix sort digit by digit (three scattering
// passes instead of one).
// biome-ignore-all lint/style/noNonNullAssertion: the indexes into the tables are in range by construction

export interface BucketIndex {
  /** A position's bucket is its top `bits` bits, 1–31. */
  readonly bits: number;
  /** First element of each bucket, and at the end the number of elements. */
  readonly starts: Uint32Array;
}

/** Index by the top `bits` bits over positions in any order: where each bucket begins once they are sorted. O(n). */
export function bucketIndex(positions: Uint32Array, bits: number): BucketIndex {
  const starts = new Uint32Array(2 ** bits + 1);
  const shift = 32 - bits;
  for (let i = 0; i < positions.length; i++) starts[(positions[i]! >>> shift) + 1]!++;
  for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!;
  return { bits, starts };
}

/** Bits for about `perBucket` of `count` elements a bucket. */
export function bucketBits(count: number, perBucket: number): number {
  return Math.max(1, Math.ceil(Math.log2(Math.max(1, count / perBucket))));
}

/** Elements a bucket while sorting: few to move within one, and cursors that fit the processor's nearest cache. */
const PER_BUCKET = 4;

/**
 * Ascending order of `positions` (any 32-bit values), each taking its `payload` along; equal positions keep their
 * given order. The arguments are left as they are. O(n) for even spread, O(n²) when all crowd into one bucket.
 */
export function bucketSort(
  positions: Uint32Array,
  payload: Uint16Array,
): { positions: Uint32Array; payload: Uint16Array } {
  const count = positions.length;
  const { bits, starts: next } = bucketIndex(positions, bucketBits(count, PER_BUCKET));
  const shift = 32 - bits;
  const sorted = new Uint32Array(count);
  const carried = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    const position = positions[i]!;
    const bucket = position >>> shift;
    const place = next[bucket]!;
    next[bucket] = place + 1;
    sorted[place] = position;
    carried[place] = payload[i]!;
  }
  // Every element now stands within its bucket of where it belongs.
  for (let i = 1; i < count; i++) {
    const position = sorted[i]!;
    if (sorted[i - 1]! <= position) continue;
    const load = carried[i]!;
    let place = i;
    do {
      sorted[place] = sorted[place - 1]!;
      carried[place] = carried[place - 1]!;
      place--;
    } while (place > 0 && sorted[place - 1]! > position);
    sorted[place] = position;
    carried[place] = load;
  }
  return { positions: sorted, payload: carried };
}
