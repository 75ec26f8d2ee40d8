// Times during which a key certainly held one value, and so nothing else: from the first time that whoever brought or saw
// the value had ended until the last such one began. Two of them may not overlap, nor may a change fit into one. These
// are the forward zones of Gibbons & Korach ("Testing shared memories", 1997); they need no search, and find at once most
// stale reads that a search would come to only after trying all orders of what was never seen.
import type { Operation } from './operation.ts';

/** A value that one operation at most can bring: that one (null: it was there at the start) and those that must see it. */
export interface OnceHeld {
  readonly bringer: Operation | null;
  readonly seers: readonly Operation[];
}

/** Whether the times contradict one another, or the `changes`: operations that certainly changed the value. O(n log n). */
export function holdsContradict(values: readonly OnceHeld[], changes: readonly Operation[]): boolean {
  const holds = values
    .map(({ bringer, seers }) => {
      let from =
        bringer === null ? Number.NEGATIVE_INFINITY : (bringer.returnedAt ?? Number.POSITIVE_INFINITY);
      let to = bringer?.invokedAt ?? Number.NEGATIVE_INFINITY;
      for (const { invokedAt, returnedAt } of seers) {
        from = Math.min(from, returnedAt ?? Number.POSITIVE_INFINITY);
        to = Math.max(to, invokedAt);
      }
      return { from, to };
    })
    .filter(({ from, to }) => from < to)
    .sort((a, b) => a.from - b.from);
  if (holds.some(({ to }, index) => to > (holds[index + 1]?.from ?? Number.POSITIVE_INFINITY))) return true;
  return changes.some(({ invokedAt, returnedAt }) => {
    let [low, high] = [0, holds.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((holds[middle]?.from as number) < invokedAt) low = middle + 1;
      else high = middle;
    }
    const hold = holds[low - 1];
    return hold !== undefined && returnedAt !== null && returnedAt < hold.to;
  });
}
