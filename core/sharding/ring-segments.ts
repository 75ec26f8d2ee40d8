// Who owns each stretch of the ring when a key belongs to the point whose distance, in either direction, divided by
// its member's weight is smallest. Equal weights: the borders are the midpoints between neighbours. Otherwise: the
// cheapest point ahead and the cheapest behind (the same, mirrored) of every place, and the cheaper of the two.
// biome-ignore-all lint/style/noNonNullAssertion: the indexes into the tables are in range by construction
import { cheapestAhead, type Segments } from './ring-envelope.ts';

export type { Segments } from './ring-envelope.ts';

const TURN = 2 ** 32;

/** Segments as they are found, in ascending order; neighbours of one point are joined. */
class SegmentList {
  readonly ends: Uint32Array;
  readonly points: Uint32Array;
  length = 0;

  constructor(capacity: number) {
    this.ends = new Uint32Array(capacity);
    this.points = new Uint32Array(capacity);
  }

  add(end: number, point: number): void {
    if (this.length > 0 && this.points[this.length - 1] === point) this.length--;
    this.ends[this.length] = end;
    this.points[this.length++] = point;
  }

  finish(): Segments {
    return { ends: this.ends.subarray(0, this.length), points: this.points.subarray(0, this.length) };
  }
}

/**
 * @param positions of the points, ascending, at least one.
 * @param weights of the points' members, by point, above 0; null when all are equal.
 * O(points); about one segment a point for equal weights, up to four otherwise.
 */
export function ringSegments(positions: Uint32Array, weights: Float64Array | null): Segments {
  return weights === null ? equalSegments(positions) : weightedSegments(positions, weights);
}

function equalSegments(positions: Uint32Array): Segments {
  const count = positions.length;
  const list = new SegmentList(count + 1);
  const last = count - 1;
  // A midpoint is the left neighbour's.
  const wrap = Math.floor((positions[last]! + positions[0]! + TURN) / 2);
  if (wrap >= TURN) list.add(wrap - TURN, last);
  for (let i = 0; i < last; i++) list.add(Math.floor((positions[i]! + positions[i + 1]!) / 2), i);
  if (wrap >= TURN) list.add(TURN - 1, last);
  else {
    list.add(wrap, last);
    if (wrap < TURN - 1) list.add(TURN - 1, 0);
  }
  return list.finish();
}

function weightedSegments(positions: Uint32Array, weights: Float64Array): Segments {
  const ahead = cheapestAhead(positions, weights);
  const behind = cheapestBehind(positions, weights);
  const list = new SegmentList(2 * (ahead.ends.length + behind.ends.length));
  let i = 0;
  let j = 0;
  for (let from = 0; from < TURN; ) {
    const to = Math.min(ahead.ends[i]!, behind.ends[j]!);
    const right = ahead.points[i]!;
    const left = behind.points[j]!;
    const rightAt = positions[right]! >= to ? positions[right]! : positions[right]! + TURN;
    const leftAt = positions[left]! <= from ? positions[left]! : positions[left]! - TURN;
    // The point behind grows dearer with every step, the one ahead cheaper: they change places once at most.
    const pull = weights[left]! / (weights[left]! + weights[right]!);
    const border = Math.floor(leftAt + (rightAt - leftAt) * pull);
    if (border >= from) list.add(Math.min(border, to), left);
    if (border < to) list.add(to, right);
    if (ahead.ends[i] === to) i++;
    if (behind.ends[j] === to) j++;
    from = to + 1;
  }
  return list.finish();
}

function cheapestBehind(positions: Uint32Array, weights: Float64Array): Segments {
  const last = positions.length - 1;
  const mirroredPositions = positions.slice().reverse();
  for (let i = 0; i <= last; i++) mirroredPositions[i] = TURN - 1 - mirroredPositions[i]!;
  const mirrored = cheapestAhead(mirroredPositions, weights.slice().reverse());

  const ends = mirrored.ends.slice().reverse();
  const points = mirrored.points.slice().reverse();
  for (let i = 0; i < points.length; i++) {
    points[i] = last - points[i]!;
    // What ends there begins here, and the segment before the next one's beginning ends it.
    ends[i] = i + 1 < points.length ? TURN - 2 - ends[i + 1]! : TURN - 1;
  }
  return { ends, points };
}
