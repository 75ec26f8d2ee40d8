// What decides over one request's attempts, with injected time and chance: conditions, pauses, and the budget that all
// requests of a pool share.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retryAfterMs } from '../../core/http/retry-after.ts';
import { backoff } from '../../core/load-balancing/backoff.ts';
import { plannedAttempts } from '../../core/load-balancing/planned-attempts.ts';
import { whyNotRepeatable } from '../../core/load-balancing/repeatable.ts';
import { RetryBudget } from '../../core/load-balancing/retry-budget.ts';
import {
  type AttemptResult,
  decideRetry,
  isPlainAnswer,
  type RetryPolicy,
  type RetryQuestion,
} from '../../core/load-balancing/retry-decision.ts';
import { RollingPair } from '../../core/load-balancing/rolling-pair.ts';
import { seededRandom } from '../../core/random.ts';

const POLICY: RetryPolicy = {
  attemptsMax: 3,
  on: ['connect-failure'],
  statuses: [],
  backoffMs: 0,
  backoffMaxMs: 0,
  retryAfterMaxMs: 10_000,
};

function decide(
  result: AttemptResult,
  policy: Partial<RetryPolicy> = {},
  question: Partial<RetryQuestion> = {},
) {
  return decideRetry(
    {
      policy: { ...POLICY, ...policy },
      sent: 1,
      notRepeatable: null,
      nowMs: 1_000,
      deadlineAt: 61_000,
      random: seededRandom(1),
      takeFromBudget: () => true,
      ...question,
    },
    result,
  );
}

const answered = (status: number, retryAfter: number | null = null): AttemptResult => ({
  type: 'answered',
  status,
  retryAfterMs: retryAfter,
});
const failed = (code: 'origin-unreachable' | 'origin-protocol' | 'origin-timeout'): AttemptResult => ({
  type: 'failed',
  code,
});
const retry = (because: string, waitMs = 0) => ({ type: 'retry', because, waitMs });
const last = (because: string) => ({ type: 'last', because });

describe('after an attempt', () => {
  it('only the conditions that are configured lead to another', () => {
    const ends: [AttemptResult, string][] = [
      [failed('origin-unreachable'), 'connect-failure'],
      [failed('origin-protocol'), 'connect-failure'],
      [answered(521), 'connect-failure'],
      [answered(530), 'connect-failure'],
      [failed('origin-timeout'), 'timeout'],
      [answered(502), 'gateway-error'],
      [answered(503), 'gateway-error'],
      [answered(504), 'gateway-error'],
    ];
    const all = ['connect-failure', 'gateway-error', 'timeout'] as const;
    for (const [end, condition] of ends) {
      for (const on of all) {
        const none = last('not-configured');
        expect(decide(end, { on: [on] })).toEqual(on === condition ? retry(condition) : none);
      }
    }
    for (const status of [200, 304, 404, 429, 500, 501]) {
      expect(decide(answered(status), { on: all })).toEqual(last('good'));
    }
  });

  it('a listed status leads to another, whatever the conditions', () => {
    expect(decide(answered(429), { statuses: [429] })).toEqual(retry('status'));
    expect(decide(answered(500), { statuses: [500], on: [] })).toEqual(retry('status'));
    expect(decide(answered(503), { statuses: [503], on: ['gateway-error'] })).toEqual(retry('gateway-error'));
  });

  it('each thing that forbids another has its name', () => {
    const end = failed('origin-unreachable');
    expect(decide(end, {}, { sent: 2 })).toEqual(retry('connect-failure'));
    expect(decide(end, {}, { sent: 3 })).toEqual(last('attempts-max'));
    expect(decide(end, { attemptsMax: 1 })).toEqual(last('attempts-max'));
    expect(decide(end, {}, { notRepeatable: 'not-idempotent' })).toEqual(last('not-idempotent'));
    expect(decide(end, {}, { deadlineAt: 1_000 })).toEqual(last('deadline'));
    expect(decide(end, {}, { takeFromBudget: () => false })).toEqual(last('budget'));
  });

  it('the budget is not asked for what would not happen anyway', () => {
    let asked = 0;
    const takeFromBudget = () => ++asked > 0;
    decide(answered(200), {}, { takeFromBudget });
    decide(failed('origin-unreachable'), {}, { takeFromBudget, sent: 3 });
    decide(failed('origin-unreachable'), {}, { takeFromBudget, notRepeatable: 'not-idempotent' });
    decide(failed('origin-unreachable'), {}, { takeFromBudget, deadlineAt: 0 });
    decide(answered(503, 99_000), { on: ['gateway-error'] }, { takeFromBudget });
    expect(asked).toBe(0);
  });

  it('Retry-After is waited for up to its limit and to the deadline, and beyond it nothing is sent', () => {
    const on = ['gateway-error'] as const;
    expect(decide(answered(503, 2_000), { on })).toEqual(retry('gateway-error', 2_000));
    expect(decide(answered(503, 10_000), { on })).toEqual(retry('gateway-error', 10_000));
    expect(decide(answered(503, 10_001), { on })).toEqual(last('retry-after-too-long'));
    expect(decide(answered(503, 2_000), { on }, { deadlineAt: 3_000 })).toEqual(last('deadline'));
    expect(decide(answered(503, 2_000), { on }, { deadlineAt: 3_001 })).toEqual(
      retry('gateway-error', 2_000),
    );
  });

  it('an answer that is plain is never tried again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 599 }),
        fc.array(fc.integer({ min: 400, max: 599 })),
        fc.subarray(['connect-failure', 'gateway-error', 'timeout'] as const),
        (status, statuses, on) => {
          const policy = { ...POLICY, statuses, on };
          const next = decide(answered(status), policy);
          return !isPlainAnswer(policy, status) || next.type === 'last';
        },
      ),
    );
  });
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 0, 1);
  it.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Thu, 01 Jan 2026 00:00:07 GMT', 7_000],
    ['Thu, 01 Jan 2015 00:00:07 GMT', 0],
    ['-1', null],
    ['1.5', null],
    ['soon', null],
    ['', null],
  ])('%j is %j ms', (text, ms) => {
    expect(retryAfterMs(text, now)).toBe(ms);
  });
});

describe('the pause', () => {
  it('is uniform from 0 to a bound that doubles up to its limit', () => {
    const random = seededRandom(7);
    for (const [n, mostMs] of [
      [1, 25],
      [2, 50],
      [3, 100],
      [4, 200],
      [5, 250],
      [9, 250],
    ] as const) {
      const pauses = Array.from({ length: 20_000 }, () =>
        backoff(n, { backoffMs: 25, backoffMaxMs: 250 }, random),
      );
      expect(Math.min(...pauses)).toBe(0);
      expect(Math.max(...pauses)).toBe(mostMs);
      // σ of a mean of 20,000 uniform values is mostMs / √12 / √20,000 < 0.21 % of mostMs; five of them.
      const mean = pauses.reduce((sum, ms) => sum + ms, 0) / pauses.length;
      expect(Math.abs(mean - mostMs / 2)).toBeLessThan(0.011 * mostMs);
    }
    expect(backoff(1, { backoffMs: 0, backoffMaxMs: 0 }, random)).toBe(0);
  });
});

describe('what may be repeated', () => {
  const why = (method: string, more: Partial<Parameters<typeof whyNotRepeatable>[0]> = {}) =>
    whyNotRepeatable({ method, fields: [], hasBody: false, bodyBytes: null, bodyBytesMax: 100, ...more });

  it('are the idempotent methods, and what carries an Idempotency-Key', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) expect(why(method)).toBeNull();
    for (const method of ['POST', 'PATCH', 'CONNECT', 'get', 'PROPFIND'])
      expect(why(method)).toBe('not-idempotent');
    expect(why('POST', { fields: [['idempotency-key', '"a"']] })).toBeNull();
    expect(why('POST', { fields: [['idempotency-key', '']] })).toBe('not-idempotent');
  });

  it('are bodies of a length that is told and not too great', () => {
    expect(why('PUT', { hasBody: true, bodyBytes: 100 })).toBeNull();
    expect(why('PUT', { hasBody: true, bodyBytes: 101 })).toBe('body-too-large');
    expect(why('PUT', { hasBody: true })).toBe('body-of-unknown-length');
    expect(why('GET', { hasBody: true, bodyBytes: 1 })).toBe('body-of-a-get');
  });

  it('are planned with what would have them tried again', () => {
    const policy: RetryPolicy = { ...POLICY, statuses: [429], backoffMs: 100, backoffMaxMs: 150 };
    expect(plannedAttempts(policy, null, 40, 3.7)).toEqual({
      attemptsMax: 3,
      notRepeatable: null,
      on: ['connect-failure', 429],
      pausesMaxMs: [100, 150],
      hedgeAfterMs: 40,
      budgetLeft: 3,
    });
    expect(plannedAttempts(policy, 'not-idempotent', 40, 0)).toEqual({
      attemptsMax: 1,
      notRepeatable: 'not-idempotent',
      on: [],
      pausesMaxMs: [],
      hedgeAfterMs: null,
      budgetLeft: 0,
    });
  });
});

describe('counts over a while', () => {
  it('bracket what was truly there, at any time and for any clock that does not go back', () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 3 }), fc.nat({ max: 2 })), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, fc.constantFrom(100, 1_000, 10_000), (list, windowMs) => {
        const pair = new RollingPair(windowMs);
        const seen: { at: number; all: number; some: number }[] = [];
        let at = 1_790_000_000_000;
        for (const [passMs, all, some] of list) {
          at += passMs;
          pair.add(all, some, at);
          seen.push({ at, all, some });
          const within = (fromAt: number, what: 'all' | 'some') =>
            seen.filter((one) => one.at > fromAt).reduce((sum, one) => sum + one[what], 0);
          expect(pair.allAtLeast(at)).toBeLessThanOrEqual(within(at - windowMs, 'all'));
          expect(pair.allAtLeast(at)).toBeGreaterThanOrEqual(within(at - 0.9 * windowMs, 'all'));
          expect(pair.atMost(at).some).toBeGreaterThanOrEqual(within(at - windowMs, 'some'));
          expect(pair.atMost(at).some).toBeLessThanOrEqual(within(at - 1.1 * windowMs - 1, 'some'));
        }
      }),
    );
  });

  it('go on with a clock that goes back', () => {
    const pair = new RollingPair(1_000);
    pair.add(1, 1, 5_000);
    pair.add(1, 1, 1_000);
    expect(pair.atMost(1_000)).toEqual({ all: 2, some: 2 });
    expect(pair.atMost(9_000)).toEqual({ all: 0, some: 0 });
  });
});

describe('the retry budget', () => {
  const DEFAULTS = { ratio: 0.2, min: 3, windowMs: 10_000 };

  it('allows a few however little there is to go by, and then a share of the requests', () => {
    const budget = new RetryBudget(DEFAULTS);
    const takes = (count: number, at: number) =>
      Array.from({ length: count }, () => budget.take(at)).filter(Boolean).length;
    budget.request(0);
    expect(takes(10, 0)).toBe(3);
    for (let i = 0; i < 99; i++) budget.request(500);
    expect(takes(100, 500)).toBe(17);
    expect(takes(1, 9_000)).toBe(0);
    // What was taken is forgotten a slot later than what it was taken for.
    expect(takes(10, 12_000)).toBe(3);
  });

  it('does not go by requests that have just left the window', () => {
    const budget = new RetryBudget({ ratio: 0.2, min: 0, windowMs: 1_000 });
    for (let i = 0; i < 20; i++) budget.request(5_000);
    expect(Math.floor(budget.left(5_900))).toBe(4);
    expect(budget.left(6_001)).toBe(0);
  });

  it('holds for the window that ends with each retry, under any traffic, also across versions', () => {
    const step = fc.record({
      passMs: fc.nat({ max: 300 }),
      requests: fc.nat({ max: 20 }),
      failing: fc.nat(),
    });
    const rules = fc.record({
      ratio: fc.constantFrom(0, 0.1, 0.2, 1),
      min: fc.constantFrom(0, 1, 3, 10),
      windowMs: fc.constantFrom(1_000, 10_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), rules, (steps, parameters) => {
        const budget = new RetryBudget(parameters);
        const requests: number[] = [];
        const extras: number[] = [];
        let at = 1_790_000_000_000;
        for (const { passMs, requests: count, failing } of steps) {
          at += passMs;
          for (let i = 0; i < count; i++) {
            budget.request(at);
            requests.push(at);
            if ((i * 7 + failing) % 3 !== 0 || !budget.take(at)) continue;
            extras.push(at);
            const within = (list: readonly number[]) =>
              list.filter((one) => one > at - parameters.windowMs).length;
            const allowed = Math.max(parameters.ratio * within(requests), parameters.min);
            expect(within(extras)).toBeLessThanOrEqual(allowed);
          }
          budget.redefine({ ...parameters });
        }
      }),
    );
  });

  it('keeps an outage of everything from growing: attempts stay under 1.25 a request', () => {
    const budget = new RetryBudget(DEFAULTS);
    const requests = 200 * 30;
    let attempts = 0;
    for (let i = 0; i < requests; i++) {
      const at = 1_790_000_000_000 + i * 5;
      budget.request(at);
      attempts++;
      for (let sent = 1; sent < 4 && budget.take(at); sent++) attempts++;
    }
    expect(attempts / requests).toBeLessThanOrEqual(1.25);
    expect(attempts / requests).toBeGreaterThan(1.15);
  });
});
