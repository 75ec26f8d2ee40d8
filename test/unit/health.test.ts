// Rise and fall as discrete events, the cadence of probes, and what a monitor keeps when its pool is redefined.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../core/config/parse-config.ts';
import type { Pool } from '../../core/config/schema.ts';
import type { BackendHealth } from '../../core/load-balancing/health.ts';
import {
  isVerdictPending,
  newBackendHealth,
  probeDelayMs,
  stepHealth,
} from '../../core/load-balancing/health.ts';
import { seededRandom } from '../../core/random.ts';
import type { MonitorState } from '../../durable-objects/health-monitor/probed-backends.ts';
import {
  dueBackends,
  EMPTY_STATE,
  earliestProbeAt,
  markReported,
  probeStates,
  redefine,
  SPARED_MAX,
  takeProbe,
  unreportedVerdicts,
} from '../../durable-objects/health-monitor/probed-backends.ts';

const thresholds = { rise: 2, fall: 3 };
const good = { ok: true, error: null };
const bad = { ok: false, error: 'status 503 instead of 2xx' };

/** Plays one probe a second, "+" good and "-" bad; shows each verdict as the second and the new state. */
function play(probes: string, start: BackendHealth = newBackendHealth(0), rules = thresholds) {
  let health = start;
  const verdicts: string[] = [];
  [...probes].forEach((probe, second) => {
    const step = stepHealth(health, probe === '+' ? good : bad, rules, second * 1_000);
    health = step.health;
    if (step.verdict !== undefined) {
      verdicts.push(`${second}:${step.verdict.state}`);
      expect(step.health).toMatchObject({ state: step.verdict.state, since: second * 1_000 });
    }
  });
  return { verdicts, health };
}

describe("a backend's health", () => {
  it.each([
    ['++', ['1:healthy']],
    ['+', []],
    ['---', ['2:unhealthy']],
    ['+-+-+-', []],
    ['++--+---', ['1:healthy', '7:unhealthy']],
    ['---+-++', ['2:unhealthy', '6:healthy']],
    ['++++++++', ['1:healthy']],
    ['------++---', ['2:unhealthy', '7:healthy', '10:unhealthy']],
  ])('after the probes %s makes the verdicts %j', (probes, verdicts) => {
    expect(play(probes).verdicts).toEqual(verdicts);
  });

  it('turns at once with thresholds of one', () => {
    expect(play('-+-', newBackendHealth(0), { rise: 1, fall: 1 }).verdicts).toEqual([
      '0:unhealthy',
      '1:healthy',
      '2:unhealthy',
    ]);
  });

  it('says why', () => {
    const { health } = play('--');
    expect(stepHealth(health, bad, thresholds, 9).verdict?.reason).toBe(
      '3 probes in a row failed, the last: status 503 instead of 2xx',
    );
    expect(stepHealth(play('+').health, good, thresholds, 9).verdict?.reason).toBe(
      '2 probes in a row succeeded',
    );
  });

  it('does not change while probes agree with it, so that nothing has to be written', () => {
    const { health } = play('++');
    expect(stepHealth(health, good, thresholds, 99).health).toBe(health);
  });

  it('follows a changed threshold', () => {
    const { health } = play('+-');
    expect(stepHealth(health, bad, { rise: 2, fall: 2 }, 9).verdict?.state).toBe('unhealthy');
    expect(stepHealth({ ...health, failures: 5 }, bad, { rise: 2, fall: 2 }, 9).verdict?.state).toBe(
      'unhealthy',
    );
  });

  it('never changes before enough probes in a row agree, and always then', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        (probes, rise, fall) => {
          let health = newBackendHealth(0);
          probes.forEach((ok, index) => {
            const step = stepHealth(health, ok ? good : bad, { rise, fall }, index);
            const needed = ok ? rise : fall;
            const run = probes.slice(0, index + 1).reverse();
            const inARow = run.findIndex((other) => other !== ok);
            const length = inARow < 0 ? run.length : inARow;
            const target = ok ? 'healthy' : 'unhealthy';
            expect(step.health.state === target).toBe(length >= needed || health.state === target);
            expect(step.verdict !== undefined).toBe(step.health.state !== health.state);
            health = step.health;
          });
        },
      ),
      { seed: 17, numRuns: 300 },
    );
  });
});

describe('the cadence of probes', () => {
  it('is the interval less up to a tenth, so a pool is never probed later than its author said', () => {
    const random = seededRandom(1);
    const { health } = play('++');
    const delays = Array.from({ length: 1_000 }, () =>
      probeDelayMs(health, { intervalMs: 10_000, jitterRatio: 0.1 }, random),
    );
    expect(Math.max(...delays)).toBeLessThanOrEqual(10_000);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(9_000);
    // 1,000 draws from 1,001 values: all equal only if chance has no part.
    expect(new Set(delays).size).toBeGreaterThan(100);
  });

  it('is at most a second while a verdict is pending, and the interval where that is shorter', () => {
    const random = seededRandom(1);
    for (const pending of [play('').health, play('+').health, play('++-').health, play('---+').health]) {
      expect(isVerdictPending(pending)).toBe(true);
      expect(probeDelayMs(pending, { intervalMs: 10_000, jitterRatio: 0.1 }, random)).toBeLessThanOrEqual(
        1_000,
      );
      expect(probeDelayMs(pending, { intervalMs: 200, jitterRatio: 0.1 }, random)).toBeLessThanOrEqual(200);
    }
    const cadence = { intervalMs: 10_000, fastIntervalMs: 3_000, jitterRatio: 0 };
    expect(probeDelayMs(play('+').health, cadence, random)).toBe(3_000);
    expect(probeDelayMs(play('++').health, cadence, random)).toBe(10_000);
    expect(probeDelayMs(play('++').health, cadence, random, true)).toBe(3_000);
    expect(isVerdictPending(play('++').health)).toBe(false);
    expect(isVerdictPending(play('---').health)).toBe(false);
  });
});

function pool(backends: { id: string; url?: string; state?: string }[], health: object | null = {}): Pool {
  const parsed = parseConfig({
    pools: {
      web: {
        backends: backends.map((backend) => ({ url: `http://${backend.id}.example`, ...backend })),
        ...(health === null ? {} : { health: { path: '/up', ...health } }),
      },
    },
  });
  const web = parsed.ok ? parsed.config.pools.web : undefined;
  if (web === undefined) throw new Error(JSON.stringify(parsed));
  return web;
}

const random = seededRandom(1);
const check = { ...thresholds, intervalMs: 10_000 };

function probeTimes(state: MonitorState, id: string, times: number, ok: boolean, at = 0): MonitorState {
  const health = pool([], check).health;
  if (health === undefined) throw new Error('The pool has a health check');
  let after = state;
  for (let i = 0; i < times; i++) {
    const url = after.backends[id]?.url ?? '';
    const result = { ok, status: ok ? 200 : 503, error: ok ? null : 'status 503', tookMs: 1 };
    after = takeProbe(after, { id, url, startedAt: at + i }, result, health, at + i, random);
  }
  return after;
}

describe("a monitor's memory", () => {
  it('makes every backend due at once when it is told of the pool', () => {
    const state = redefine(EMPTY_STATE, pool([{ id: 'a' }, { id: 'b' }]), 500);
    expect(dueBackends(state, 500)).toEqual(['a', 'b']);
    expect(dueBackends(state, 499)).toEqual([]);
    expect(earliestProbeAt(state)).toBe(500);
    // No proof stands in for what is asked for the first time, and each probe begins the count anew.
    expect(state.backends.a?.spared).toBe(SPARED_MAX);
    expect(probeTimes(state, 'a', 1, true).backends.a?.spared).toBe(0);
  });

  it('numbers verdicts upwards and reports each until it is confirmed', () => {
    let state = redefine(EMPTY_STATE, pool([{ id: 'a' }, { id: 'b' }]), 0);
    state = probeTimes(state, 'a', 3, false);
    state = probeTimes(state, 'b', 2, true);
    const told = unreportedVerdicts(state);
    expect(told).toMatchObject({ a: { state: 'unhealthy', epoch: 1 }, b: { state: 'healthy', epoch: 2 } });
    // "a" rises while the report is on its way: that verdict is still to be told.
    state = markReported(probeTimes(state, 'a', 2, true), told);
    expect(unreportedVerdicts(state)).toMatchObject({ a: { state: 'healthy', epoch: 3 } });
    expect(Object.keys(unreportedVerdicts(state))).toEqual(['a']);
  });

  it('keeps health by id when the URL changes, and probes the new URL at once', () => {
    let state = probeTimes(redefine(EMPTY_STATE, pool([{ id: 'a' }]), 0), 'a', 3, false);
    state = redefine(state, pool([{ id: 'a', url: 'http://moved.example' }, { id: 'new' }]), 9_000);
    expect(state.backends.a).toMatchObject({ url: 'http://moved.example', health: { state: 'unhealthy' } });
    expect(dueBackends(state, 9_000)).toEqual(['a', 'new']);
    expect(probeStates(state).new).toMatchObject({ state: 'unknown', lastProbeAt: null });
  });

  it('does not believe a probe of the old URL that ends after the change', () => {
    const state = redefine(EMPTY_STATE, pool([{ id: 'a', url: 'http://moved.example' }]), 0);
    const health = pool([]).health;
    if (health === undefined) throw new Error('The pool has a health check');
    const late = { ok: true, status: 200, error: null, tookMs: 1 };
    const probed = { id: 'a', url: 'http://a.example', startedAt: 0 };
    expect(takeProbe(state, probed, late, health, 1, random)).toBe(state);
    expect(takeProbe(state, { ...probed, id: 'gone' }, late, health, 1, random)).toBe(state);
  });

  it('does not probe a disabled backend and knows what it knew when it is enabled again', () => {
    let state = probeTimes(redefine(EMPTY_STATE, pool([{ id: 'a' }]), 0), 'a', 3, false);
    state = redefine(state, pool([{ id: 'a', state: 'disabled' }]), 1_000);
    expect(earliestProbeAt(state)).toBeNull();
    state = redefine(state, pool([{ id: 'a' }]), 2_000);
    expect(state.backends.a).toMatchObject({ nextProbeAt: 2_000, health: { state: 'unhealthy' } });
  });

  it('forgets everything but its epoch when there is nothing to probe', () => {
    const state = probeTimes(redefine(EMPTY_STATE, pool([{ id: 'a' }]), 0), 'a', 3, false);
    expect(redefine(state, null, 1)).toEqual({ epoch: 1, backends: {} });
    expect(redefine(state, pool([{ id: 'a' }], null), 1)).toEqual({ epoch: 1, backends: {} });
  });

  describe('of a suspicion', () => {
    const suspected = (ok: boolean, state = redefine(EMPTY_STATE, pool([{ id: 'a' }]), 0), at = 1_000) => {
      const health = pool([], { ...check, jitterRatio: 0 }).health;
      if (health === undefined) throw new Error('The pool has a health check');
      const result = { ok, status: null, error: ok ? null : 'connection failed', tookMs: 1 };
      const probed = { id: 'a', url: 'http://a.example', startedAt: at, suspicion: 'origin-unreachable' };
      return takeProbe(state, probed, result, health, at, random);
    };

    it('takes one failed probe for a verdict, since an edge has seen a failure too', () => {
      const risen = probeTimes(redefine(EMPTY_STATE, pool([{ id: 'a' }]), 0), 'a', 2, true);
      expect(unreportedVerdicts(suspected(false, risen)).a).toEqual({
        state: 'unhealthy',
        since: 1_000,
        epoch: 2,
        reason: 'an edge met origin-unreachable, and a probe confirmed it: connection failed',
      });
      // Without one it takes three.
      expect(unreportedVerdicts(probeTimes(risen, 'a', 1, false)).a?.state).toBe('healthy');
    });

    it('makes no verdict of one that succeeds, and counts it as any other', () => {
      const state = suspected(true);
      expect(unreportedVerdicts(state)).toEqual({});
      expect(state.backends.a?.health).toMatchObject({ successes: 1, failures: 0 });
    });

    it('probes at the fast interval for ten seconds after it', () => {
      const risen = probeTimes(redefine(EMPTY_STATE, pool([{ id: 'a' }]), 0), 'a', 2, true);
      let state = suspected(true, risen);
      expect(state.backends.a?.nextProbeAt).toBe(2_000);
      state = probeTimes(state, 'a', 1, true, 10_999);
      expect(state.backends.a?.nextProbeAt ?? 0).toBeLessThanOrEqual(11_999);
      state = probeTimes(state, 'a', 1, true, 11_000);
      expect(state.backends.a?.nextProbeAt ?? 0).toBeGreaterThanOrEqual(20_000);
      expect(state.backends.a).not.toHaveProperty('suspectedUntil');
    });
  });
});
