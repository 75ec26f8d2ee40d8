// What no single field about attempts can get wrong: times that do not fit into one another. Reads the raw document, as
// cross-field.ts does; a value that is not given fits itself to those that are.
import { BACKOFF_DEFAULT, type TIMEOUTS_DEFAULT } from './attempts-schema.ts';
import { member } from './json.ts';
import type { Path, Refuse } from './refuse.ts';
import type { Config } from './schema.ts';

type Pool = Config['pools'][string];

/** `path` leads to the pool. O(1). */
export function refuseImpossibleAttempts(pool: unknown, path: Path, refuse: Refuse): void {
  const timeouts = member(pool, 'timeouts');
  for (const name of ['attemptMs', 'firstByteMs']) {
    refuseLonger(timeouts, [...path, 'timeouts'], name, 'totalMs', refuse);
  }
  refuseLonger(member(pool, 'retry'), [...path, 'retry'], 'backoffMs', 'backoffMaxMs', refuse);
  const hedge = member(pool, 'hedge');
  if (member(hedge, 'enabled') === true && member(member(pool, 'retry'), 'attemptsMax') === 1) {
    refuse(
      [...path, 'hedge', 'enabled'],
      'must be false where retry.attemptsMax is 1: a hedge is a second attempt',
    );
  }
}

/** Of two that are given, the one must not be longer than the other. */
function refuseLonger(holder: unknown, path: Path, name: string, limit: string, refuse: Refuse): void {
  const [value, most] = [member(holder, name), member(holder, limit)];
  if (typeof value === 'number' && typeof most === 'number' && value > most) {
    refuse([...path, name], `must be at most ${limit}, ${most} ms`);
  }
}

/** `given`: the pool as its author wrote it. */
export function withFittingAttempts(pool: Pool, given: unknown): Pool {
  return {
    ...pool,
    timeouts: fittingTimeouts(pool.timeouts, member(given, 'timeouts')),
    retry: fittingBackoff(pool.retry, member(given, 'retry')),
  };
}

function fittingTimeouts(timeouts: Pool['timeouts'], given: unknown): Pool['timeouts'] {
  const isGiven = (name: keyof typeof TIMEOUTS_DEFAULT) => member(given, name) !== undefined;
  const totalMs = isGiven('totalMs')
    ? timeouts.totalMs
    : Math.max(timeouts.totalMs, timeouts.attemptMs, timeouts.firstByteMs);
  const fitting = (name: 'attemptMs' | 'firstByteMs' | 'idleMs') =>
    isGiven(name) ? timeouts[name] : Math.min(timeouts[name], totalMs);
  return {
    totalMs,
    attemptMs: fitting('attemptMs'),
    firstByteMs: fitting('firstByteMs'),
    idleMs: fitting('idleMs'),
  };
}

function fittingBackoff(retry: Pool['retry'], given: unknown): Pool['retry'] {
  const { backoffMs, backoffMaxMs } = retry;
  if (backoffMs <= backoffMaxMs) return retry;
  return member(given, 'backoffMaxMs') === undefined
    ? { ...retry, backoffMaxMs: Math.max(backoffMs, BACKOFF_DEFAULT.backoffMaxMs) }
    : { ...retry, backoffMs: backoffMaxMs };
}
