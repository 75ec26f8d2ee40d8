// HTTP dates: three forms, strictly, and the ages that follow from them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ageFieldSeconds, initialAgeMs } from '../../core/http/age.ts';
import { DELTA_SECONDS_MAX } from '../../core/http/cache-control.ts';
import { formatHttpDate, parseHttpDate } from '../../core/http/http-date.ts';

const SEEDED = { seed: 822, numRuns: 250 };
/** Any UTF-16 unit; cheaper by a second than the library's own set of all characters. */
const anyUnit = fc.nat(0xffff).map((code) => String.fromCharCode(code));
const NOW = Date.UTC(2026, 10, 21);
const EXAMPLE = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('RFC 9110 §5.6.7 HTTP-date', () => {
  it.each([
    'Sun, 06 Nov 1994 08:49:37 GMT',
    'sun, 06 NOV 1994 08:49:37 gmt',
    'Sunday, 06-Nov-94 08:49:37 GMT',
    'SUNDAY, 06-nov-94 08:49:37 GMT',
    'Sun Nov  6 08:49:37 1994',
    'Sun Nov 06 08:49:37 1994',
  ])('takes %s', (text) => {
    expect(parseHttpDate(text, NOW)).toBe(EXAMPLE);
  });

  it.each([
    '',
    '0',
    '-1',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 EST',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun 06 Nov 1994 08:49:37 GMT',
    'Sun,06 Nov 1994 08:49:37 GMT',
    'Sun,  06 Nov 1994 08:49:37 GMT',
    'Sun, 06  Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994  08:49:37 GMT',
    'Sun, 06-Nov-1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 8:49:37 GMT',
    'Sun, 06 Nov 1994 08:49 GMT',
    'Sun, 06 Nov 1994 08.49.37 GMT',
    'Sun, 06 November 1994 08:49:37 GMT',
    'Sunday, 06 Nov 1994 08:49:37 GMT',
    'Foo, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Thu, 31 Nov 1994 08:49:37 GMT',
    'Tue, 29 Feb 1900 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sunday, 06-Nov-1994 08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
    'Sun Nov  6 08:49:37 94',
    'Sun Nov  6 08:49:37 1994 GMT',
    '1994-11-06T08:49:37Z',
  ])('refuses "%s"', (text) => {
    expect(parseHttpDate(text, NOW)).toBeNull();
  });

  it('takes leap days and leap seconds', () => {
    expect(parseHttpDate('Thu, 29 Feb 2024 00:00:00 GMT', NOW)).toBe(Date.UTC(2024, 1, 29));
    expect(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT', NOW)).toBe(Date.UTC(2017, 0, 1));
  });

  it('reads a year below 100 as that year', () => {
    expect(parseHttpDate('Sun, 06 Nov 0094 08:49:37 GMT', NOW)).toBeLessThan(Date.UTC(1000, 0, 1));
  });

  it('puts a two-digit year more than 50 years ahead into the past', () => {
    const yearOf = (text: string) => new Date(parseHttpDate(text, NOW) ?? Number.NaN).getUTCFullYear();
    expect(yearOf('Saturday, 21-Nov-76 00:00:00 GMT')).toBe(2076);
    expect(yearOf('Saturday, 21-Nov-76 00:00:01 GMT')).toBe(1976);
    expect(yearOf('Sunday, 21-Nov-99 00:00:00 GMT')).toBe(1999);
    expect(yearOf('Sunday, 21-Nov-00 00:00:00 GMT')).toBe(2000);
  });

  it('reads back what it writes, to the second', () => {
    const instant = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });
    fc.assert(
      fc.property(instant, (at) => {
        expect(parseHttpDate(formatHttpDate(at), NOW)).toBe(Math.floor(at / 1000) * 1000);
      }),
      SEEDED,
    );
  });

  it('takes a changed date only if it is a date again', () => {
    const change = fc.tuple(fc.nat(28), fc.constantFrom(...'0123456789 ,:-GMTSunNov\u00a0'));
    fc.assert(
      fc.property(change, ([position, character]) => {
        const text = formatHttpDate(EXAMPLE);
        const changed = text.slice(0, position) + character + text.slice(position + 1);
        const at = parseHttpDate(changed, NOW);
        // Its day name may be wrong: names of days carry no information.
        if (at !== null)
          expect(formatHttpDate(at).slice(4).toLowerCase()).toBe(changed.slice(4).toLowerCase());
      }),
      SEEDED,
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyUnit }), (text) => {
        expect(parseHttpDate(text, NOW)).toBeNull();
      }),
      SEEDED,
    );
  });
});

describe('RFC 9111 §5.1 Age', () => {
  const age = (...lines: string[]) => ageFieldSeconds(lines.map((line) => ['age', line] as const));

  it.each([
    ['60', 60],
    ['0060', 60],
    ['60, 0', 60],
    ['2147483647', 2_147_483_647],
    ['2147483648', DELTA_SECONDS_MAX],
    ['99999999999999999999', DELTA_SECONDS_MAX],
  ])('"%s" is %s s', (line, expected) => {
    expect(age(line)).toBe(expected);
  });

  it.each(['', '-60', '60.5', '60s', 'abc', '"60"', 'a, 60', '6 0', '+60'])('ignores "%s"', (line) => {
    expect(age(line)).toBe(0);
  });

  it('takes the first of several lines', () => {
    expect(age('60', '0')).toBe(60);
  });
});

describe('RFC 9111 §4.2.3 corrected_initial_age', () => {
  const base = { ageSeconds: 0, dateAt: NOW, requestedAt: NOW, receivedAt: NOW };

  it('adds the time the response took to the Age field', () => {
    expect(initialAgeMs({ ...base, ageSeconds: 10, receivedAt: NOW + 1500 })).toBe(11_500);
  });

  it('counts the time since Date where that is more', () => {
    expect(initialAgeMs({ ...base, ageSeconds: 10, dateAt: NOW - 60_000 })).toBe(60_000);
  });

  it('takes a Date of the future or none for no age, and a clock that stepped back for no delay', () => {
    expect(initialAgeMs({ ...base, dateAt: NOW + 60_000 })).toBe(0);
    expect(initialAgeMs({ ...base, dateAt: null })).toBe(0);
    expect(initialAgeMs({ ...base, ageSeconds: 10, receivedAt: NOW - 5000 })).toBe(10_000);
  });

  it('does not count the fraction of a second that Date cannot tell', () => {
    expect(initialAgeMs({ ...base, requestedAt: NOW + 900, receivedAt: NOW + 900 })).toBe(0);
  });
});
