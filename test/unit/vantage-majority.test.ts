// How several vantages come to one verdict, and several answers to one suspicion to one answer.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HealthState } from '../../core/load-balancing/health.ts';
import type { SuspicionAnswer } from '../../core/load-balancing/suspicion-pacer.ts';
import type { Witness } from '../../core/load-balancing/vantage-majority.ts';
import {
  aliveEveryMs,
  downFrom,
  majorityAnswer,
  majorityVerdict,
  silenceMs,
} from '../../core/load-balancing/vantage-majority.ts';
import { askVantages } from '../../durable-objects/health-monitor/ask-vantages.ts';
import { joinRounds } from '../../worker/control-plane/join-rounds.ts';

const NAMES = ['weur', 'enam', 'wnam', 'oc', 'me', 'afr', 'sam', 'apac'];
const STATES: Readonly<Record<string, HealthState>> = { '+': 'healthy', '-': 'unhealthy', '?': 'unknown' };

/** "+-?" is a vantage that finds the backend up, one that finds it down, and one that knows nothing. */
function witnesses(signs: string): Witness[] {
  return [...signs].map((sign, index) => ({
    vantage: NAMES[index] ?? '',
    state: STATES[sign] ?? 'unknown',
    reason: `as ${NAMES[index]} says`,
  }));
}

describe('the verdict of several vantages', () => {
  it.each([
    ['+', 'unknown', 'healthy', 'as weur says'],
    ['-', 'healthy', 'unhealthy', 'as weur says'],
    ['+++', 'unhealthy', 'healthy', 'up from all 3 vantages'],
    ['++?', 'unknown', 'healthy', 'up from 2 of 3 vantages'],
    ['-++', 'healthy', 'healthy', 'down from weur only (1 of 3 vantages): as weur says'],
    ['+--', 'healthy', 'unhealthy', 'down from enam, wnam (2 of 3 vantages): as enam says'],
    ['---', 'healthy', 'unhealthy', 'down from all 3 vantages: as weur says'],
    ['-??', 'healthy', 'unhealthy', 'down from weur (1 of 3 vantages): as weur says'],
    ['+-', 'healthy', 'healthy', 'down from enam only (1 of 2 vantages): as enam says'],
    ['+-', 'unhealthy', 'unhealthy', 'down from enam (1 of 2 vantages): as enam says'],
  ] as const)('of %s after %s is %s: %s', (signs, before, state, reason) => {
    expect(majorityVerdict(witnesses(signs), signs.length, before)).toEqual({ state, reason });
  });

  it.each(['', '?', '???', '+-', '+-?'])('is none where none was and nobody has more votes: %j', (signs) => {
    expect(majorityVerdict(witnesses(signs), 3, 'unknown')).toBeNull();
  });

  it('is told by the vantages that find the backend down, whatever their order', () => {
    expect(downFrom(witnesses('-+-'))).toEqual(['weur', 'wnam'].sort());
    expect(downFrom(witnesses('-+-').reverse())).toEqual(downFrom(witnesses('-+-')));
  });

  const someSigns = fc.array(fc.constantFrom('+', '-', '?'), { minLength: 1, maxLength: 8 });
  const someState = fc.constantFrom<HealthState>('healthy', 'unhealthy', 'unknown');
  const stateOf = (signs: readonly string[], before: HealthState) =>
    majorityVerdict(witnesses(signs.join('')), signs.length, before)?.state ?? before;

  it('is monotone: one more that finds the backend down never brings it up', () => {
    fc.assert(
      fc.property(someSigns, someState, fc.nat(7), (signs, before, place) => {
        const sicker = signs.map((sign, index) => (index === place % signs.length ? '-' : sign));
        if (stateOf(signs, before) === 'unhealthy') expect(stateOf(sicker, before)).toBe('unhealthy');
        const healthier = signs.map((sign, index) => (index === place % signs.length ? '+' : sign));
        if (stateOf(signs, before) === 'healthy') expect(stateOf(healthier, before)).toBe('healthy');
      }),
      { seed: 23, numRuns: 2_000 },
    );
  });

  it('depends neither on the order of the vantages nor, where they differ in number, on what was before', () => {
    fc.assert(
      fc.property(someSigns, someState, someState, (signs, before, other) => {
        expect(stateOf([...signs].reverse(), before)).toBe(stateOf(signs, before));
        expect(stateOf([...signs, '?'], before)).toBe(stateOf(signs, before));
        const balance = signs.filter((sign) => sign === '+').length - signs.filter((s) => s === '-').length;
        if (balance === 0) expect(stateOf(signs, before)).toBe(before);
        else expect(stateOf(signs, before)).toBe(balance > 0 ? 'healthy' : 'unhealthy');
        if (balance !== 0) expect(stateOf(signs, other)).toBe(stateOf(signs, before));
      }),
      { seed: 24, numRuns: 2_000 },
    );
  });

  it('counts a vantage out after three signs of life that did not come', () => {
    expect([aliveEveryMs(50), aliveEveryMs(60_000)]).toEqual([30_000, 60_000]);
    expect([silenceMs(50), silenceMs(60_000)]).toEqual([90_000, 180_000]);
  });
});

describe('the answer of several vantages to a suspicion', () => {
  const WORDS: Readonly<Record<string, SuspicionAnswer>> = {
    c: 'confirmed',
    r: 'refuted',
    p: 'pending',
    n: 'not-probed',
  };
  const answer = (letters: string, of: number) =>
    majorityAnswer(
      [...letters].map((letter) => WORDS[letter] ?? 'pending'),
      of,
    );

  it.each([
    ['c', 1, 'confirmed'],
    ['cc', 3, 'confirmed'],
    ['c', 3, null],
    ['cr', 3, null],
    ['crc', 3, 'confirmed'],
    ['rr', 3, 'refuted'],
    ['r', 2, 'refuted'],
    ['c', 2, null],
    ['cp', 2, 'pending'],
    ['cpr', 3, 'pending'],
    ['ccpn', 4, 'confirmed'],
    ['ppp', 3, 'pending'],
    ['npn', 3, 'pending'],
    ['nn', 2, 'not-probed'],
  ] as const)('%s of %i is %s', (letters, of, joint) => {
    expect(answer(letters, of)).toBe(joint);
  });

  it('is never changed by answers that come after it is given', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('c', 'r', 'p', 'n'), { minLength: 1, maxLength: 8 }),
        (letters) => {
          const whole = answer(letters.join(''), letters.length);
          expect(whole).not.toBeNull();
          for (let given = 0; given < letters.length; given++) {
            const early = answer(letters.slice(0, given).join(''), letters.length);
            if (early !== null) expect(early).toBe(whole);
          }
        },
      ),
      { seed: 25, numRuns: 2_000 },
    );
  });
});

describe('asking several vantages', () => {
  const forEver = new Promise<never>(() => {});

  it('waits for nobody whom it does not need', async () => {
    const given = (answer: SuspicionAnswer) => Promise.resolve(answer);
    expect(await askVantages([forEver, given('confirmed'), given('confirmed')])).toBe('confirmed');
    expect(await askVantages([given('refuted'), forEver, given('refuted')])).toBe('refuted');
  });

  it('counts one that fails as one that could not tell', async () => {
    const broken = Promise.reject(new Error('planted'));
    expect(await askVantages([broken, Promise.resolve('confirmed')])).toBe('pending');
  });
});

describe('the rounds of several vantages', () => {
  const result = (ok: boolean, tookMs: number) => ({ ok, status: ok ? 200 : 503, error: null, tookMs });
  const round = (results: Record<string, ReturnType<typeof result>>) => ({ results, unprobed: [] });

  it('are shown as the majority saw it, in a tie as the first did, each beside', () => {
    const joined = joinRounds(
      ['a', 'b', 'constructor'],
      [
        ['weur', round({ a: result(false, 1), b: result(false, 2) })],
        ['enam', round({ a: result(true, 3), b: result(true, 4) })],
        ['oc', round({ a: result(true, 5) })],
      ],
    );
    expect(joined.backends.a).toMatchObject({ ok: true, tookMs: 3 });
    expect(joined.backends.b).toMatchObject({ ok: false, tookMs: 2 });
    expect(Object.keys(joined.backends.a?.vantages ?? {})).toEqual(['weur', 'enam', 'oc']);
    expect(joined.backends.b?.vantages).toEqual({ weur: result(false, 2), enam: result(true, 4) });
    expect(joined.unprobed).toEqual(['constructor']);
  });
});
