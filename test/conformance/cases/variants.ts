// Several responses under one URL, told apart by Vary (RFC 9111 §4.1).
import {
  after,
  asking,
  type ConformanceCase,
  FETCHED,
  type FieldSpec,
  REUSED,
  type Step,
  stored,
} from '../case.ts';

const HOUR: FieldSpec = ['cache-control', 'max-age=3600'];
const SECTION = 'RFC 9111 §4.1';

type Request = readonly FieldSpec[];

const pair = (
  id: string,
  kind: ConformanceCase['kind'],
  title: string,
  vary: string,
  first: Request,
  second: Request,
  outcome: 'reused' | 'fetched',
): ConformanceCase => ({
  id,
  section: SECTION,
  kind,
  title,
  steps: [
    asking(first, stored(HOUR, ['vary', vary])),
    asking(second, outcome === 'reused' ? REUSED : FETCHED),
  ],
});

const foo = (value: string): FieldSpec => ['foo', value];
const bar = (value: string): FieldSpec => ['bar', value];

const A: FieldSpec = ['etag', '"a"'];
const B: FieldSpec = ['etag', '"b"'];
const VARY: FieldSpec = ['vary', 'foo'];
const NOT_OFFERED: Step = { expect: { from: 'origin', notSent: ['if-none-match'] } };

/** Two variants are stored, with the tags "a" and "b"; then a third request, and perhaps the same again. */
const offering = (
  id: string,
  section: string,
  kind: ConformanceCase['kind'],
  title: string,
  ...then: readonly Step[]
): ConformanceCase => ({
  id,
  section,
  kind,
  title,
  steps: [
    after(1, asking([foo('1')], stored(HOUR, VARY, A))),
    after(1, asking([foo('2')], stored(HOUR, VARY, B))),
    ...then.map((step) => asking([foo('3'), ...(step.request ?? [])], step)),
  ],
});

const chooses = (tag: FieldSpec | null, ...fields: FieldSpec[]): NonNullable<Step['origin']> => ({
  status: 304,
  fields: [['date', 0], ...fields, ...(tag === null ? [] : [tag])],
  validates: false,
  toPlain: { fields: [['date', 0], HOUR, VARY, ['etag', '"c"']] },
});

/** Stored so for a first request; the tag is not offered for the second. */
const unoffered = (
  id: string,
  title: string,
  first: Request,
  fields: readonly FieldSpec[],
  second: Request,
  key?: ConformanceCase['key'],
): ConformanceCase => ({
  id,
  section: 'RFC 9111 §4.3.1',
  kind: 'chosen',
  title: `${title} is not offered`,
  ...(key && { key }),
  steps: [asking(first, stored(HOUR, ...fields)), asking(second, NOT_OFFERED)],
});

const OFFERS: readonly ConformanceCase[] = [
  offering(
    'variants-offered',
    'RFC 9111 §4.3.1',
    'optimal',
    'the tags of all variants are sent, and the one that a 304 names answers, also the next time',
    {
      origin: chooses(A, HOUR, ['x-a', '1']),
      expect: {
        from: 'validated',
        status: 200,
        bodyOfStep: 0,
        sent: [['if-none-match', '"b", "a"']],
        fields: [['x-a', '1']],
      },
    },
    { expect: { from: 'cache', bodyOfStep: 0, fields: [['x-a', '1']] } },
  ),
  offering(
    'variants-offered-new',
    'RFC 9111 §4.3.3',
    'required',
    'another response is stored beside them',
    {
      origin: { fields: [['date', 0], HOUR, VARY, ['etag', '"c"']] },
      expect: { from: 'origin', bodyOfStep: 2 },
    },
    { expect: { from: 'cache', bodyOfStep: 2 } },
  ),
  offering(
    'variants-offered-bare',
    'RFC 9111 §4.3.4',
    'required',
    'a 304 that names none of several says nothing: the origin is asked without conditions',
    { origin: chooses(null, HOUR), expect: { from: 'origin', status: 200, bodyOfStep: 2 } },
  ),
  offering('variants-offered-weak', 'RFC 9111 §4.3.4', 'required', 'nor does one with a weak tag', {
    origin: chooses(['etag', 'W/"a"'], HOUR),
    expect: { from: 'origin', status: 200, bodyOfStep: 2 },
  }),
  offering('variants-offered-unknown', 'RFC 9111 §4.3.4', 'required', 'nor one with a tag that nobody sent', {
    origin: chooses(['etag', '"x"'], HOUR),
    expect: { from: 'origin', status: 200, bodyOfStep: 2 },
  }),
  offering(
    'variants-offered-no-store',
    'RFC 9111 §3.2',
    'required',
    'a 304 with no-store is used once',
    {
      origin: chooses(A, ['cache-control', 'no-store']),
      expect: { from: 'validated', status: 200, bodyOfStep: 0 },
    },
    { origin: chooses(A), expect: { from: 'validated' } },
  ),
  offering(
    'variants-offered-with-client',
    'RFC 9111 §4.3.2',
    'required',
    'the client’s own tags go along; a 304 that names one of ours is a 200 for the client',
    {
      request: [['if-none-match', '"mine"']],
      origin: chooses(B, HOUR),
      expect: {
        from: 'validated',
        status: 200,
        bodyOfStep: 1,
        sent: [['if-none-match', '"mine", "b", "a"']],
      },
    },
  ),
  offering(
    'variants-offered-same-as-client',
    'RFC 9111 §4.3.2',
    'optimal',
    'where the client has that one too it is told so',
    {
      request: [['if-none-match', '"b"']],
      origin: chooses(B, HOUR),
      expect: { from: 'validated', status: 304, body: '' },
    },
  ),
  offering(
    'variants-offered-client-has',
    'RFC 9111 §4.3.2',
    'required',
    'a 304 that names the client’s alone is passed on and stores nothing',
    {
      request: [['if-none-match', '"mine"']],
      origin: chooses(['etag', '"mine"'], HOUR),
      expect: { from: 'origin', status: 304 },
    },
    { origin: chooses(null), expect: { from: 'origin', bodyOfStep: 3 } },
  ),
  offering(
    'variants-offered-bare-to-client',
    'RFC 9111 §4.3.2',
    'required',
    'one that names nothing may be about ours: the client is not told that it has it',
    {
      request: [['if-none-match', '"mine"']],
      origin: chooses(null),
      expect: { from: 'origin', asked: 2, sent: [['if-none-match', '"mine", "b", "a"']] },
    },
  ),
  offering('variants-offered-date', 'RFC 9111 §4.3.2', 'chosen', 'a date of the client’s goes alone', {
    request: [['if-modified-since', -60]],
    ...NOT_OFFERED,
  }),
  offering('variants-offered-garbage', 'RFC 9111 §4.3.2', 'chosen', 'as do tags that cannot be read', {
    request: [['if-none-match', 'mine']],
    expect: { from: 'origin', sent: [['if-none-match', 'mine']] },
  }),
  {
    id: 'variants-own-tag',
    section: 'RFC 9111 §4.3.1',
    kind: 'chosen',
    title: 'a stale variant is validated by its own tag alone',
    steps: [
      asking([foo('1')], stored(HOUR, VARY, A)),
      after(120, asking([foo('2')], stored(['cache-control', 'max-age=60'], VARY, B))),
      asking([foo('2')], {
        origin: chooses(B, HOUR),
        expect: { from: 'validated', bodyOfStep: 1, sent: [['if-none-match', '"b"']] },
      }),
    ],
  },
  unoffered('variants-weak', 'a weak tag', [foo('1')], [VARY, ['etag', 'W/"a"']], [foo('2')]),
  unoffered(
    'variants-cookie',
    'what varies by cookie',
    [['cookie', 'a=1']],
    [['vary', 'cookie'], A],
    [['cookie', 'a=2']],
  ),
  unoffered(
    'variants-coding',
    'a coding that was not asked for',
    [['accept-encoding', 'gzip']],
    [['vary', 'accept-encoding'], ['content-encoding', 'gzip'], A],
    [['accept-encoding', 'br, gzip;q=0']],
  ),
  unoffered('variants-other-key', 'what has another key', [bar('1')], [A], [bar('2')], { headers: ['bar'] }),
  unoffered(
    'variants-authorization',
    'what was made without credentials',
    [foo('1')],
    [VARY, A],
    [foo('2'), ['authorization', 'Bearer x']],
  ),
];

export const VARIANTS: readonly ConformanceCase[] = [
  ...OFFERS,
  pair('vary-match', 'optimal', 'the same value is reused', 'Foo', [foo('1')], [foo('1')], 'reused'),
  pair('vary-no-match', 'required', 'another value is not', 'Foo', [foo('1')], [foo('2')], 'fetched'),
  pair(
    'vary-omit',
    'required',
    'a request without the field does not match',
    'Foo',
    [foo('1')],
    [],
    'fetched',
  ),
  pair(
    'vary-omit-stored',
    'required',
    'nor does one with it match one without',
    'Foo',
    [],
    [foo('1')],
    'fetched',
  ),
  pair('vary-both-absent', 'optimal', 'absent twice matches', 'Foo', [], [], 'reused'),
  pair(
    'vary-empty-is-present',
    'required',
    'an empty field is not an absent one',
    'Foo',
    [],
    [foo('')],
    'fetched',
  ),
  pair('vary-case', 'required', 'values differ in case', 'Foo', [foo('a')], [foo('A')], 'fetched'),
  pair(
    'vary-other',
    'optimal',
    'fields not named do not matter',
    'Foo',
    [foo('1'), bar('2')],
    [foo('1')],
    'reused',
  ),
  pair(
    'vary-two',
    'optimal',
    'two fields match',
    'Foo, bar',
    [foo('1'), bar('2')],
    [bar('2'), foo('1')],
    'reused',
  ),
  pair(
    'vary-two-differ',
    'required',
    'one of two differs',
    'Foo, bar',
    [foo('1'), bar('2')],
    [foo('1'), bar('3')],
    'fetched',
  ),
  pair(
    'vary-swapped',
    'required',
    'swapped values do not match',
    'foo, bar',
    [foo('1'), bar('2')],
    [foo('2'), bar('1')],
    'fetched',
  ),
  pair('vary-star', 'required', '"*" matches nothing', '*', [foo('1')], [foo('1')], 'fetched'),
  pair(
    'vary-star-among',
    'required',
    '"*" among others neither',
    'foo, *',
    [foo('1')],
    [foo('1')],
    'fetched',
  ),
  pair('vary-star-first', 'required', '"*" first neither', '*, foo', [foo('1')], [foo('1')], 'fetched'),
  pair(
    'vary-lines',
    'optimal',
    'repeated lines are one list',
    'foo',
    [foo('1, 2')],
    [foo('1'), foo('2')],
    'reused',
  ),
  pair(
    'vary-blanks',
    'optimal',
    'blanks around commas do not matter',
    'foo',
    [foo('1,2')],
    [foo(' 1 ,  2 ')],
    'reused',
  ),
  pair(
    'vary-quoted-blanks',
    'required',
    'blanks inside quotes do',
    'foo',
    [foo('"1,2"')],
    [foo('"1, 2"')],
    'fetched',
  ),
  pair(
    'vary-undecodable',
    'chosen',
    'bytes that are no text match nothing',
    'foo',
    [foo('\ufffd')],
    [foo('\ufffd')],
    'fetched',
  ),
  pair(
    'vary-cookie',
    'required',
    'Vary: Cookie keeps clients apart',
    'cookie',
    [['cookie', 'a=1']],
    [['cookie', 'a=2']],
    'fetched',
  ),
  pair(
    'vary-language-order',
    'optimal',
    'the order of languages without weights does not matter',
    'accept-language',
    [['accept-language', 'en, de']],
    [['accept-language', 'de, en']],
    'reused',
  ),
  {
    id: 'vary-side-by-side',
    section: SECTION,
    kind: 'optimal',
    title: 'two variants are kept side by side',
    steps: [
      asking([foo('1')], stored(HOUR, ['vary', 'foo'])),
      asking([foo('2')], { ...stored(HOUR, ['vary', 'foo']), expect: { from: 'origin' } }),
      asking([foo('1')], { expect: { from: 'cache', bodyOfStep: 0 } }),
      asking([foo('2')], { expect: { from: 'cache', bodyOfStep: 1 } }),
    ],
  },
  {
    id: 'vary-most-recent',
    section: SECTION,
    kind: 'required',
    title: 'of several that match, the one with the newest Date answers',
    steps: [
      after(1, asking([foo('1'), bar('1')], stored(HOUR, ['vary', 'foo']))),
      asking([foo('2'), bar('2')], stored(HOUR, ['vary', 'bar'])),
      asking([foo('1'), bar('2')], { expect: { from: 'cache', bodyOfStep: 1 } }),
    ],
  },
  {
    id: 'vary-forgotten-once',
    section: SECTION,
    kind: 'chosen',
    title: 'a response that omits Vary does not answer for the variants that came after it',
    steps: [
      after(1, asking([foo('1')], stored(HOUR))),
      asking([foo('2'), ['cache-control', 'no-cache']], stored(HOUR, ['vary', 'foo'])),
      asking([foo('3')], FETCHED),
    ],
  },
  {
    id: 'vary-no-more',
    section: SECTION,
    kind: 'optimal',
    title: 'a newer response without Vary answers for all',
    steps: [
      after(1, asking([foo('1')], stored(HOUR, ['vary', 'foo']))),
      asking([foo('2')], stored(HOUR)),
      asking([foo('3')], { expect: { from: 'cache', bodyOfStep: 1 } }),
    ],
  },
];
