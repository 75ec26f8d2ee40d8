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

export interface Cadence {
  readonly intervalMs: number;
  /** While a verdict is pending; by default a second, or the interval where that is shorter. */
  readonly fastIntervalMs?: number | undefined;
  /** 0–0.5. */
  readonly jitterRatio: number;
}

const FAST_INTERVAL_MS_DEFAULT = 1_000;

/**
 * Time until the next probe, ms: the interval, the fast one while a verdict is pending or `isUrgent`, less up to
 * `jitterRatio` of it by chance, so that the probes of many pools do not stay in step. Never longer than the
 * interval: the time to detect that a user computes from it is kept.
 */
export function probeDelayMs(
  health: BackendHealth,
  cadence: Cadence,
  random: Random,
  isUrgent = false,
): number {
  const fastMs = cadence.fastIntervalMs ?? Math.min(cadence.intervalMs, FAST_INTERVAL_MS_DEFAULT);
  const wholeMs = isUrgent || isVerdictPending(health) ? fastMs : cadence.intervalMs;
  return Math.round(wholeMs * (1 - cadence.jitterRatio * random.next()));
}

function inARow(count: number): string {
  return count === 1 ? 'a probe' : `${count} probes in a row`;
}
