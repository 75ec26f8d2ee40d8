// Where a history stops being linearizable: a prefix of a linearizable history is linearizable, so there is a first
// return that no order explains, and halving finds it.
import { findOrder } from './find-order.ts';
import type { Operation } from './operation.ts';

/**
 * The operation of one key with whose return its history, which is not linearizable, stops being so; null if that cannot
 * be told with `memoryBytes` a search. O(log n) searches.
 */
export function firstViolation(operations: readonly Operation[], memoryBytes: number): Operation | null {
  const ended = operations
    .filter(({ returnedAt }) => returnedAt !== null)
    .sort((a, b) => (a.returnedAt as number) - (b.returnedAt as number));
  let [low, high] = [0, ended.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    const until = ended[middle]?.returnedAt as number;
    const verdict = findOrder(prefix(operations, until), { bytesLeft: memoryBytes });
    if (verdict === 'unknown') return null;
    if (verdict === 'linearizable') low = middle + 1;
    else high = middle;
  }
  return ended[low] ?? null;
}

/** What was known at an instant: of what had not returned, only that it was invoked. */
function prefix(operations: readonly Operation[], until: number): Operation[] {
  return operations
    .filter(({ invokedAt }) => invokedAt <= until)
    .map((operation) => {
      const { action, invokedAt, returnedAt } = operation;
      if (returnedAt === null || returnedAt <= until) return operation;
      const known = action.type === 'cas' ? { ...action, matched: null } : action;
      return { action: known, invokedAt, returnedAt: null };
    });
}
