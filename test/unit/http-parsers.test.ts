// Every parser of a field that decides what is stored or shown: it never throws, and takes nothing that the grammar of
// its RFC refuses. The grammars are written here a second time, by the letter, and strings are made of the characters
// that matter to them.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entityTagOf } from '../../core/cache/validators.ts';
import { bestLanguage } from '../../core/http/accept-language.ts';
import { ageFieldSeconds } from '../../core/http/age.ts';
import {
  DELTA_SECONDS_MAX,
  directiveSeconds,
  hasDirective,
  limitedTo,
  namesDirective,
  parseCacheControl,
} from '../../core/http/cache-control.ts';
import { parseEntityTag, parseEntityTagList } from '../../core/http/etag.ts';
import { parseHttpDate } from '../../core/http/http-date.ts';
import { responseControl } from '../../core/http/targeted-control.ts';
import { selectingValue, varyNames } from '../../core/http/vary.ts';

const RUNS = { seed: 9110, numRuns: 1_500 };
const NOW = Date.UTC(2026, 10, 21, 12);

/** Text of these pieces, most of it nearly right. */
const made = (...pieces: readonly string[]) =>
  fc
    .array(fc.constantFrom(...pieces, '\u0000', '\u00e9', '\ufffd'), { maxLength: 10 })
    .map((some) => some.join(''));

const check = (text: fc.Arbitrary<string>, holds: (text: string) => void) =>
  fc.assert(fc.property(text, holds), RUNS);

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[^"\\\\]|\\\\[^])*"';

describe('RFC 9111 §5.2: Cache-Control', () => {
  const text = made(
    'max-age',
    '=',
    '60',
    '"',
    ',',
    ' ',
    'private',
    'public',
    ';',
    '\\',
    '-',
    's-maxage',
    '1.5',
    '\t',
  );
  const DIRECTIVE = new RegExp(`^${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?$`);

  it('permits only by a directive that is one', () => {
    check(text, (value) => {
      const control = parseCacheControl([['cache-control', value]]);
      for (const name of ['public', 's-maxage', 'max-age']) {
        if (!hasDirective(control, name)) continue;
        // Somewhere between two commas, or the ends, stands a whole directive of that name.
        const pieces = value
          .split(',')
          .flatMap((_, i, all) => all.slice(i).map((__, j) => all.slice(i, i + j + 1).join(',')));
        const isThere = pieces.some((piece) => {
          const trimmed = piece.replace(/^[ \t]+|[ \t]+$/g, '');
          return DIRECTIVE.test(trimmed) && trimmed.toLowerCase().startsWith(name);
        });
        expect([value, name, isThere]).toEqual([value, name, true]);
      }
    });
  });

  it('forbids wherever the word stands by itself outside quotes', () => {
    check(made('private', ',', ' ', '=', ';', 'max-age=1', '\t'), (value) => {
      const control = parseCacheControl([['cache-control', value]]);
      const isNamed = value.split(/[^!#$%&'*+.^_`|~0-9A-Za-z-]+/).includes('private');
      const isNameOfOne = value
        .split(',')
        .some((piece) => /^[ \t]*private(?:$|[^!#$%&'*+.^_`|~0-9A-Za-z-])/.test(piece));
      if (isNamed && isNameOfOne) {
        expect([value, namesDirective(control, 'private')]).toEqual([value, true]);
        expect([value, limitedTo(control, 'private')]).toEqual([value, 'all']);
      }
    });
  });

  it('counts seconds from 0 to 2^31, whole ones only', () => {
    check(text, (value) => {
      const seconds = directiveSeconds(parseCacheControl([['cache-control', value]]), 'max-age');
      if (seconds === null || seconds === 0) return;
      expect(Number.isInteger(seconds) && seconds > 0 && seconds <= DELTA_SECONDS_MAX).toBe(true);
      expect(value.toLowerCase()).toMatch(/max-age="?(?:\\?\d)+"?[ \t]*(?:,|$)/);
    });
  });
});

describe('RFC 9213 §2.1: targeted fields', () => {
  it('give what Cache-Control gives where they are no dictionary, and never more freshness than they say', () => {
    const text = made(
      'max-age',
      '=',
      '60',
      '"',
      ',',
      ' ',
      'private',
      ';',
      '?1',
      '?0',
      '1.5',
      '(',
      ')',
      'A',
      '-',
    );
    check(text, (value) => {
      const fields = [
        ['cdn-cache-control', value],
        ['cache-control', 'private'],
      ] as const;
      const { control, isTargeted } = responseControl(fields, ['CDN-Cache-Control']);
      if (!isTargeted) {
        expect(limitedTo(control, 'private')).toBe('all');
        return;
      }
      // Keys are lower case, members are parted by commas and never end with one (RFC 9651 §3.2).
      expect(value).toMatch(/^ *[a-z*]/);
      expect(value).not.toMatch(/,[ \t]*$|\u00e9|\ufffd/);
      expect(value).not.toContain('\u0000');
      const seconds = directiveSeconds(control, 'max-age');
      if (seconds !== null) expect(value).toMatch(/max-age=\d+[ \t]*(?:;|,|$)/);
    });
  });
});

describe('RFC 9111 §5.1: Age', () => {
  it('is the first member, if that is a whole number', () => {
    check(made('1', '0', ',', ' ', '-', '.', '"', 'x', '2147483649'), (value) => {
      const seconds = ageFieldSeconds([['age', value]]);
      expect(Number.isInteger(seconds) && seconds >= 0 && seconds <= DELTA_SECONDS_MAX).toBe(true);
      if (seconds > 0) expect(value).toMatch(/^\s*\d+\s*(?:,|$)/);
    });
  });
});

describe('RFC 9110 §5.6.7: dates', () => {
  const IMF = /^[A-Za-z]{3}, \d\d [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d GMT$/i;
  const RFC850 = /^[A-Za-z]{6,9}, \d\d-[A-Za-z]{3}-\d\d \d\d:\d\d:\d\d GMT$/i;
  const ASCTIME = /^[A-Za-z]{3} [A-Za-z]{3} [ \d]\d \d\d:\d\d:\d\d \d{4}$/i;

  it('are read in three forms only, also where one character is wrong', () => {
    const whole = fc.constantFrom(
      'Sun, 06 Nov 1994 08:49:37 GMT',
      'Sunday, 06-Nov-94 08:49:37 GMT',
      'Sun Nov  6 08:49:37 1994',
    );
    const spoilt = fc
      .tuple(
        whole,
        fc.nat(30),
        fc.constantFrom('', ' ', '-', ',', '0', '9', 'x', ':', '\t', '\u0660'),
        fc.boolean(),
      )
      .map(([date, at, piece, replaces]) => date.slice(0, at) + piece + date.slice(at + (replaces ? 1 : 0)));
    check(spoilt, (value) => {
      const at = parseHttpDate(value, NOW);
      if (at === null) return;
      expect(Number.isInteger(at)).toBe(true);
      expect([value, [IMF, RFC850, ASCTIME].some((form) => form.test(value))]).toEqual([value, true]);
    });
  });
});

describe('RFC 9110 §8.8.3: entity tags', () => {
  const ONE = String.raw`(?:W/)?"[\x21\x23-\x7e\u0080-\uffff]*"`;
  const text = made('"', 'a', 'W/', 'w/', ',', ' ', '*', '\\', '\t', '""', '"b"');

  it('are read one by one, or as a list with commas between', () => {
    check(text, (value) => {
      if (parseEntityTag(value) !== null) expect(value).toMatch(new RegExp(`^${ONE}$`));
      if (entityTagOf([['etag', value]]) !== null) expect(value).toMatch(new RegExp(`^${ONE}$`));
      const list = parseEntityTagList(value);
      if (list === null) return;
      if (list === '*') expect(value).toBe('*');
      else expect(value).toMatch(new RegExp(`^[ \t,]*${ONE}[ \t]*(?:,[ \t,]*(?:${ONE}[ \t]*)?)*$`));
    });
  });
});

describe('RFC 9110 §12.5.5: Vary', () => {
  it('is a list of names, or never matches', () => {
    check(made('a', 'B-c', ',', ' ', '*', '"', ':', '\t', '('), (value) => {
      const names = varyNames([['vary', value]]);
      if (names === '*') {
        expect(value).toMatch(/[^A-Za-z,-]/);
        return;
      }
      expect(value).not.toContain('*,');
      for (const name of names) expect(name).toMatch(new RegExp(`^${TOKEN}$`));
      expect(names).toEqual([...new Set(names)].sort());
    });
  });

  it('compares values that differ in blanks around commas alike, and no others', () => {
    check(made('a', 'b', ',', ' ', '"', '\t'), (value) => {
      const spaced = selectingValue('x', [value.replaceAll(',', value.includes('"') ? ',' : ' ,\t')]);
      expect(spaced).toBe(selectingValue('x', [value]));
      expect(selectingValue('x', [`${value}c`])).not.toBe(selectingValue('x', [value]));
    });
  });
});

describe('RFC 9110 §12.5.4: Accept-Language', () => {
  it('names a best language only where it is well-formed', () => {
    check(made('en', 'de', ',', ';', 'q=', '0.5', '1', ' ', '*', '-', '2', '"'), (value) => {
      const best = bestLanguage(value);
      if (best === null) return;
      expect(value.toLowerCase()).toContain(best);
      const member = String.raw`[ \t]*(?:(?:[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)(?:[ \t]*;[ \t]*q=(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?)?[ \t]*`;
      expect(value).toMatch(new RegExp(`^${member}(?:,${member})*$`));
    });
  });
});
