// Parts that origins sent (206): stored, reused for what they hold, and joined (RFC 9111 §3.3, §3.4, RFC 9110 §15.3.7).
import { after, asking, type ConformanceCase, FETCHED, type FieldSpec, type Step } from '../case.ts';

const HOUR: FieldSpec = ['cache-control', 'max-age=3600'];
const TAG: FieldSpec = ['etag', '"a"'];
const WEAK: FieldSpec = ['etag', 'W/"a"'];
/** 10 bytes. */
const WHOLE = '0123456789';

type Kind = ConformanceCase['kind'];

const rangeOf = (first: number, last: number | ''): FieldSpec => ['range', `bytes=${first}-${last}`];

/** The origin's answer to a request for that part. */
function part(first: number, last: number, ...fields: FieldSpec[]): NonNullable<Step['origin']> {
  return {
    status: 206,
    fields: [['date', 0], HOUR, ['content-range', `bytes ${first}-${last}/10`], ...fields],
    body: WHOLE.slice(first, last + 1),
    validates: false,
  };
}

const gets = (first: number, last: number, ...fields: FieldSpec[]): Step => ({
  request: [rangeOf(first, last)],
  origin: part(first, last, ...fields),
});

const whole = (...fields: FieldSpec[]): NonNullable<Step['origin']> => ({
  fields: [['date', 0], HOUR, ...fields],
  body: WHOLE,
});

/** Of the stored part. */
const cut = (range: string, first: number, last: number): Step => ({
  request: [['range', range]],
  expect: {
    from: 'cache',
    status: 206,
    body: WHOLE.slice(first, last + 1),
    fields: [['content-range', `bytes ${first}-${last}/10`]],
    absent: ['content-length'],
  },
});

const asks = (first: number, last: number): Step => ({
  request: [rangeOf(first, last)],
  origin: part(first, last, TAG),
  expect: {
    from: 'origin',
    status: 206,
    body: WHOLE.slice(first, last + 1),
    sent: [rangeOf(first, last)],
    notSent: ['if-range'],
  },
});

const PLAIN: Step = {
  origin: whole(TAG),
  expect: { from: 'origin', status: 200, body: WHOLE, notSent: ['range', 'if-range'] },
};

const reuse = (id: string, title: string, range: string, first: number, last: number): ConformanceCase => ({
  id,
  section: 'RFC 9111 §3.3',
  kind: 'optimal',
  title,
  steps: [gets(4, 9, TAG), cut(range, first, last)],
});

/** Nothing of it answers the same request again. */
const refused = (
  id: string,
  section: string,
  kind: Kind,
  title: string,
  origin: NonNullable<Step['origin']>,
): ConformanceCase => ({
  id,
  section,
  kind,
  title,
  steps: [{ request: [rangeOf(0, 4)], origin }, asks(0, 4)],
});

const contradicts = (id: string, title: string, ...fields: FieldSpec[]): ConformanceCase =>
  refused(`part-${id}`, 'RFC 9110 §14.4', 'required', `${title}: not stored`, {
    status: 206,
    fields: [['date', 0], HOUR, TAG, ...fields],
    body: WHOLE.slice(0, 5),
    validates: false,
  });

/** A stored beginning, and what an origin says to the request for the rest. */
const completing = (
  id: string,
  kind: Kind,
  title: string,
  before: readonly FieldSpec[],
  origin: NonNullable<Step['origin']>,
  expect: NonNullable<Step['expect']>,
  ...then: Step[]
): ConformanceCase => ({
  id,
  section: 'RFC 9111 §3.4',
  kind,
  title,
  steps: [gets(0, 4, ...before), { origin, expect }, ...then],
});

const JOINED = {
  from: 'origin',
  status: 200,
  body: WHOLE,
  fields: [['content-length', '10']],
  absent: ['content-range'],
} as const;
const REST_SENT: readonly FieldSpec[] = [
  ['range', 'bytes=5-'],
  ['if-range', '"a"'],
];
const STORED_WHOLE: Step = { expect: { from: 'cache', status: 200, body: WHOLE, absent: ['content-range'] } };

/** What came does not fit what is stored: the whole is asked for, and that is what is stored. */
const mismatch = (id: string, title: string, rest: NonNullable<Step['origin']>): ConformanceCase =>
  completing(
    id,
    'required',
    title,
    [TAG],
    { ...rest, toPlain: { ...whole(['etag', '"b"']), body: 'another' } },
    { from: 'origin', status: 200, body: 'another', sent: REST_SENT, absent: ['content-range'] },
    { expect: { from: 'cache', status: 200, body: 'another' } },
  );

export const PARTS: readonly ConformanceCase[] = [
  reuse('part-same', 'a part is reused for its range', 'bytes=4-9', 4, 9),
  reuse('part-inside', 'and for bytes inside', 'bytes=6-8', 6, 8),
  reuse('part-open', 'and from one of them to the end', 'bytes=6-', 6, 9),
  reuse('part-suffix', 'and for the last ones', 'bytes=-3', 7, 9),
  {
    id: 'part-several',
    section: 'RFC 9111 §3.3',
    kind: 'optimal',
    title: 'and for several ranges inside',
    steps: [
      gets(4, 9, TAG),
      { request: [['range', 'bytes=8-9,4-5']], expect: { from: 'cache', status: 206, body: '89|45' } },
    ],
  },
  {
    id: 'part-unsatisfiable',
    section: 'RFC 9110 §15.5.17',
    kind: 'optimal',
    title: 'what lies behind the end of the whole is nothing',
    steps: [
      gets(4, 9, TAG),
      {
        request: [['range', 'bytes=10-']],
        expect: { from: 'cache', status: 416, fields: [['content-range', 'bytes */10']] },
      },
    ],
  },
  {
    id: 'part-fields',
    section: 'RFC 9111 §4',
    kind: 'required',
    title: 'with its fields, its Date and its age',
    steps: [
      after(60, gets(4, 9, TAG, ['x-a', '1'], ['content-length', '6'])),
      {
        request: [rangeOf(4, 9)],
        expect: { from: 'cache', fields: [TAG, ['x-a', '1'], ['date', -60], ['age', '60']] },
      },
    ],
  },
  ...(
    [
      ['part-before', 0, 3],
      ['part-around', 0, 9],
      ['part-over-its-start', 2, 6],
    ] as const
  ).map(
    ([id, first, last]): ConformanceCase => ({
      id,
      section: 'RFC 9111 §3.3',
      kind: 'required',
      title: `bytes ${first}-${last} of which 4-7 are stored come from the origin`,
      steps: [gets(4, 7, TAG), asks(first, last)],
    }),
  ),
  {
    id: 'part-not-whole',
    section: 'RFC 9111 §3.3',
    kind: 'required',
    title: 'a part never answers a request for the whole',
    steps: [gets(4, 9, TAG), PLAIN, STORED_WHOLE],
  },
  {
    id: 'part-not-whole-only-if-cached',
    section: 'RFC 9111 §3.3',
    kind: 'required',
    title: 'not even where nothing else may be asked',
    steps: [
      gets(0, 4, TAG),
      asking([['cache-control', 'only-if-cached']], { expect: { from: 'edge', status: 504 } }),
    ],
  },
  {
    id: 'part-not-whole-failing',
    section: 'RFC 9111 §3.3',
    kind: 'required',
    title: 'nor while the origin fails',
    steps: [gets(0, 4, TAG), { origin: null, expect: { from: 'edge', status: 502 } }],
  },
  {
    id: 'part-head',
    section: 'RFC 9111 §3.3',
    kind: 'required',
    title: 'nor a HEAD',
    steps: [
      gets(0, 4, TAG),
      {
        method: 'HEAD',
        origin: whole(TAG),
        expect: { from: 'origin', status: 200, absent: ['content-range'], notSent: ['range'] },
      },
    ],
  },
  {
    id: 'part-same-tag-at-client',
    section: 'RFC 9111 §4.3.2',
    kind: 'optimal',
    title: 'who has the same representation is told so',
    steps: [
      gets(0, 4, TAG),
      asking([['if-none-match', '"x", "a"']], { expect: { from: 'cache', status: 304, fields: [TAG] } }),
    ],
  },
  {
    id: 'part-if-range',
    section: 'RFC 9110 §13.1.5',
    kind: 'required',
    title: 'If-Range with another tag asks the origin',
    steps: [
      gets(4, 9, TAG),
      { request: [rangeOf(4, 9), ['if-range', '"a"']], expect: { from: 'cache', status: 206 } },
      {
        request: [rangeOf(4, 9), ['if-range', '"b"']],
        origin: whole(['etag', '"c"']),
        expect: {
          from: 'origin',
          status: 200,
          sent: [
            ['range', 'bytes=4-9'],
            ['if-range', '"b"'],
          ],
        },
      },
    ],
  },
  {
    id: 'part-stale',
    section: 'RFC 9111 §4.3.1',
    kind: 'optimal',
    title: 'a stale part is confirmed by its tag',
    steps: [
      after(7200, gets(4, 9, TAG)),
      {
        request: [rangeOf(4, 9)],
        origin: { ...part(4, 9, TAG), validates: true, fieldsOf304: [HOUR, TAG, ['date', 0]] },
        expect: { from: 'validated', status: 206, body: '456789', sent: [['if-none-match', '"a"']] },
      },
      cut('bytes=5-6', 5, 6),
    ],
  },
  {
    id: 'part-stale-changed-validator',
    section: 'RFC 9110 §13.1.5',
    kind: 'required',
    title: 'a 304 that moves Last-Modified away from the client’s If-Range does not make a part the answer',
    steps: [
      after(7200, gets(4, 9, TAG, ['last-modified', 'Wed, 01 Jan 2020 00:00:00 GMT'])),
      {
        request: [rangeOf(4, 9), ['if-range', 'Wed, 01 Jan 2020 00:00:00 GMT']],
        origin: {
          ...part(4, 9, TAG),
          validates: true,
          fieldsOf304: [TAG, ['last-modified', 'Thu, 02 Jan 2020 00:00:00 GMT'], ['date', 0]],
          toPlain: whole(TAG),
        },
        expect: { from: 'origin', asked: 2 },
      },
    ],
  },
  {
    id: 'part-stale-while-revalidate',
    section: 'RFC 5861 §3',
    kind: 'chosen',
    title: 'a stale part is validated before it is used',
    steps: [
      after(60, {
        request: [rangeOf(4, 9)],
        origin: {
          ...part(4, 9, TAG),
          fields: [
            ['date', 0],
            TAG,
            ['cache-control', 'max-age=30, stale-while-revalidate=600'],
            ['content-range', 'bytes 4-9/10'],
          ],
        },
      }),
      {
        request: [rangeOf(4, 9)],
        origin: { fields: [HOUR, TAG] },
        expect: { from: 'validated', status: 206 },
      },
    ],
  },
  {
    id: 'part-variants',
    section: 'RFC 9111 §4.1',
    kind: 'required',
    title: 'parts vary as wholes do',
    steps: [
      { request: [rangeOf(0, 4), ['foo', '1']], origin: part(0, 4, TAG, ['vary', 'foo']) },
      { ...asks(0, 4), request: [rangeOf(0, 4), ['foo', '2']] },
    ],
  },
  contradicts('too-short', 'more bytes named than came', ['content-range', 'bytes 0-5/10']),
  contradicts('too-long', 'fewer bytes named than came', ['content-range', 'bytes 0-3/10']),
  contradicts(
    'length',
    'a Content-Length that says otherwise',
    ['content-range', 'bytes 0-4/10'],
    ['content-length', '6'],
  ),
  contradicts('backwards', 'an end before its beginning', ['content-range', 'bytes 4-0/10']),
  contradicts('beyond', 'an end beyond the whole', ['content-range', 'bytes 0-4/4']),
  contradicts('unknown-length', 'a whole of unknown length', ['content-range', 'bytes 0-4/*']),
  contradicts('unit', 'another unit', ['content-range', 'lines 0-4/10']),
  contradicts('twice', 'two ranges', ['content-range', 'bytes 0-4/10'], ['content-range', 'bytes 0-4/11']),
  contradicts('several-parts', 'several parts at once', ['content-type', 'multipart/byteranges; boundary=x']),
  refused('part-private', 'RFC 9111 §3', 'required', 'a private part is not stored', {
    ...part(0, 4, TAG),
    fields: [TAG, ['content-range', 'bytes 0-4/10'], ['cache-control', 'private, max-age=3600']],
  }),
  refused('part-no-freshness', 'RFC 9111 §4.2.2', 'chosen', 'nor one that says nothing of its freshness', {
    ...part(0, 4),
    fields: [TAG, ['content-range', 'bytes 0-4/10'], ['last-modified', -86_400 * 100]],
  }),
  {
    id: 'range-ignored',
    section: 'RFC 9110 §14.2',
    kind: 'optimal',
    title: 'the whole that an origin sends all the same is stored',
    steps: [{ request: [rangeOf(0, 4)], origin: whole(TAG) }, STORED_WHOLE, cut('bytes=2-3', 2, 3)],
  },
  {
    id: 'range-garbage-answered-200',
    section: 'RFC 9110 §14.2',
    kind: 'chosen',
    title: 'but not what answers a Range that cannot be read',
    steps: [
      { request: [['range', 'bytes=cow']], origin: whole(TAG) },
      { ...FETCHED, origin: whole(TAG) },
    ],
  },
  completing(
    'part-completed',
    'optimal',
    'the rest is asked for and joined to a beginning of the same strong tag',
    [TAG],
    part(5, 9, TAG),
    { ...JOINED, sent: REST_SENT },
    STORED_WHOLE,
  ),
  completing(
    'part-completed-fields',
    'required',
    'the fields of the last part replace those of the first',
    [TAG, ['x-a', '1'], ['x-b', '1']],
    part(5, 9, TAG, ['x-a', '2']),
    { ...JOINED, fields: [...JOINED.fields, ['x-a', '2'], ['x-b', '1']] },
    { expect: { from: 'cache', status: 200, body: WHOLE, fields: [['x-a', '2']] } },
  ),
  {
    id: 'part-completed-stale',
    section: 'RFC 9111 §3.4',
    kind: 'optimal',
    title: 'also where the beginning is stale: the same tag confirms it',
    steps: [
      after(7200, gets(0, 4, TAG)),
      { origin: part(5, 9, TAG), expect: { ...JOINED, sent: REST_SENT } },
      STORED_WHOLE,
    ],
  },
  completing(
    'part-completed-condition',
    'required',
    'the client’s condition is not sent along',
    [TAG],
    part(5, 9, TAG),
    { ...JOINED },
  ),
  completing(
    'part-replaced',
    'required',
    'an origin that has something else sends it whole',
    [TAG],
    { ...whole(['etag', '"b"']), body: 'another' },
    { from: 'origin', status: 200, body: 'another', sent: REST_SENT },
    { expect: { from: 'cache', status: 200, body: 'another' } },
  ),
  mismatch('part-other-tag', 'never with another strong tag', part(5, 9, ['etag', '"b"'])),
  mismatch('part-weak-rest', 'never with a weak one', part(5, 9, WEAK)),
  mismatch('part-no-tag', 'nor with none', part(5, 9)),
  mismatch('part-gap', 'not over a gap', part(6, 9, TAG)),
  mismatch('part-other-length', 'not of another length', {
    ...part(5, 9),
    fields: [['date', 0], HOUR, TAG, ['content-range', 'bytes 5-9/11']],
  }),
  mismatch('part-other-coding', 'not in another coding', part(5, 9, TAG, ['content-encoding', 'gzip'])),
  mismatch('part-other-vary', 'not where Vary differs', part(5, 9, TAG, ['vary', 'foo'])),
  mismatch('part-rest-416', 'not where there is no rest', { status: 416, fields: [HOUR] }),
  mismatch('part-rest-contradicts', 'not what contradicts itself', {
    ...part(5, 9, TAG),
    fields: [['date', 0], HOUR, TAG, ['content-range', 'bytes 5-9/10'], ['content-length', '4']],
  }),
  completing(
    'part-rest-error',
    'required',
    'an error about the rest is passed on and not stored',
    [TAG],
    { status: 400, fields: [['date', 0], HOUR] },
    { from: 'origin', status: 400, sent: REST_SENT },
    { origin: part(5, 9, TAG), expect: JOINED },
  ),
  completing(
    'part-weak',
    'required',
    'a part with a weak tag is never joined: the whole is asked for',
    [WEAK],
    { ...part(5, 9, WEAK), toPlain: whole(WEAK) },
    { from: 'origin', status: 200, body: WHOLE, notSent: ['range', 'if-range', 'if-none-match'] },
  ),
  completing(
    'part-no-validator',
    'optimal',
    'one without any validator is asked on, and the whole if a part comes',
    [],
    { ...part(5, 9), toPlain: whole() },
    { from: 'origin', status: 200, body: WHOLE, sent: [['range', 'bytes=5-']], notSent: ['if-range'] },
    STORED_WHOLE,
  ),
  {
    id: 'part-other-than-asked',
    section: 'RFC 9110 §15.3.7',
    kind: 'optimal',
    title: 'a part is what it says that it is, whatever was asked for',
    steps: [
      { request: [['range', 'bytes=-5']], origin: part(0, 4), expect: { from: 'origin', status: 206 } },
      cut('bytes=1-2', 1, 2),
      {
        origin: whole(),
        expect: { from: 'origin', status: 200, body: WHOLE, sent: [['range', 'bytes=5-']] },
      },
    ],
  },
  completing(
    'part-rest-no-store',
    'required',
    'a rest with no-store answers and is not kept',
    [TAG],
    {
      ...part(5, 9),
      fields: [TAG, ['content-range', 'bytes 5-9/10'], ['cache-control', 'no-store']],
    },
    { ...JOINED },
    { origin: part(5, 9, TAG), expect: { ...JOINED, sent: REST_SENT } },
  ),
  {
    id: 'part-extended',
    section: 'RFC 9110 §15.3.7.3',
    kind: 'optimal',
    title: 'parts that adjoin or overlap are one, until they are whole',
    steps: [
      gets(4, 5, TAG),
      gets(6, 7, TAG),
      cut('bytes=5-6', 5, 6),
      gets(2, 5, TAG),
      cut('bytes=2-7', 2, 7),
      gets(0, 3, TAG),
      { ...gets(5, 9, TAG), expect: { from: 'origin' } },
      STORED_WHOLE,
    ],
  },
  {
    id: 'part-not-extended-weak',
    section: 'RFC 9111 §3.4',
    kind: 'required',
    title: 'those with weak tags are not: the newer one stays',
    steps: [gets(4, 5, WEAK), gets(6, 7, WEAK), cut('bytes=6-7', 6, 7), asks(5, 6)],
  },
  {
    id: 'part-not-extended-gap',
    section: 'RFC 9111 §3.4',
    kind: 'required',
    title: 'nor those with a gap between them',
    steps: [gets(0, 2, TAG), gets(4, 7, TAG), cut('bytes=4-7', 4, 7), asks(1, 7)],
  },
  {
    id: 'part-not-extended-other-tag',
    section: 'RFC 9111 §3.4',
    kind: 'required',
    title: 'nor those of two representations',
    steps: [gets(0, 4, TAG), gets(5, 7, ['etag', '"b"']), cut('bytes=5-7', 5, 7), asks(0, 4)],
  },
];
