// Lists, entity tags, Vary and Cache-Status: the small parsers that the cache's decisions stand on.
import fc from 'fast-check';
import { parseList, Token } from 'structured-headers';
import { describe, expect, it } from 'vitest';
import { appendCacheStatus, cacheStatusMember } from '../../core/http/cache-status.ts';
import { parseEntityTag, parseEntityTagList, strongMatch, weakMatch } from '../../core/http/etag.ts';
import { listMembers, splitOutsideQuotes } from '../../core/http/field-syntax.ts';
import type { Fields } from '../../core/http/fields.ts';
import {
  HEADER_BLOCK_BYTES_MAX,
  headerBlockBytes,
  isHeaderBlockTooLarge,
} from '../../core/http/request-limits.ts';
import {
  isUndecodable,
  matchesSelecting,
  selectingFields,
  selectingValue,
  varyNames,
} from '../../core/http/vary.ts';

const SEEDED = { seed: 9110, numRuns: 250 };
/** Any UTF-16 unit; cheaper by a second than the library's own set of all characters. */
const anyUnit = fc.nat(0xffff).map((code) => String.fromCharCode(code));

const lines = (name: string, ...values: string[]): Fields => values.map((value) => [name, value] as const);

describe('lists (RFC 9110 §5.6.1)', () => {
  it.each([
    ['a, b', ['a', 'b']],
    [',, a ,\tb,,', ['a', 'b']],
    ['"a, b", c', ['"a, b"', 'c']],
    ['"a\\", b", c', ['"a\\", b"', 'c']],
    ['a="x,y;z", b', ['a="x,y;z"', 'b']],
    ['"open, b', ['"open, b']],
    ['', []],
  ])('splits %s', (text, members) => {
    expect(listMembers(text)).toEqual(members);
  });

  it('loses nothing but separators and the blanks around them', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', ',', ' ', '"', '\\', '\t', ';') }), (text) => {
        const bare = (value: string) => value.replace(/[ \t,]/g, '');
        expect(bare(splitOutsideQuotes(text, ',').join(','))).toBe(bare(text));
      }),
      SEEDED,
    );
  });
});

describe('RFC 9110 §8.8.3 ETag', () => {
  it.each([
    ['"xyzzy"', { weak: false, opaque: 'xyzzy' }],
    ['W/"xyzzy"', { weak: true, opaque: 'xyzzy' }],
    ['""', { weak: false, opaque: '' }],
    ['"a,b\\"', { weak: false, opaque: 'a,b\\' }],
    ['"ü"', { weak: false, opaque: 'ü' }],
  ])('reads %s', (text, tag) => {
    expect(parseEntityTag(text)).toEqual(tag);
  });

  it.each([
    '',
    'xyzzy',
    "'xyzzy'",
    '"xyzzy',
    'xyzzy"',
    'w/"a"',
    'W"a"',
    'W\\"a"',
    '"a b"',
    '"a"b"',
    ' "a"',
    '"a", "b"',
    '*',
    '"\u0007"',
  ])('refuses %s', (text) => {
    expect(parseEntityTag(text)).toBeNull();
  });

  it('accepts nothing but what it can write back', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('W', '/', '"', 'a', ' ', ',', '*', '\\') }), (text) => {
        const tag = parseEntityTag(text);
        if (tag !== null) expect(`${tag.weak ? 'W/' : ''}"${tag.opaque}"`).toBe(text);
        const list = parseEntityTagList(text);
        if (list === null || list === '*') return;
        const rebuilt = list.map(({ weak, opaque }) => `${weak ? 'W/' : ''}"${opaque}"`).join('');
        expect(rebuilt.replace(/[ ,]/g, '')).toBe(text.replace(/[ ,]/g, ''));
      }),
      SEEDED,
    );
  });

  it('reads lists, with empty members and commas inside tags', () => {
    expect(parseEntityTagList('"a", W/"b" ,, "c,d"')).toEqual([
      { weak: false, opaque: 'a' },
      { weak: true, opaque: 'b' },
      { weak: false, opaque: 'c,d' },
    ]);
    expect(parseEntityTagList('*')).toBe('*');
    for (const text of ['', ',', 'a', '"a" "b"', '"a", b', '"a", *'])
      expect(parseEntityTagList(text)).toBeNull();
  });

  // The table of RFC 9110 §8.8.3.2.
  it.each([
    ['W/"1"', 'W/"1"', false, true],
    ['W/"1"', 'W/"2"', false, false],
    ['W/"1"', '"1"', false, true],
    ['"1"', '"1"', true, true],
  ])('compares %s with %s: strong %s, weak %s', (left, right, strong, weak) => {
    const [a, b] = [parseEntityTag(left), parseEntityTag(right)];
    if (a === null || b === null) throw new Error('The table holds entity tags only');
    expect(strongMatch(a, b)).toBe(strong);
    expect(weakMatch(a, b)).toBe(weak);
  });
});

describe('RFC 9110 §12.5.5 Vary', () => {
  it('names fields in lower case, each once, sorted, from all lines', () => {
    expect(varyNames(lines('vary', 'Foo, bar', 'BAZ,foo,'))).toEqual(['bar', 'baz', 'foo']);
    expect(varyNames([])).toEqual([]);
  });

  it.each(['*', 'foo, *', '*, foo', 'foo bar', '"foo"'])('%s matches nothing', (value) => {
    expect(varyNames(lines('vary', value))).toBe('*');
    expect(varyNames(lines('vary', 'foo', value))).toBe('*');
  });

  it('joins lines and strips blanks around commas, not inside quotes', () => {
    expect(selectingValue('foo', ['1', '2'])).toBe('1,2');
    expect(selectingValue('foo', [' 1 ,\t2 '])).toBe('1,2');
    expect(selectingValue('foo', ['a="x , y", b'])).toBe('a="x , y",b');
    expect(selectingValue('foo', ['a b'])).toBe('a b');
    expect(selectingValue('foo', [])).toBeNull();
    expect(selectingValue('foo', [''])).toBe('');
  });

  it('takes absent for equal to absent, and to nothing else', () => {
    const stored = selectingFields(['foo'], []);
    expect(matchesSelecting(stored, [])).toBe(true);
    expect(matchesSelecting(stored, lines('foo', ''))).toBe(false);
    expect(matchesSelecting(selectingFields(['foo'], lines('foo', '')), [])).toBe(false);
  });

  it('matches only requests whose fields are the same up to lines and blanks around commas', () => {
    const value = fc.string({ unit: fc.constantFrom('a', 'b', ',', ' ', '"', '\\', '=') });
    fc.assert(
      fc.property(value, value, (one, other) => {
        const stored = selectingFields(['foo'], lines('foo', one));
        expect(matchesSelecting(stored, lines('foo', one))).toBe(true);
        if (!matchesSelecting(stored, lines('foo', other))) return;
        expect(other.replaceAll(' ', '')).toBe(one.replaceAll(' ', ''));
      }),
      SEEDED,
    );
  });

  it('knows values that hold bytes which were not UTF-8', () => {
    expect(isUndecodable(selectingFields(['foo'], lines('foo', 'a\ufffd')))).toBe(true);
    expect(isUndecodable(selectingFields(['foo', 'bar'], lines('foo', 'ü')))).toBe(false);
  });
});

describe('RFC 9211 Cache-Status', () => {
  it.each([
    [{ type: 'hit', ttlSeconds: 59 }, 'Roundel; hit; ttl=59'],
    [{ type: 'hit', ttlSeconds: -3 }, 'Roundel; hit; ttl=-3'],
    [
      { type: 'forward', forward: 'uri-miss', forwardStatus: 200, stored: true },
      'Roundel; fwd=uri-miss; fwd-status=200; stored',
    ],
    [
      {
        type: 'forward',
        forward: 'stale',
        forwardStatus: 304,
        ttlSeconds: -7,
        collapsed: true,
        detail: 'stale',
      },
      'Roundel; fwd=stale; fwd-status=304; ttl=-7; collapsed; detail=stale',
    ],
    [{ type: 'forward', forward: 'bypass', stored: false }, 'Roundel; fwd=bypass'],
    [{ type: 'forward', forward: 'miss', detail: 'a "b"; ü' }, 'Roundel; fwd=miss; detail="a \\"b\\"; ?"'],
  ] as const)('writes %j', (status, member) => {
    expect(cacheStatusMember(status)).toBe(member);
  });

  it('writes structured fields, whatever the detail is', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: anyUnit }),
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 }),
        (detail, ttlSeconds) => {
          const text = cacheStatusMember({ type: 'forward', forward: 'stale', ttlSeconds, detail });
          const [[name, parameters] = []] = parseList(text);
          expect(String(name)).toBe('Roundel');
          expect(parameters?.get('fwd')).toEqual(new Token('stale'));
          expect(parameters?.get('ttl')).toBe(ttlSeconds);
          expect(String(parameters?.get('detail'))).toBe(detail.replace(/[^\x20-\x7e]/g, '?'));
        },
      ),
      SEEDED,
    );
  });

  it('comes after the members of caches nearer to the origin', () => {
    const fields = appendCacheStatus(lines('cache-status', 'Inner; hit'), { type: 'hit', ttlSeconds: 1 });
    expect(fields.map(([, value]) => value)).toEqual(['Inner; hit', 'Roundel; hit; ttl=1']);
  });
});

describe('the header block', () => {
  it('is measured as HTTP/1.1 writes it', () => {
    expect(headerBlockBytes([['a', 'bc']])).toBe('a: bc\r\n'.length);
  });

  it('may have 64 KiB and not a byte more', () => {
    const block = (bytes: number) => lines('a', 'x'.repeat(bytes - 5));
    expect(isHeaderBlockTooLarge(block(HEADER_BLOCK_BYTES_MAX))).toBe(false);
    expect(isHeaderBlockTooLarge(block(HEADER_BLOCK_BYTES_MAX + 1))).toBe(true);
  });
});
