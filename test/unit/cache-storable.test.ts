// Storing: every refusal by its name, the instants that follow, and the text that a shard keeps.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cacheKeyOf, type KeyOptions } from '../../core/cache/cache-key.ts';
import { deviceClass } from '../../core/cache/device-class.ts';
import { type CachePolicy, DEFAULT_CACHE_POLICY } from '../../core/cache/policy.ts';
import { decideStorable, type Exchange } from '../../core/cache/storable.ts';
import { decodeStored, encodeStored } from '../../core/cache/stored-response.ts';
import { parseConfig } from '../../core/config/parse-config.ts';
import type { Fields } from '../../core/http/fields.ts';
import { formatHttpDate } from '../../core/http/http-date.ts';
import { parseTarget } from '../../core/http/target.ts';

const SEEDED = { seed: 9111, numRuns: 250 };
/** Any UTF-16 unit; cheaper by a second than the library's own set of all characters. */
const anyUnit = fc.nat(0xffff).map((code) => String.fromCharCode(code));
const NOW = Date.UTC(2026, 10, 21, 12);
const DAY_MS = 86_400_000;

interface Given {
  readonly method?: string;
  readonly request?: Fields;
  readonly hasBody?: boolean;
  readonly status?: number;
  readonly response?: Fields;
}

function exchange({
  method = 'GET',
  request = [],
  hasBody = false,
  status = 200,
  response = [],
}: Given): Exchange {
  return {
    request: { method, fields: request, hasBody },
    response: { status, fields: response },
    keyParts: [],
    requestedAt: NOW - 1000,
    receivedAt: NOW,
  };
}

const decide = (given: Given, policy: Partial<CachePolicy> = {}) =>
  decideStorable(exchange(given), { ...DEFAULT_CACHE_POLICY, ...policy });

function storable(given: Given, policy: Partial<CachePolicy> = {}) {
  const verdict = decide(given, policy);
  if (verdict.type !== 'storable') throw new Error(`Not stored: ${verdict.reason}`);
  return verdict;
}

const WHOLE: KeyOptions = { query: 'all', sortQuery: false, headers: [], cookies: [], device: false };
function target(url: string) {
  const parsed = parseTarget(url);
  if (parsed.type !== 'target') throw new Error(`Not a target: ${url}`);
  return parsed;
}
const HOUR = ['cache-control', 'max-age=3600'] as const;

describe('decideStorable', () => {
  it.each<[reason: string, given: Given]>([
    ['method', { method: 'POST' }],
    ['request-body', { hasBody: true }],
    ['request-body', { request: [['content-length', '1']] }],
    ['range', { request: [['range', 'bytes=0-']], status: 416 }],
    ['range', { request: [['range', 'bytes=cow']] }],
    ['content-range', { request: [['range', 'bytes=0-']], status: 206 }],
    ['precondition', { request: [['if-match', '"a"']] }],
    ['head', { method: 'HEAD' }],
    ['request-no-store', { request: [['cache-control', 'No-Store']] }],
    ['status', { status: 206 }],
    ['status', { status: 304 }],
    ['status', { status: 101 }],
    ['status-not-understood', { status: 299, response: [['cache-control', 'max-age=9, must-understand']] }],
    ['no-store', { response: [['cache-control', 'max-age=9, no-store']] }],
    ['private', { response: [['cache-control', 'max-age=9, private=']] }],
    ['authorization', { request: [['authorization', 'x']] }],
    ['vary-star', { response: [HOUR, ['vary', 'a, *']] }],
    ['fields-undecodable', { response: [HOUR, ['content-disposition', 'filename="\ufffd.txt"']] }],
    ['vary-undecodable', { request: [['a', '\ufffd']], response: [HOUR, ['vary', 'a']] }],
    [
      'set-cookie',
      {
        response: [
          ['etag', '"a"'],
          ['set-cookie', 'a=1'],
        ],
      },
    ],
    [
      'set-cookie',
      {
        response: [
          ['cache-control', 'max-age=0'],
          ['etag', '"a"'],
          ['set-cookie', 'a=1'],
        ],
      },
    ],
    ['no-freshness', { response: [] }],
    ['cookie', { request: [['cookie', 'a=1']], response: [['etag', '"a"']] }],
    [
      'cookie',
      { request: [['cookie', 'a=1']], response: [['last-modified', 'Wed, 01 Jan 2020 00:00:00 GMT']] },
    ],
    ['error-to-odd-request', { request: [['expect', 'x']], status: 417, response: [HOUR] }],
    ['error-to-odd-request', { request: [['x', 'y'.repeat(8_000)]], status: 400, response: [HOUR] }],
    ['error-to-odd-request', { request: [['x', '\u0007']], status: 400, response: [HOUR] }],
    ['no-freshness', { response: [['cache-control', 'max-age=0']] }],
    ['no-freshness', { response: [['etag', 'unquoted']] }],
    ['no-freshness', { status: 500, response: [['etag', '"a"']] }],
    ['stale-on-arrival', { response: [HOUR, ['age', '3600']] }],
  ])('refuses with the reason "%s": %j', (reason, given) => {
    const response = given.response ?? [HOUR];
    expect(decide({ ...given, response })).toEqual({ type: 'not-stored', reason });
  });

  it('keeps the fields without Age and hop-by-hop ones, and adds a missing Date', () => {
    const { stored } = storable({
      response: [
        HOUR,
        ['age', '7'],
        ['connection', 'x-hop'],
        ['x-hop', '1'],
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
    });
    expect(stored.fields).toEqual([
      HOUR,
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
      ['date', formatHttpDate(NOW)],
    ]);
  });

  it('reckons the instants of its life (RFC 9111 §4.2)', () => {
    const { stored } = storable({
      response: [HOUR, ['age', '7'], ['date', formatHttpDate(NOW - 5000)]],
    });
    // Age 7 s and one second under way are more than the 5 s since Date.
    expect(stored.bornAt).toBe(NOW - 8000);
    expect(stored.freshUntilAt).toBe(NOW - 8000 + 3_600_000);
    expect(stored.dateAt).toBe(NOW - 5000);
  });

  it('keeps what can be validated for a day beyond its freshness, the rest only while it may be used', () => {
    expect(storable({ response: [HOUR, ['etag', '"a"']] }).keepMs).toBe(3_599_000 + DAY_MS);
    expect(storable({ response: [['etag', '"a"']] }).keepMs).toBe(DAY_MS);
    const strict = [['cache-control', 'max-age=3600, must-revalidate']] as const;
    expect(storable({ response: strict }).keepMs).toBe(3_599_000);
    // Without a validator it can still be served stale, when the origin fails.
    expect(storable({ response: [HOUR] }).keepMs).toBe(3_599_000 + DAY_MS);
  });

  it('takes an Expires that is no date for a word about freshness: stale, and to be validated', () => {
    const { stored } = storable({
      status: 500,
      response: [
        ['expires', '0'],
        ['etag', '"a"'],
      ],
    });
    expect(stored.freshUntilAt).toBeLessThanOrEqual(NOW);
  });

  it('remembers what the directives permit and forbid', () => {
    const flags = (cacheControl: string) => {
      const { stored } = storable({
        response: [
          ['cache-control', cacheControl],
          ['etag', '"a"'],
        ],
      });
      const { alwaysValidate, neverStale, servesAuthorized, staleIfErrorSeconds } = stored;
      return { alwaysValidate, neverStale, servesAuthorized, staleIfErrorSeconds };
    };
    const none = {
      alwaysValidate: false,
      neverStale: false,
      servesAuthorized: false,
      staleIfErrorSeconds: null,
    };
    expect(flags('max-age=1')).toEqual(none);
    expect(flags('no-cache')).toEqual({ ...none, alwaysValidate: true });
    expect(flags('no-cache="a"')).toEqual(none);
    expect(flags('public')).toEqual({ ...none, servesAuthorized: true });
    expect(flags('must-revalidate')).toEqual({ ...none, servesAuthorized: true, neverStale: true });
    expect(flags('s-maxage=1')).toEqual({ ...none, servesAuthorized: true, neverStale: true });
    expect(flags('proxy-revalidate')).toEqual({ ...none, neverStale: true });
    expect(flags('stale-if-error=60')).toEqual({ ...none, staleIfErrorSeconds: 60 });
    // What is spoilt may forbid, not permit.
    expect(flags('max-age=1; must-revalidate; public')).toEqual({ ...none, neverStale: true });
  });
});

describe('the variant', () => {
  const variantFor = (foo: string | null, bar: string | null) => {
    const lines = { foo, bar };
    const request = Object.entries(lines).flatMap(([name, value]) =>
      value === null ? [] : [[name, value] as const],
    );
    return storable({ request, response: [HOUR, ['vary', 'Bar, foo']] }).variant;
  };

  it('is empty without Vary', () => {
    expect(storable({ request: [['foo', '1']], response: [HOUR] }).variant).toBe('');
  });

  it('is equal for the same selecting fields alone, whatever stands in them', () => {
    const value = fc.option(fc.string({ unit: fc.constantFrom('a', '"', '[', ',', ':', '\\', '\u0000') }));
    fc.assert(
      fc.property(value, value, value, value, (foo, bar, otherFoo, otherBar) => {
        const isEqual = variantFor(foo, bar) === variantFor(otherFoo, otherBar);
        // No blanks in the alphabet: nothing is normalised away.
        expect(isEqual).toBe(foo === otherFoo && bar === otherBar);
      }),
      SEEDED,
    );
  });
});

describe('encodeStored', () => {
  it('is read back as it was', () => {
    const text = fc.string({ unit: anyUnit });
    fc.assert(
      fc.property(text, text, (foo, value) => {
        const verdict = decide({ request: [['foo', foo]], response: [HOUR, ['vary', 'foo'], ['x', value]] });
        if (verdict.type === 'storable')
          expect(decodeStored(encodeStored(verdict.stored))).toEqual(verdict.stored);
      }),
      SEEDED,
    );
  });

  it('refuses what is of another format', () => {
    for (const text of ['{}', '{"format":1,"fields":[]}', '{"format":2}', 'null', 'x']) {
      expect(() => decodeStored(text)).toThrow();
    }
  });
});

describe('cacheKeyOf', () => {
  it('prefixes the length, so that no URL can be taken for another entry', () => {
    expect(cacheKeyOf(target('http://h/'), WHOLE)).toBe('h9:http://h/');
    expect(cacheKeyOf(target('http://h/?'), WHOLE)).toBe('h10:http://h/?');
  });

  it.each<[options: Partial<KeyOptions>, url: string, keyed: string]>([
    [{ query: 'none' }, 'http://h/a?b=1', 'http://h/a'],
    [{ query: { include: ['b'] } }, 'http://h/a?c=1', 'http://h/a'],
    [{ query: { include: ['b'] } }, 'http://h/a?c=1&b=%2f&b&d', 'http://h/a?b=%2f&b'],
    [{ query: { exclude: ['b'] } }, 'http://h/a?c=1&b=2&&b;x', 'http://h/a?c=1&&b;x'],
    [{ query: { exclude: ['b'] } }, 'http://h/a?%62=1&%e4=2', 'http://h/a?%e4=2'],
    [{ sortQuery: true }, 'http://h/a?c=2&b=1&c=1&B=0', 'http://h/a?B=0&b=1&c=2&c=1'],
    [{ sortQuery: true, query: { exclude: ['b'] } }, 'http://h/a?c=1&b=2&a', 'http://h/a?a&c=1'],
  ])('keys by %j of %j the bytes of %j', (options, url, keyed) => {
    expect(cacheKeyOf(target(url), { ...WHOLE, ...options })).toBe(`h${keyed.length}:${keyed}`);
  });

  it('never makes two URLs one that differ in a parameter that counts', () => {
    const name = fc.constantFrom('a', 'b', '%61', 'c;a', '');
    const query = fc.array(fc.tuple(name, fc.constantFrom('', '1', '2')), { maxLength: 4 });
    const counting = (pieces: readonly (readonly [string, string])[]) =>
      pieces.filter(([key]) => key === 'a' || key === '%61').map(([, value]) => value);
    const urlOf = (pieces: readonly (readonly [string, string])[]) =>
      `http://h/?${pieces.map((piece) => piece.join('=')).join('&')}`;
    const options = { ...WHOLE, query: { include: ['a'] }, sortQuery: true };
    fc.assert(
      fc.property(query, query, (one, other) => {
        const same = cacheKeyOf(target(urlOf(one)), options) === cacheKeyOf(target(urlOf(other)), options);
        if (same) expect(counting(one)).toEqual(counting(other));
      }),
      SEEDED,
    );
  });

  it('asks for what the configuration has where a route says nothing', () => {
    const parsed = parseConfig({ pools: { p: {} }, routes: [{ id: 'r', pool: 'p' }] });
    expect(parsed.ok && parsed.config.routes[0]?.cache).toMatchObject({
      ...DEFAULT_CACHE_POLICY,
      key: WHOLE,
    });
  });
});

describe('deviceClass', () => {
  it.each([
    ['Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) Mobile/15E148', 'tablet'],
    ['Mozilla/5.0 (Linux; Android 15; SM-X910) Chrome/141.0 Safari/537.36', 'tablet'],
    ['Mozilla/5.0 (Linux; Android 15; SM-S921) Chrome/141.0 Mobile Safari/537.36', 'mobile'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/141.0', 'desktop'],
    ['', 'desktop'],
  ])('of %j is %s', (userAgent, expected) => {
    expect(deviceClass(userAgent)).toBe(expected);
  });
});

describe('decideStorable, whatever it is given', () => {
  it('never throws, and stores nothing that says private or no-store', () => {
    const name = fc.constantFrom(
      'cache-control',
      'vary',
      'expires',
      'date',
      'age',
      'etag',
      'set-cookie',
      'connection',
    );
    const value = fc.oneof(
      fc.string({ unit: anyUnit }),
      fc.constantFrom('max-age=60', 'private', 'no-store', 'public', '*', '"a"', '0', formatHttpDate(NOW)),
    );
    const fields = fc.array(fc.tuple(name, value), { maxLength: 6 });
    fc.assert(
      fc.property(fields, fields, fc.integer({ min: 100, max: 599 }), (request, response, status) => {
        const verdict = decide({ request, response, status });
        if (verdict.type !== 'storable') return;
        expect(verdict.keepMs).toBeGreaterThan(0);
        const says = response.filter(([field]) => field === 'cache-control').map(([, text]) => text);
        expect(says).not.toContain('no-store');
        // A quote left open on an earlier line may take in the next one.
        if (!says.some((text) => text.includes('"'))) expect(says).not.toContain('private');
      }),
      SEEDED,
    );
  });
});
