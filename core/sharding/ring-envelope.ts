// Which point ahead is the cheapest, for every place on the ring. A point at p of a member with weight w costs a
// key at h the distance from h up to p, divided by w. Going backwards from the ring's end, each point's cost is a
// line that rises by 1/w a step, and the cheapest points are the lower envelope of these lines: heavy members rise
// slowly and take over from light ones. One backward sweep with a stack finds it (the convex hull trick), O(points).
// The cost is the linear method of Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", SPAA 2005.
// biome-ignore-all lint/style/noNonNullAssertion: the indexes into the tables are in range by construction

const TURN = 2 ** 32;

/** A partition of the ring. */
export interface Segments {
  /** Last place (inclusive) of each segment, ascending; the last is 2^32 − 1. */
  readonly ends: Uint32Array;
  /** Index of the point that owns the segment. */
  readonly points: Uint32Array;
}

/**
 * @param positions of the points, ascending, at least one.
 * @param weights of the points' members, by point, above 0.
 * @returns at most about two segments a point.
 */
export function cheapestAhead(positions: Uint32Array, weights: Float64Array): Segments {
  const count = positions.length;
  // Points that may still own something further back: the present owner on top, ever heavier ones below it. Each
  // entry's border is where, going backwards, the one below takes over from it.
  const stack = new Uint32Array(2 * count);
  const place = new Float64Array(2 * count);
  const weight = new Float64Array(2 * count);
  const border = new Float64Array(2 * count);
  let top = -1;

  const push = (point: number, offset: number): void => {
    const p = positions[point]! + offset;
    const w = weights[point]!;
    // A point that lies further away and weighs no more never costs less again.
    while (top >= 0 && weight[top]! <= w) top--;
    let takenOver = Number.NEGATIVE_INFINITY;
    while (top >= 0) {
      takenOver = (p * weight[top]! - place[top]! * w) / (weight[top]! - w);
      // Nor does one that is overtaken before it would overtake the new one.
      if (top === 0 || takenOver > border[top]!) break;
      top--;
    }
    top++;
    stack[top] = point;
    place[top] = p;
    weight[top] = w;
    border[top] = takenOver;
  };

  // A first turn only fills the stack with what the ring's beginning owns beyond the ring's end.
  for (let point = count - 1; point >= 0; point--) {
    while (top > 0 && border[top]! > positions[point]! + TURN) top--;
    push(point, TURN);
  }
  while (top > 0 && border[top]! >= TURN) top--;

  const ends = new Uint32Array(2 * count + top + 1);
  const points = new Uint32Array(ends.length);
  let free = ends.length;
  /** From `end` backwards the top owns; said twice of one place, the last word counts. */
  const emit = (end: number): void => {
    if (free === ends.length || ends[free] !== end) free--;
    ends[free] = end;
    points[free] = stack[top]!;
  };
  const emitTakeoversAbove = (p: number): void => {
    while (top > 0 && border[top]! > p) {
      // At the border itself both cost the same: it stays with the nearer point.
      const end = Math.ceil(border[top]!) - 1;
      top--;
      emit(end);
    }
  };
  emit(TURN - 1);
  for (let point = count - 1; point >= 0; point--) {
    const p = positions[point]!;
    emitTakeoversAbove(p);
    push(point, 0);
    emit(p);
  }
  emitTakeoversAbove(0);
  return { ends: ends.slice(free), points: points.slice(free) };
}
