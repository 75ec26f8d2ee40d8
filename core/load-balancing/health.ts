// From probe results to verdicts: a backend falls after `fall` failures in a row and rises after `rise` successes in
// a row, so that neither one lost packet nor one lucky answer changes where traffic goes.
import type { Random } from '../random.ts';

/** `unknown` until the first verdict; meanwhile the pool's `health.initial` holds. */
export type HealthState = 'healthy' | 'unhealthy' | 'unknown';

export interface BackendHealth {
  readonly state: HealthState;
  /** When `state` began, epoch ms. */
  readonly since: number;
  /** In a row, counted no further than the threshold, so that a steady state does not change. One of both is 0. */
  readonly successes: number;
  readonly failures: number;
}

export interface HealthThresholds {
  /** Successes in a row until healthy, ≥ 1. */
  readonly rise: number;
  /** Failures in a row until unhealthy, ≥ 1. */
  readonly fall: number;
}

export interface ProbeOutcome {
  readonly ok: boolean;
  /** What was wrong, in words; null when ok. */
  readonly error: string | null;
}

export interface Verdict {
  readonly state: 'healthy' | 'unhealthy';
  readonly reason: string;
}

export interface HealthStep {
  readonly health: BackendHealth;
  /** Only when the state changed. */
  readonly verdict?: Verdict;
}

/** A backend of which nothing is known yet. */
export function newBackendHealth(nowMs: number): BackendHealth {
  return { state: 'unknown', since: nowMs, successes: 0, failures: 0 };
}

/** One probe's result. O(1); returns the same object when nothing changed. */
export function stepHealth(
  health: BackendHealth,
  probe: ProbeOutcome,
  thresholds: HealthThresholds,
  nowMs: number,
): HealthStep {
  const successes = probe.ok ? Math.min(health.successes + 1, thresholds.rise) : 0;
  const failures = probe.ok ? 0 : Math.min(health.failures + 1, thresholds.fall);
  if (probe.ok && successes === thresholds.rise && health.state !== 'healthy') {
    return {
      health: { state: 'healthy', since: nowMs, successes, failures },
      verdict: { state: 'healthy', reason: `${inARow(successes)} succeeded` },
    };
  }
  if (!probe.ok && failures === thresholds.fall && health.state !== 'unhealthy') {
    return {
      health: { state: 'unhealthy', since: nowMs, successes, failures },
      verdict: {
        state: 'unhealthy',
        reason: `${inARow(failures)} failed, the last: ${probe.error ?? 'no reason given'}`,
      },
    };
  }
  const unchanged = successes === health.successes && failures === health.failures;
  return { health: unchanged ? health : { ...health, successes, failures } };
}

/** Whether the next probes may change the state: nothing is known yet, or the last probe spoke against it. */
export function isVerdictPending(health: BackendHealth): boolean {
  switch (health.state) {
    case 'unknown':
      return true;
    case 'healthy':
      return health.failures > 0;
    case 'unhealthy':
      return health.successes > 0;
    default:
      health.state satisfies never;
      throw new Error(`Cannot tell whether a verdict is pending: state is ${String(health.state)}`);
  }
}

const PENDING_INTERVAL_MS_MAX = 1_000;
const JITTER_RATIO = 0.1;

/**
 * Time until the next probe, ms: the interval, at most a second while a verdict is pending, less up to a tenth by
 * chance, so that the probes of many pools do not stay in step. Never longer than the interval: the time to detect
 * that a user computes from it is kept.
 */
export function probeDelayMs(health: BackendHealth, intervalMs: number, random: Random): number {
  const wholeMs = isVerdictPending(health) ? Math.min(intervalMs, PENDING_INTERVAL_MS_MAX) : intervalMs;
  return Math.round(wholeMs * (1 - JITTER_RATIO * random.next()));
}

function inARow(count: number): string {
  return count === 1 ? 'a probe' : `${count} probes in a row`;
}
