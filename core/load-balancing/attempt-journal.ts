// What became of one request's attempts, as plain data: each one with its end, and why another followed it or none did.
// The same words stand in `explain`.
import type { NotRepeatable } from './repeatable.ts';

/** Which condition of `retry` the end of an attempt meets. */
export type RetryReason = 'connect-failure' | 'gateway-error' | 'timeout' | 'status';

/**
 * Why nothing follows. `good`: nothing about the answer asks for another; `not-configured`: the failure is none of the
 * conditions; `deadline`: the request's time would be over; `no-backend`: nobody may be tried; `other-quicker`,
 * `other-better`: another attempt, beside it, is the answer.
 */
export type LastReason =
  | 'good'
  | 'not-configured'
  | 'attempts-max'
  | NotRepeatable
  | 'retry-after-too-long'
  | 'deadline'
  | 'budget'
  | 'no-backend'
  | 'other-quicker'
  | 'other-better';

/** What follows an attempt. */
export type NextStep =
  | { readonly type: 'retry'; readonly because: RetryReason; readonly waitMs: number }
  | { readonly type: 'last'; readonly because: LastReason };

export interface AttemptRecord {
  readonly backend: string;
  readonly kind: 'first' | 'retry' | 'hedge';
  /** Epoch ms: when it was sent, and when the head of its answer was there or it had failed. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** `given-up`: while it waited, another answered. */
  readonly outcome: 'answered' | 'origin-unreachable' | 'origin-protocol' | 'origin-timeout' | 'given-up';
  /** Of the answer; null where there is none. */
  readonly status: number | null;
  readonly next: NextStep;
}
