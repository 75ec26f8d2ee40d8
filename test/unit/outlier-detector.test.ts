// Ejections as discrete events: what takes a backend out, for how long, and whom it never takes out.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AttemptOutcome, outcomeOfStatus } from '../../core/load-balancing/attempt-outcome.ts';
import { lowOutliers } from '../../core/load-balancing/low-outliers.ts';
import { OutlierDetector, type OutlierParameters } from '../../core/load-balancing/outlier-detector.ts';
import { seededRandom } from '../../core/random.ts';

const DEFAULTS: OutlierParameters = {
  consecutiveGatewayErrors: 5,
  consecutiveLocalErrors: 5,
  failureRatio: 0.85,
  deviation: 1.9,
  minRequests: 100,
  intervalMs: 10_000,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectedRatio: 0.1,
};

const OUTCOMES: Record<string, AttemptOutcome> = {
  '.': 'success',
  '5': 'server-error',
  g: 'gateway-error',
  l: 'local-error',
  e: 'edge-error',
};

function pool(backends: readonly string[], more: Partial<OutlierParameters> = {}) {
  const parameters = { ...DEFAULTS, ...more };
  const detector = new OutlierDetector(parameters, seededRandom(1));
  detector.redefine(parameters, backends, backends);
  const unusable = new Set<string>();
  /** One outcome a character, all at `nowMs`; shows each detection as its place and cause. */
  const play = (backend: string, outcomes: string, nowMs = 0): string[] =>
    [...outcomes].flatMap((letter, index) =>
      detector
        .record(backend, OUTCOMES[letter] ?? 'success', nowMs, (id) => !unusable.has(id))
        .map(({ backend: found, cause, ejectedUntil }) =>
          ejectedUntil === null ? `${index}:${found}:${cause}:kept` : `${index}:${found}:${cause}`,
        ),
    );
  return {
    detector,
    play,
    unusable,
    until: (backend: string, nowMs: number) => detector.ejectedUntil(backend, nowMs),
  };
}

describe('the outcome of an attempt', () => {
  it.each([
    [200, 'success'],
    [404, 'success'],
    [429, 'success'],
    [500, 'server-error'],
    [501, 'server-error'],
    [502, 'gateway-error'],
    [503, 'gateway-error'],
    [504, 'gateway-error'],
    [521, 'local-error'],
    [530, 'local-error'],
    [599, 'server-error'],
  ])('of status %i is %s', (status, outcome) => expect(outcomeOfStatus(status)).toBe(outcome));
});

describe('errors in a row', () => {
  it.each([
    ['ggggg', ['4:a:consecutive-gateway-errors']],
    ['lllll', ['4:a:consecutive-local-errors']],
    ['gggg.gggg.gggg', []],
    ['llll5llll', []],
    // Neither kind hides the other: an answer shows that the connection works, but a failed one shows no good answer.
    ['glglglglg', ['8:a:consecutive-gateway-errors']],
    ['gggg5g', []],
    ['llllel', ['5:a:consecutive-local-errors']],
    ['eeeeeeeeee', []],
    ['5555555555', []],
  ])('of the kinds %s detect %j', (outcomes, detections) => {
    expect(pool(['a', 'b', 'c']).play('a', outcomes)).toEqual(detections);
  });

  it('count as often as configured, and not at all with 0', () => {
    expect(pool(['a', 'b'], { consecutiveGatewayErrors: 1 }).play('a', 'g')).toHaveLength(1);
    const off = { consecutiveGatewayErrors: 0, consecutiveLocalErrors: 0, failureRatio: 0 };
    const { play } = pool(['a', 'b'], off);
    expect(play('a', 'g'.repeat(500))).toEqual([]);
    expect(play('a', 'l'.repeat(500))).toEqual([]);
  });
});

describe('the ratio of failures', () => {
  const loose = { consecutiveGatewayErrors: 0, consecutiveLocalErrors: 0 };

  it('ejects at 85 % of at least 100 requests of one interval', () => {
    const { play } = pool(['a', 'b'], loose);
    expect(play('a', '.'.repeat(15) + 'g'.repeat(84))).toEqual([]);
    expect(play('a', 'g')).toEqual(['0:a:failure-ratio']);
  });

  it('begins anew with every interval', () => {
    const { play } = pool(['a', 'b'], loose);
    play('a', '5'.repeat(99), 0);
    expect(play('a', '5'.repeat(99), 10_000)).toEqual([]);
    expect(play('a', '5', 19_999)).toEqual(['0:a:failure-ratio']);
  });

  it('does not count what is the edge’s own', () => {
    const { play } = pool(['a', 'b'], loose);
    expect(play('a', 'e'.repeat(1_000))).toEqual([]);
    expect(play('a', 'g'.repeat(99))).toEqual([]);
  });
});

describe('the success rate beside the others', () => {
  it('ejects the one of five that stands out, at the end of the interval', () => {
    const { play } = pool(['a', 'b', 'c', 'd', 'e']);
    for (const id of ['b', 'c', 'd', 'e']) expect(play(id, '.'.repeat(100), 0)).toEqual([]);
    expect(play('a', '5..'.repeat(40), 0)).toEqual([]);
    expect(play('b', '.', 9_999)).toEqual([]);
    expect(play('b', '.', 10_000)).toEqual(['0:a:success-rate']);
  });

  it('says nothing of fewer than five, or of backends with few requests', () => {
    const four = pool(['a', 'b', 'c', 'd']);
    for (const id of ['b', 'c', 'd']) four.play(id, '.'.repeat(100));
    four.play('a', '5..'.repeat(40));
    expect(four.play('b', '.', 10_000)).toEqual([]);
    const quiet = pool(['a', 'b', 'c', 'd', 'e']);
    for (const id of ['b', 'c', 'd', 'e']) quiet.play(id, '.'.repeat(99));
    quiet.play('a', '5..'.repeat(40));
    expect(quiet.play('b', '.', 10_000)).toEqual([]);
  });

  it('does not stand out where all are alike', () => {
    expect(lowOutliers(new Map([...'abcdef'].map((id) => [id, 0.5])), 1.9)).toEqual([]);
  });

  it('is reached by one of five with 1.9 σ, and by none with more than 2', () => {
    const rates = new Map([...'abcde'].map((id) => [id, id === 'a' ? 0.5 : 1]));
    expect(lowOutliers(rates, 1.9)).toEqual(['a']);
    expect(lowOutliers(rates, 2.01)).toEqual([]);
  });
});

describe('an ejection', () => {
  it('lasts 30 s times its number and up to a tenth longer, up to 300 s, and grows less after quiet intervals', () => {
    const { play, until } = pool(['a', 'b']);
    let nowMs = 0;
    for (let count = 1; count <= 12; count++) {
      expect(play('a', 'ggggg', nowMs)).toHaveLength(1);
      const end = until('a', nowMs) ?? 0;
      const wholeMs = 30_000 * count;
      expect(end - nowMs).toBeGreaterThanOrEqual(Math.min(wholeMs, 300_000));
      expect(end - nowMs).toBeLessThanOrEqual(Math.min(wholeMs * 1.1, 300_000));
      expect(until('a', end - 1)).toBe(end);
      expect(until('a', end)).toBeNull();
      nowMs = end;
    }
    // Twelve times so far; eleven intervals of 10 s in peace leave one, and this makes it two.
    nowMs += 110_000;
    play('a', 'ggggg', nowMs);
    const lastsMs = (until('a', nowMs) ?? 0) - nowMs;
    expect(lastsMs).toBeGreaterThanOrEqual(60_000);
    expect(lastsMs).toBeLessThanOrEqual(66_000);
  });

  it('is not made longer by requests that were on their way', () => {
    const { play, until } = pool(['a', 'b']);
    play('a', 'ggggg');
    const end = until('a', 0);
    expect(play('a', 'gggggggggg', 100)).toEqual([]);
    expect(until('a', 100)).toBe(end);
  });

  it('takes one of a small pool, and no more than a tenth of a large one', () => {
    const small = pool(['a', 'b', 'c', 'd']);
    expect(small.play('a', 'ggggg')).toEqual(['4:a:consecutive-gateway-errors']);
    expect(small.play('b', 'ggggg')).toEqual(['4:b:consecutive-gateway-errors:kept']);
    expect(small.until('b', 0)).toBeNull();
    const ids = Array.from({ length: 39 }, (_, index) => `b${index}`);
    const large = pool(ids);
    const ejected = ids.filter((id) => large.play(id, 'lllll').every((text) => !text.endsWith('kept')));
    expect(ejected).toEqual(['b0', 'b1', 'b2']);
  });

  it('never takes the last, nor the last of which nothing else is known to be wrong', () => {
    expect(pool(['a']).play('a', 'ggggg')).toEqual(['4:a:consecutive-gateway-errors:kept']);
    const { play, unusable } = pool(['a', 'b'], { maxEjectedRatio: 1 });
    unusable.add('b');
    expect(play('a', 'ggggg')).toEqual(['4:a:consecutive-gateway-errors:kept']);
    unusable.clear();
    expect(play('a', 'ggggg')).toEqual(['4:a:consecutive-gateway-errors']);
    expect(play('b', 'ggggg')).toEqual(['4:b:consecutive-gateway-errors:kept']);
  });

  it('takes nobody with maxEjectedRatio 0', () => {
    expect(pool(['a', 'b'], { maxEjectedRatio: 0 }).play('a', 'ggggg')).toEqual([
      '4:a:consecutive-gateway-errors:kept',
    ]);
  });

  it('lives on by id across versions, and ends with its backend', () => {
    const { detector, play, until } = pool(['a', 'b']);
    play('a', 'ggggg');
    const end = until('a', 0);
    detector.redefine(DEFAULTS, ['b', 'a', 'c'], ['b', 'a', 'c']);
    expect(until('a', 1)).toBe(end);
    detector.redefine(DEFAULTS, ['b', 'c'], ['b', 'c']);
    detector.redefine(DEFAULTS, ['a', 'b'], ['a', 'b']);
    expect(until('a', 1)).toBeNull();
  });

  it('ends with a younger verdict of health, and not with an older one', () => {
    const { detector, play, until } = pool(['a', 'b']);
    play('a', 'ggggg', 1_000);
    detector.heardHealthy('a', 1_000, 2_000);
    expect(until('a', 2_000)).not.toBeNull();
    detector.heardHealthy('a', 1_500, 2_000);
    expect(until('a', 2_000)).toBeNull();
  });

  it('never takes out more than allowed nor everybody, whatever happens', () => {
    const outcome = fc.constantFrom<AttemptOutcome>(
      'success',
      'server-error',
      'gateway-error',
      'local-error',
    );
    const event = fc.tuple(fc.nat({ max: 11 }), outcome, fc.nat({ max: 3_000 }));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.array(event, { maxLength: 400 }),
        (size, maxEjectedRatio, events) => {
          const ids = Array.from({ length: size }, (_, index) => `b${index}`);
          const { detector } = pool(ids, { maxEjectedRatio, minRequests: 3, consecutiveLocalErrors: 2 });
          let nowMs = 0;
          for (const [at, what, passMs] of events) {
            nowMs += passMs;
            detector.record(ids[at % size] ?? '', what, nowMs, () => true);
            const out = ids.filter((id) => detector.ejectedUntil(id, nowMs) !== null).length;
            expect(out).toBeLessThan(size);
            expect(out).toBeLessThanOrEqual(maxEjectedRatio === 0 ? 0 : Math.max(1, maxEjectedRatio * size));
          }
        },
      ),
      { seed: 3, numRuns: 200 },
    );
  });
});
