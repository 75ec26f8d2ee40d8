// A viewstamp names a place in the group's history: the view that created an op, and the op's position in the log
// (Liskov & Cowling 2012, §4). An entry keeps the view that created it for ever.

export interface Viewstamp {
  readonly view: number;
  readonly op: number;
}

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`: by view, then by op. O(1). */
export function compareViewstamps(a: Viewstamp, b: Viewstamp): number {
  return a.view - b.view || a.op - b.op;
}

export function isNewer(a: Viewstamp, b: Viewstamp): boolean {
  return compareViewstamps(a, b) > 0;
}

export function sameViewstamp(a: Viewstamp, b: Viewstamp): boolean {
  return a.view === b.view && a.op === b.op;
}
