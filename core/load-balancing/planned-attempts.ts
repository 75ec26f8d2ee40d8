// Which attempts a request could get, before any is made: for `explain`.
import type { NotRepeatable } from './repeatable.ts';
import type { RetryPolicy } from './retry-decision.ts';

export interface PlannedAttempts {
  /** Requests to origins at most; 1 where it may not be repeated. */
  readonly attemptsMax: number;
  /** Why it is sent once whatever happens; null when it may be repeated. */
  readonly notRepeatable: NotRepeatable | null;
  /** What would have it tried again: conditions of `retry.on`, and statuses. */
  readonly on: readonly (string | number)[];
  /** Longest pause before each retry, ms, unless the origin's Retry-After says more. */
  readonly pausesMaxMs: readonly number[];
  /** So late, one more is sent beside the first, ms; null where none is, or not enough is known yet. */
  readonly hedgeAfterMs: number | null;
  /** How many retries and hedges all requests of the pool may cause now. */
  readonly budgetLeft: number;
}

export function plannedAttempts(
  policy: RetryPolicy,
  notRepeatable: NotRepeatable | null,
  hedgeAfterMs: number | null,
  budgetLeft: number,
): PlannedAttempts {
  const attemptsMax = notRepeatable === null ? policy.attemptsMax : 1;
  return {
    attemptsMax,
    notRepeatable,
    on: attemptsMax === 1 ? [] : [...policy.on, ...policy.statuses],
    pausesMaxMs: Array.from({ length: attemptsMax - 1 }, (_, n) =>
      Math.min(policy.backoffMaxMs, policy.backoffMs * 2 ** n),
    ),
    hedgeAfterMs: attemptsMax === 1 ? null : hedgeAfterMs,
    budgetLeft: Math.floor(budgetLeft),
  };
}
