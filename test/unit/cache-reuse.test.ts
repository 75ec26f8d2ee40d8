// Reuse, validation and failure: the decisions' own words, and which of several variants they speak of. What they come
// to in the end is the matter of the conformance cases.
import { describe, expect, it } from 'vitest';
import { answerOnFailure } from '../../core/cache/origin-failure.ts';
import { DEFAULT_CACHE_POLICY } from '../../core/cache/policy.ts';
import { answerFromStored } from '../../core/cache/respond.ts';
import { decideReuse } from '../../core/cache/reuse.ts';
import { conditionalFields, fieldsToRevalidate, freshen } from '../../core/cache/revalidation.ts';
import { decideStorable } from '../../core/cache/storable.ts';
import type { StoredResponse } from '../../core/cache/stored-response.ts';
import { type Fields, fieldLines } from '../../core/http/fields.ts';
import { formatHttpDate } from '../../core/http/http-date.ts';

const NOW = Date.UTC(2026, 10, 21, 12);

function stored(
  response: Fields,
  { request = [], at = NOW }: { request?: Fields; at?: number } = {},
): StoredResponse {
  const verdict = decideStorable(
    {
      request: { method: 'GET', fields: request },
      response: { status: 200, fields: [...response, ['date', formatHttpDate(at)]] },
      keyParts: [],
      requestedAt: at,
      receivedAt: at,
    },
    DEFAULT_CACHE_POLICY,
  );
  if (verdict.type !== 'storable') throw new Error(`Not stored: ${verdict.reason}`);
  return verdict.stored;
}

const get = (...fields: Fields) => ({ method: 'GET', fields, keyParts: [] });
const MINUTE = ['cache-control', 'max-age=60'] as const;
const TAG = ['etag', '"a"'] as const;

describe('decideReuse', () => {
  it('says age and remaining freshness of a hit', () => {
    const reuse = decideReuse(get(), [stored([MINUTE, ['age', '5']])], NOW + 10_400, DEFAULT_CACHE_POLICY);
    expect(reuse).toEqual({
      decision: { type: 'hit', ageSeconds: 15, ttlSeconds: 44, refresh: false },
      index: 0,
    });
  });

  it('is fresh up to the last millisecond, and stale from the next one on', () => {
    const entries = [stored([MINUTE])];
    expect(decideReuse(get(), entries, NOW + 59_999, DEFAULT_CACHE_POLICY).decision.type).toBe('hit');
    expect(decideReuse(get(), entries, NOW + 60_000, DEFAULT_CACHE_POLICY).decision.type).toBe('miss');
  });

  it.each<[title: string, request: ReturnType<typeof get>, entries: StoredResponse[], decision: object]>([
    ['no URL', get(), [], { type: 'miss', forward: 'uri-miss', reason: 'uri-miss' }],
    [
      'no variant',
      get(['foo', '2']),
      [stored([MINUTE, ['vary', 'foo']], { request: [['foo', '1']] })],
      { type: 'miss', forward: 'vary-miss', reason: 'vary-miss' },
    ],
    [
      'another method',
      { method: 'PUT', fields: [], keyParts: [] },
      [],
      { type: 'miss', forward: 'method', reason: 'method' },
    ],
    ['a range', get(['range', 'bytes=0-']), [], { type: 'miss', forward: 'uri-miss', reason: 'uri-miss' }],
    [
      'credentials',
      get(['authorization', 'x']),
      [stored([MINUTE])],
      { type: 'miss', forward: 'request', reason: 'authorization' },
    ],
    [
      'no-cache of the client',
      get(['cache-control', 'no-cache']),
      [stored([MINUTE, TAG])],
      { type: 'revalidate', forward: 'request', reason: 'request-no-cache', ttlSeconds: 50 },
    ],
    [
      'no-cache of the response',
      get(),
      [stored([['cache-control', 'no-cache, max-age=60'], TAG])],
      { type: 'revalidate', forward: 'stale', reason: 'no-cache', ttlSeconds: 50 },
    ],
    [
      'max-age of the client',
      get(['cache-control', 'max-age=1']),
      [stored([MINUTE, TAG])],
      { type: 'revalidate', forward: 'request', reason: 'request-max-age', ttlSeconds: 50 },
    ],
    [
      'min-fresh of the client',
      get(['cache-control', 'min-fresh=55']),
      [stored([MINUTE])],
      { type: 'miss', forward: 'request', reason: 'request-min-fresh' },
    ],
    [
      'staleness',
      get(),
      [stored([['cache-control', 'max-age=5'], TAG])],
      { type: 'revalidate', forward: 'stale', reason: 'stale', ttlSeconds: -5 },
    ],
    [
      'only-if-cached',
      get(['cache-control', 'only-if-cached']),
      [stored([['cache-control', 'max-age=5'], TAG])],
      { type: 'not-cached', reason: 'stale' },
    ],
  ])('names the reason: %s', (_, request, entries, decision) => {
    expect(decideReuse(request, entries, NOW + 10_000, DEFAULT_CACHE_POLICY).decision).toEqual(decision);
  });

  it('speaks of the variant that it chose, also beside a miss that nothing can validate', () => {
    const one = stored([MINUTE, ['vary', 'foo']], { request: [['foo', '1']] });
    const two = stored([MINUTE, ['vary', 'foo']], { request: [['foo', '2']], at: NOW - 90_000 });
    expect(decideReuse(get(['foo', '1']), [two, one], NOW, DEFAULT_CACHE_POLICY).index).toBe(1);
    expect(decideReuse(get(['foo', '2']), [two, one], NOW, DEFAULT_CACHE_POLICY)).toEqual({
      decision: { type: 'miss', forward: 'stale', reason: 'stale' },
      index: 0,
    });
    expect(decideReuse(get(['foo', '3']), [two, one], NOW, DEFAULT_CACHE_POLICY).index).toBeNull();
  });

  it('chooses the newest of several that match, by Date, then by receipt, in whatever order they come', () => {
    const older = stored([MINUTE], { at: NOW - 20_000 });
    const newer = stored([MINUTE], { at: NOW - 10_000 });
    const arrivedLast = { ...older, receivedAt: NOW };
    const sameDateLater = { ...newer, receivedAt: newer.receivedAt + 1 };
    expect(decideReuse(get(), [older, newer], NOW, DEFAULT_CACHE_POLICY).index).toBe(1);
    expect(decideReuse(get(), [newer, older], NOW, DEFAULT_CACHE_POLICY).index).toBe(0);
    expect(decideReuse(get(), [newer, arrivedLast], NOW, DEFAULT_CACHE_POLICY).index).toBe(0);
    expect(decideReuse(get(), [sameDateLater, newer], NOW, DEFAULT_CACHE_POLICY).index).toBe(0);
    expect(decideReuse(get(), [newer, sameDateLater], NOW, DEFAULT_CACHE_POLICY).index).toBe(1);
  });
});

describe('conditionalFields (RFC 9111 §4.3.1)', () => {
  const date = 'Wed, 01 Jan 2020 00:00:00 GMT';

  it('sends what was given, word for word, and only what is a validator', () => {
    expect(
      conditionalFields(
        stored([
          ['etag', 'W/"a"'],
          ['last-modified', date],
        ]),
      ),
    ).toEqual([
      ['if-none-match', 'W/"a"'],
      ['if-modified-since', date],
    ]);
    expect(conditionalFields(stored([MINUTE, ['etag', 'a'], ['last-modified', 'yesterday']]))).toEqual([]);
  });

  it("takes the place of the client's conditions, and of nothing else", () => {
    const fields: Fields = [
      ['if-none-match', '"client"'],
      ['if-modified-since', date],
      ['foo', '1'],
    ];
    expect(fieldsToRevalidate(fields, stored([TAG]))).toEqual([
      ['foo', '1'],
      ['if-none-match', '"a"'],
    ]);
  });
});

describe('freshen (RFC 9111 §4.3.4)', () => {
  const later = { requestedAt: NOW + 99_000, receivedAt: NOW + 100_000 };
  const with304 = (entry: StoredResponse, ...fields: Fields) =>
    freshen(entry, { fields, ...later }, DEFAULT_CACHE_POLICY);

  it.each<[outcome: string, stored: string, of304: string]>([
    ['freshened', '"a"', '"a"'],
    ['mismatch', '"a"', '"b"'],
    ['freshened', '"a"', 'W/"a"'],
    ['freshened', 'W/"a"', 'W/"a"'],
    ['mismatch', 'W/"a"', '"a"'],
    ['mismatch', 'W/"a"', 'W/"b"'],
  ])('is %s: stored %s, confirmed with %s', (outcome, ours, theirs) => {
    expect(with304(stored([['etag', ours]]), ['etag', theirs]).type).toBe(outcome);
  });

  it('goes by Last-Modified where there is no tag', () => {
    const entry = stored([['last-modified', 'Wed, 01 Jan 2020 00:00:00 GMT']]);
    expect(with304(entry, ['last-modified', 'Wed, 01 Jan 2020 00:00:00 GMT']).type).toBe('freshened');
    expect(with304(entry, ['last-modified', 'Thu, 02 Jan 2020 00:00:00 GMT']).type).toBe('mismatch');
    expect(with304(entry).type).toBe('freshened');
  });

  it('refuses where Vary has changed, or where the question was not ours', () => {
    const entry = stored([TAG, ['vary', 'Foo, bar']]);
    expect(with304(entry, ['vary', 'bar,foo']).type).toBe('freshened');
    expect(with304(entry, ['vary', 'foo']).type).toBe('mismatch');
    expect(with304(stored([MINUTE])).type).toBe('mismatch');
  });

  it('starts the age again, dates it, and keeps the variant', () => {
    const entry = stored([MINUTE, TAG, ['age', '30'], ['vary', 'foo']], { request: [['foo', '1']] });
    const freshened = with304(entry);
    if (freshened.type !== 'freshened') throw new Error('Not freshened');
    expect(freshened.stored.freshUntilAt).toBe(later.receivedAt - 1000 + 60_000);
    expect(fieldLines(freshened.stored.fields, 'date')).toEqual([formatHttpDate(later.receivedAt)]);
    expect(freshened.variant).toBe('[["foo","1"]]');
    expect(freshened.notStoredReason).toBeNull();
  });

  it("does not let the 304's Connection take a stored field away", () => {
    const freshened = with304(stored([TAG, ['x-a', '1']]), ['connection', 'x-a, x-b'], ['x-b', '2']);
    if (freshened.type !== 'freshened') throw new Error('Not freshened');
    expect(fieldLines(freshened.stored.fields, 'x-a')).toEqual(['1']);
    expect(fieldLines(freshened.stored.fields, 'x-b')).toEqual([]);
  });

  it('answers once and keeps nothing where the 304 forbids it', () => {
    const freshened = with304(stored([MINUTE, TAG]), ['cache-control', 'private']);
    expect(freshened).toMatchObject({ type: 'freshened', keepMs: 0, notStoredReason: 'private' });
    const publicEntry = stored([['cache-control', 'public, max-age=60'], TAG]);
    const update = { fields: [MINUTE], ...later };
    expect(freshen(publicEntry, { ...update, authorized: true }, DEFAULT_CACHE_POLICY)).toMatchObject({
      keepMs: 0,
      notStoredReason: 'authorization',
    });
    expect(freshen(publicEntry, update, DEFAULT_CACHE_POLICY)).toMatchObject({ notStoredReason: null });
  });
});

describe('answerOnFailure (RFC 5861 §4)', () => {
  const forSeconds = (staleIfErrorSeconds: number) => ({ staleIfErrorSeconds, requestDirectives: true });
  const unreachable = { type: 'unreachable' } as const;
  const entry = stored([MINUTE, TAG]);
  const at = (seconds: number) => NOW + seconds * 1000;

  it("is bounded by the response's word, else by the route's, and 0 means never", () => {
    const named = stored([['cache-control', 'max-age=60, stale-if-error=10'], TAG]);
    expect(answerOnFailure(named, get(), unreachable, at(69), forSeconds(3600))).toBe('serve-stale');
    expect(answerOnFailure(named, get(), unreachable, at(70), forSeconds(3600))).toBe('forward');
    expect(answerOnFailure(entry, get(), unreachable, at(3659), forSeconds(3600))).toBe('serve-stale');
    expect(answerOnFailure(entry, get(), unreachable, at(3660), forSeconds(3600))).toBe('forward');
    expect(answerOnFailure(entry, get(), unreachable, at(60), forSeconds(0))).toBe('forward');
  });

  it('is bounded by the client as well', () => {
    const strict = get(['cache-control', 'stale-if-error=5']);
    expect(answerOnFailure(entry, strict, unreachable, at(64), forSeconds(3600))).toBe('serve-stale');
    expect(answerOnFailure(entry, strict, unreachable, at(65), forSeconds(3600))).toBe('forward');
  });
});

describe('answerFromStored', () => {
  it('gives whole fields with Age, and no body to HEAD', () => {
    const entry = stored([MINUTE, TAG, ['content-length', '5']]);
    const answer = answerFromStored(entry, { method: 'HEAD', fields: [] }, 5, NOW + 7900);
    expect(answer).toEqual({ status: 200, fields: [...entry.fields, ['age', '7']], body: { type: 'none' } });
    expect(answerFromStored(entry, get(), 5, NOW).body).toEqual({ type: 'whole' });
  });

  it('never tells a negative age, however the clocks differ', () => {
    expect(answerFromStored(stored([MINUTE]), get(), 5, NOW - 9000).fields).toContainEqual(['age', '0']);
  });

  it('tells Last-Modified in a 304 only where there is no tag', () => {
    const date = 'Wed, 01 Jan 2020 00:00:00 GMT';
    const answer = answerFromStored(
      stored([MINUTE, ['last-modified', date], ['content-type', 'text/plain']]),
      get(['if-modified-since', date]),
      5,
      NOW,
    );
    expect(answer.status).toBe(304);
    expect(answer.fields.map(([name]) => name)).toEqual(['cache-control', 'last-modified', 'date', 'age']);
  });
});
