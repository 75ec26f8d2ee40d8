// The verdict on a whole history: that of its keys together.
import { findOrder, type Verdict } from './find-order.ts';
import { firstViolation } from './first-violation.ts';
import type { Operation } from './operation.ts';
import type { HistoryByKey } from './read-history.ts';

/** What each search for the place of a violation may remember: it is not worth a long wait. */
const EXPLANATION_BYTES = 32 * 1024 * 1024;

export interface Judgement {
  readonly verdict: Verdict;
  readonly keys: number;
  readonly operations: number;
  /** The key that decided a verdict other than `linearizable`. */
  readonly key: string | null;
  /** If not linearizable, and it could be told: the operation of that key with whose return it stops being so. */
  readonly violation: Operation | null;
}

/** Judges key by key, each with `memoryBytes` to remember with; one key that is not linearizable decides. */
export function judge(history: HistoryByKey, memoryBytes: number): Judgement {
  let operations = 0;
  for (const ofKey of history.values()) operations += ofKey.length;
  const size = { keys: history.size, operations };
  let unknownKey: string | null = null;
  for (const [key, ofKey] of history) {
    const verdict = findOrder(ofKey, { bytesLeft: memoryBytes });
    if (verdict === 'not-linearizable') {
      const violation = firstViolation(ofKey, Math.min(memoryBytes, EXPLANATION_BYTES));
      return { verdict, ...size, key, violation };
    }
    if (verdict === 'unknown') unknownKey ??= key;
  }
  return {
    verdict: unknownKey === null ? 'linearizable' : 'unknown',
    ...size,
    key: unknownKey,
    violation: null,
  };
}
