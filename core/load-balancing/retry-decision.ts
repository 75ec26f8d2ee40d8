// After each attempt: is it the answer, or is the request tried again, and when? All conditions in one place, each with
// its name.
import type { Random } from '../random.ts';
import type { LastReason, NextStep, RetryReason } from './attempt-journal.ts';
import { outcomeOfStatus } from './attempt-outcome.ts';
import { type BackoffParameters, backoff } from './backoff.ts';
import type { NotRepeatable } from './repeatable.ts';

export interface RetryPolicy extends BackoffParameters {
  /** Requests to origins for one of a client. */
  readonly attemptsMax: number;
  readonly on: readonly Exclude<RetryReason, 'status'>[];
  readonly statuses: readonly number[];
  readonly retryAfterMaxMs: number;
}

/** How the last attempt ended. */
export type AttemptResult =
  | { readonly type: 'answered'; readonly status: number; readonly retryAfterMs: number | null }
  | {
      readonly type: 'failed';
      readonly code: 'origin-unreachable' | 'origin-protocol' | 'origin-timeout';
    };

export interface RetryQuestion {
  readonly policy: RetryPolicy;
  /** How many have been sent. */
  readonly sent: number;
  readonly notRepeatable: NotRepeatable | null;
  readonly nowMs: number;
  /** Epoch ms: the end of the request's time. */
  readonly deadlineAt: number;
  readonly random: Random;
  /** Whether the pool's budget has one more; true counts as used. Asked last. */
  readonly takeFromBudget: () => boolean;
}

/** Whether an answer can be the last one whatever the policy says of failures: most are. O(1). */
export function isPlainAnswer({ statuses }: RetryPolicy, status: number): boolean {
  return status < 500 && (statuses.length === 0 || !statuses.includes(status));
}

export function decideRetry(question: RetryQuestion, result: AttemptResult): NextStep {
  const { policy, sent, notRepeatable, nowMs, deadlineAt, random, takeFromBudget } = question;
  const because = retryReason(policy, result);
  if (because === null) return last(conditionOf(result) === null ? 'good' : 'not-configured');
  if (sent >= policy.attemptsMax) return last('attempts-max');
  if (notRepeatable !== null) return last(notRepeatable);
  const retryAfterMs = result.type === 'answered' ? (result.retryAfterMs ?? 0) : 0;
  if (retryAfterMs > policy.retryAfterMaxMs) return last('retry-after-too-long');
  const waitMs = Math.max(backoff(sent, policy, random), retryAfterMs);
  if (nowMs + waitMs >= deadlineAt) return last('deadline');
  if (!takeFromBudget()) return last('budget');
  return { type: 'retry', because, waitMs };
}

function last(because: LastReason): NextStep {
  return { type: 'last', because };
}

/** null where nothing asks for another attempt. */
function retryReason({ on, statuses }: RetryPolicy, result: AttemptResult): RetryReason | null {
  const met = conditionOf(result);
  if (met !== null && on.includes(met)) return met;
  return result.type === 'answered' && statuses.includes(result.status) ? 'status' : null;
}

function conditionOf(result: AttemptResult): Exclude<RetryReason, 'status'> | null {
  if (result.type === 'failed') return result.code === 'origin-timeout' ? 'timeout' : 'connect-failure';
  const outcome = outcomeOfStatus(result.status);
  // 52x and 530 are the platform's words for a connection that failed.
  if (outcome === 'local-error') return 'connect-failure';
  return outcome === 'gateway-error' ? 'gateway-error' : null;
}
