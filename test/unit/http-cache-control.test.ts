// Cache-Control: strict where it permits, generous where it forbids.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DELTA_SECONDS_MAX,
  directiveSeconds,
  hasDirective,
  limitedTo,
  namesDirective,
  parseCacheControl,
} from '../../core/http/cache-control.ts';

const SEEDED = { seed: 9111, numRuns: 250 };
/** Any UTF-16 unit; cheaper by a second than the library's own set of all characters. */
const anyUnit = fc.nat(0xffff).map((code) => String.fromCharCode(code));

const parse = (...lines: string[]) =>
  parseCacheControl(lines.map((line) => ['cache-control', line] as const));
const seconds = (line: string, name = 'max-age') => directiveSeconds(parse(line), name);

describe('RFC 9111 §1.2.2 delta-seconds', () => {
  it.each([
    ['max-age=60', 60],
    ['MAX-AGE=60', 60],
    ['max-age=0060', 60],
    ['max-age=0', 0],
    ['max-age="60"', 60],
    ['public,max-age=60', 60],
    [' , ,max-age=60,', 60],
    ['\tmax-age=60\t', 60],
    ['max-age=2147483648', DELTA_SECONDS_MAX],
    ['max-age=99999999999999999999999999', DELTA_SECONDS_MAX],
  ])('%s is %s s', (line, expected) => {
    expect(seconds(line)).toBe(expected);
  });

  it.each([
    'max-age=-60',
    'max-age=6.0',
    "max-age='60'",
    'max-age=a60',
    'max-age=60a',
    'max-age=1e3',
    'max-age=+60',
    'max-age',
    'max-age=""',
    'max-age =60',
    'max-age= 60',
    'max-age=60 s',
    'max-age==60',
    'max-age="60',
    'max-age=60 private',
  ])('%s is no freshness', (line) => {
    expect(seconds(line)).toBe(0);
  });

  it('says nothing where the directive is not there', () => {
    expect(seconds('public')).toBeNull();
    expect(seconds('x-max-age=60')).toBeNull();
    expect(directiveSeconds(parseCacheControl([]), 'max-age')).toBeNull();
  });

  it('does not read a directive inside the quotes of another one', () => {
    expect(seconds('extension="max-age=3600"')).toBeNull();
    expect(seconds('extension="max-age=3600, max-age=3600", max-age=1')).toBe(1);
    expect(seconds('extension="a\\", max-age=3600"')).toBeNull();
    fc.assert(
      fc.property(fc.string(), (text) => {
        const quoted = text.replace(/[\\"]/g, '\\$&').replace(/[\r\n]/g, '');
        expect(seconds(`extension="${quoted}, max-age=3600"`)).toBeNull();
      }),
      SEEDED,
    );
  });
});

describe('RFC 9111 §4.2.1 duplicates', () => {
  it('takes the least of conflicting values, on one line or on several', () => {
    expect(seconds('max-age=1800, max-age=1')).toBe(1);
    expect(seconds('max-age=1, max-age=1800')).toBe(1);
    expect(directiveSeconds(parse('max-age=1800', 'max-age=1'), 'max-age')).toBe(1);
    expect(seconds('max-age=1800, max-age=x')).toBe(0);
  });
});

describe('RFC 9111 §5.2.2.7 private and its like', () => {
  it.each([
    'private',
    'Private',
    'PRIVATE, max-age=60',
    'max-age=60,private',
    'private=',
    'private=""',
    'private=" "',
    'private=","',
    'private=foo',
    'private="foo bar"',
    'private="foo',
    'private=foo bar',
    'private; max-age=60',
    'max-age=60 private',
    'max-age=60; private',
    'max-age="60, private',
    '"private"',
    'private ="x"',
    'private="x", private',
    'private="x"y',
  ])('%s concerns the whole response', (line) => {
    expect(limitedTo(parse(line), 'private')).toBe('all');
  });

  it('is limited by a quoted list of field names alone', () => {
    expect(limitedTo(parse('private="Set-Cookie"'), 'private')).toEqual(['set-cookie']);
    expect(limitedTo(parse('private="A , b", private="C"'), 'private')).toEqual(['a', 'b', 'c']);
  });

  it('is not there where only another name or a quoted text holds the word', () => {
    for (const line of ['privately', 'x-private', 'extension="private"', 'extension=private', 'public']) {
      expect(limitedTo(parse(line), 'private')).toBeNull();
    }
  });

  it('is heard after anything that leaves no quote open, and after an open quote as well', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyUnit }), (text) => {
        const before = text.replace(/[\r\n\\]/g, '');
        const isBalanced = (before.match(/"/g)?.length ?? 0) % 2 === 0;
        const line = isBalanced ? `${before}, private` : `${before}, private, "`;
        // Where the quote closes again behind the word, it is part of a quoted string.
        if (isBalanced) expect(limitedTo(parse(line), 'private')).toBe('all');
        else expect(() => parse(line)).not.toThrow();
      }),
      SEEDED,
    );
    expect(namesDirective(parse('x="y, no-store'), 'no-store')).toBe(true);
  });
});

describe('permission and prohibition', () => {
  it('lets a malformed member forbid and never permit', () => {
    const cacheControl = parse('max-age=60; public; no-store');
    expect(hasDirective(cacheControl, 'public')).toBe(false);
    expect(namesDirective(cacheControl, 'no-store')).toBe(true);
    expect(directiveSeconds(cacheControl, 'max-age')).toBe(0);
  });

  it('finds every directive of a well-formed field, in any case, spacing and order', () => {
    const name = fc.constantFrom('public', 'no-store', 'max-age', 's-maxage', 'x-other');
    const cased = fc.tuple(name, fc.boolean()).map(([text, upper]) => (upper ? text.toUpperCase() : text));
    const argument = fc.constantFrom('', '=60', '="60"', '="a, b"', '="a\\"b"');
    const member = fc.tuple(cased, argument, fc.constantFrom('', ' ', '\t'));
    fc.assert(
      fc.property(fc.array(member), (members) => {
        const line = members.map(([text, value, blank]) => blank + text + value + blank).join(',');
        const { directives, malformedWords } = parse(line);
        expect(malformedWords.size).toBe(0);
        expect([...directives.keys()].sort()).toEqual(
          [...new Set(members.map(([text]) => text.toLowerCase()))].sort(),
        );
      }),
      SEEDED,
    );
  });
});
