// The alternatives for a key: from the key's place along the ring in both directions, nearest point first, and each
// member named as soon as nothing further away can cost less. The failure path: lookups that succeed never walk.
// biome-ignore-all lint/style/noNonNullAssertion: the indexes into the tables are in range by construction

export interface RingPoints {
  /** Ascending. */
  readonly positions: Uint32Array;
  /** Rank of each point's member. */
  readonly owners: Uint16Array;
  /** By rank, above 0. */
  readonly weights: Float64Array;
}

/** Index of the first position at or after `place`; the length when there is none. O(log n). */
function firstAtOrAfter(positions: Uint32Array, place: number): number {
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (positions[middle]! < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Every rank but `owner`, in ascending order of cost for the hash (distance to the nearest point divided by the
 * weight). With equal weights a step along the ring settles each point; in all at most O(points).
 */
export function* walkRing(
  { positions, owners, weights }: RingPoints,
  hash: number,
  owner: number,
): Iterable<number> {
  const place = hash >>> 0;
  const pointCount = positions.length;
  const costs = new Float64Array(weights.length).fill(Number.POSITIVE_INFINITY);
  const heaviestFirst = Uint16Array.from(weights.keys()).sort((a, b) => weights[b]! - weights[a]!);
  /** −1: already named. */
  costs[owner] = -1;
  let heaviest = 0;
  let found: number[] = [];

  const start = firstAtOrAfter(positions, place);
  let ahead = start % pointCount;
  let behind = (start + pointCount - 1) % pointCount;
  for (let taken = 0; taken < pointCount; taken++) {
    const distanceAhead = (positions[ahead]! - place) >>> 0;
    const distanceBehind = (place - positions[behind]!) >>> 0;
    const distance = Math.min(distanceAhead, distanceBehind);

    // What has not been found yet is at least this far away and at most as heavy as the heaviest of the rest.
    while (heaviest < heaviestFirst.length && costs[heaviestFirst[heaviest]!]! < 0) heaviest++;
    if (heaviest === heaviestFirst.length) return;
    const bound = distance / weights[heaviestFirst[heaviest]!]!;
    if (found.some((rank) => costs[rank]! <= bound)) {
      const settled = found.filter((rank) => costs[rank]! <= bound).sort((a, b) => costs[a]! - costs[b]!);
      found = found.filter((rank) => costs[rank]! > bound);
      for (const rank of settled) {
        costs[rank] = -1;
        yield rank;
      }
    }

    const point = distanceBehind <= distanceAhead ? behind : ahead;
    if (point === behind) behind = (behind + pointCount - 1) % pointCount;
    else ahead = (ahead + 1) % pointCount;
    const rank = owners[point]!;
    const cost = distance / weights[rank]!;
    if (costs[rank] === Number.POSITIVE_INFINITY) found.push(rank);
    if (cost < costs[rank]!) costs[rank] = cost;
  }
  yield* found.sort((a, b) => costs[a]! - costs[b]!);
}
