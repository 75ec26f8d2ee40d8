// The configuration of one request's attempts: defaults, values that fit one another, and what is refused by name.
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../core/config/parse-config.ts';

const document = (pool: object) => ({ pools: { web: pool } });

function poolOf(pool: object) {
  const parsed = parseConfig(document(pool));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.config.pools.web;
}

function errorsOf(pool: object) {
  const parsed = parseConfig(document(pool));
  return parsed.ok ? {} : Object.fromEntries(parsed.errors.map(({ path, message }) => [path, message]));
}

describe('the configuration of attempts', () => {
  it('has the defaults of the reference table', () => {
    expect(poolOf({})).toMatchObject({
      timeouts: { totalMs: 60_000, attemptMs: 30_000, firstByteMs: 30_000, idleMs: 60_000 },
      retry: {
        attemptsMax: 2,
        on: ['connect-failure'],
        statuses: [],
        bodyBytesMax: 65_536,
        backoffMs: 25,
        backoffMaxMs: 250,
        retryAfterMaxMs: 10_000,
      },
      retryBudget: { ratio: 0.2, min: 3, windowMs: 10_000 },
      hedge: { enabled: false, afterMs: 0, max: 1 },
      queue: { max: 0, timeoutMs: 1_000 },
      circuitBreaker: {
        enabled: false,
        failureRatio: 0.5,
        minRequests: 20,
        windowMs: 10_000,
        openMs: 5_000,
        halfOpenMax: 3,
      },
    });
  });

  it.each([
    [{ totalMs: 800 }, { totalMs: 800, attemptMs: 800, firstByteMs: 800, idleMs: 800 }],
    [
      { totalMs: 800, attemptMs: 300 },
      { totalMs: 800, attemptMs: 300, firstByteMs: 800, idleMs: 800 },
    ],
    [{ attemptMs: 90_000 }, { totalMs: 90_000, attemptMs: 90_000, firstByteMs: 30_000, idleMs: 60_000 }],
    [
      { totalMs: 800, idleMs: 60_000 },
      { totalMs: 800, attemptMs: 800, firstByteMs: 800, idleMs: 60_000 },
    ],
    [{ firstByteMs: 200 }, { totalMs: 60_000, attemptMs: 30_000, firstByteMs: 200, idleMs: 60_000 }],
  ])('lets times that are not given fit to %j', (timeouts, fitting) => {
    expect(poolOf({ timeouts })?.timeouts).toEqual(fitting);
  });

  it('lets the pauses fit to each other', () => {
    expect(poolOf({ retry: { backoffMs: 400 } })?.retry).toMatchObject({ backoffMs: 400, backoffMaxMs: 400 });
    expect(poolOf({ retry: { backoffMaxMs: 10 } })?.retry).toMatchObject({ backoffMs: 10, backoffMaxMs: 10 });
  });

  it('names times that contradict each other', () => {
    expect(errorsOf({ timeouts: { totalMs: 500, attemptMs: 501, firstByteMs: 502 } })).toEqual({
      'pools.web.timeouts.attemptMs': 'must be at most totalMs, 500 ms',
      'pools.web.timeouts.firstByteMs': 'must be at most totalMs, 500 ms',
    });
    expect(errorsOf({ hedge: { enabled: true }, retry: { attemptsMax: 1 } })).toEqual({
      'pools.web.hedge.enabled': 'must be false where retry.attemptsMax is 1: a hedge is a second attempt',
    });
    expect(errorsOf({ hedge: { enabled: false }, retry: { attemptsMax: 1 } })).toEqual({});
    expect(errorsOf({ retry: { backoffMs: 20, backoffMaxMs: 10 } })).toEqual({
      'pools.web.retry.backoffMs': 'must be at most backoffMaxMs, 10 ms',
    });
  });

  it.each<[string, object]>([
    ['timeouts.firstByteMs', { timeouts: { firstByteMs: 0 } }],
    ['timeouts.idleMs', { timeouts: { idleMs: 3_600_001 } }],
    ['retry.attemptsMax', { retry: { attemptsMax: 11 } }],
    ['retry.on[1]', { retry: { on: ['timeout', 'always'] } }],
    ['retry.on', { retry: { on: 'timeout' } }],
    ['retry.statuses[0]', { retry: { statuses: [200] } }],
    ['retry.bodyBytesMax', { retry: { bodyBytesMax: 1_048_577 } }],
    ['retry.backoffMs', { retry: { backoffMs: -1 } }],
    ['retry.retryAfterMaxMs', { retry: { retryAfterMaxMs: -1 } }],
    ['retryBudget.ratio', { retryBudget: { ratio: 1.1 } }],
    ['retryBudget.min', { retryBudget: { min: -1 } }],
    ['retryBudget.windowMs', { retryBudget: { windowMs: 99 } }],
    ['hedge.max', { hedge: { max: 5 } }],
    ['hedge.afterMs', { hedge: { afterMs: -1 } }],
    ['queue.max', { queue: { max: 1_001 } }],
    ['queue.timeoutMs', { queue: { timeoutMs: 0 } }],
    ['circuitBreaker.failureRatio', { circuitBreaker: { failureRatio: 0 } }],
    ['circuitBreaker.halfOpenMax', { circuitBreaker: { halfOpenMax: 0 } }],
    ['circuitBreaker.openMs', { circuitBreaker: { openMs: 0 } }],
    ['retryBudget.share', { retryBudget: { share: 1 } }],
  ])('is refused for a bad %s', (path, pool) => {
    expect(Object.keys(errorsOf(pool))).toEqual([`pools.web.${path}`]);
  });

  it('says which words there are', () => {
    expect(errorsOf({ retry: { on: ['5xx'] } })).toEqual({
      'pools.web.retry.on[0]': 'must be one of "connect-failure", "gateway-error", "timeout"',
    });
  });
});
