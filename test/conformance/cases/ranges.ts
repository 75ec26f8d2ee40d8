// Parts of what is stored whole (RFC 9110 §14, §13.1.5).
import { asking, type ConformanceCase, type FieldSpec, type Step, stored } from '../case.ts';

const HOUR: FieldSpec = ['cache-control', 'max-age=3600'];
const TAG: FieldSpec = ['etag', '"a"'];
/** 14 bytes. */
const BODY = 'body of step 0';
const WHOLE: Step = {
  origin: { fields: [['date', 0], HOUR, TAG, ['content-length', '14'], ['content-type', 'text/plain']] },
};

type Kind = ConformanceCase['kind'];
type Expectation = NonNullable<Step['expect']>;

function part(
  id: string,
  section: string,
  kind: Kind,
  title: string,
  request: readonly FieldSpec[],
  expect: Expectation,
  first: Step = WHOLE,
): ConformanceCase {
  return { id, section, kind, title, steps: [first, { request, expect: { from: 'cache', ...expect } }] };
}

const range = (
  id: string,
  value: string,
  first: number,
  last: number,
  kind: Kind = 'optimal',
): ConformanceCase =>
  part(id, 'RFC 9110 §14.1.2', kind, `${value} of 14 bytes is ${first}-${last}`, [['range', value]], {
    status: 206,
    fields: [['content-range', `bytes ${first}-${last}/14`], TAG],
    body: BODY.slice(first, last + 1),
    absent: ['content-length'],
  });

const whole = (id: string, section: string, title: string, request: readonly FieldSpec[]): ConformanceCase =>
  part(id, section, 'required', title, request, { status: 200, bodyOfStep: 0, absent: ['content-range'] });

const unsatisfiable = (id: string, value: string): ConformanceCase =>
  part(id, 'RFC 9110 §15.5.17', 'optimal', `${value} of 14 bytes is nothing`, [['range', value]], {
    status: 416,
    fields: [['content-range', 'bytes */14']],
    body: '',
  });

export const RANGES: readonly ConformanceCase[] = [
  range('range-first', 'bytes=0-3', 0, 3),
  range('range-inside', 'bytes=4-7', 4, 7),
  range('range-one', 'bytes=0-0', 0, 0),
  range('range-open', 'bytes=5-', 5, 13),
  range('range-over', 'bytes=5-99', 5, 13),
  range('range-suffix', 'bytes=-3', 11, 13),
  range('range-suffix-over', 'bytes=-99', 0, 13),
  range('range-unit-case', 'Bytes=0-3', 0, 3),
  range('range-blanks', 'bytes= 0-3 ,', 0, 3, 'chosen'),
  range('range-some-beyond', 'bytes=20-30, 1-2', 1, 2),
  unsatisfiable('range-beyond', 'bytes=14-'),
  unsatisfiable('range-no-suffix', 'bytes=-0'),
  unsatisfiable('range-all-beyond', 'bytes=14-15, 99-'),
  part(
    'ranges',
    'RFC 9110 §14.6',
    'optimal',
    'several ranges in the order asked for',
    [['range', 'bytes=5-6,0-1']],
    {
      status: 206,
      body: `${BODY.slice(5, 7)}|${BODY.slice(0, 2)}`,
      absent: ['content-range'],
    },
  ),
  whole('range-garbage', 'RFC 9110 §14.2', 'what is no range is ignored', [['range', 'bytes=cow']]),
  whole('range-backwards', 'RFC 9110 §14.1.2', 'so is one that ends before it begins', [
    ['range', 'bytes=3-1'],
  ]),
  whole('range-other-unit', 'RFC 9110 §14.2', 'and another unit', [['range', 'lines=0-1']]),
  whole('range-negative', 'RFC 9110 §14.1.2', 'and no numbers', [['range', 'bytes=1-2,x']]),
  whole('range-overlap', 'RFC 9110 §14.2', 'and ranges that overlap', [['range', 'bytes=0-9,5-13']]),
  whole('range-many', 'RFC 9110 §14.2', 'and a great many of them', [
    ['range', `bytes=${Array.from({ length: 17 }, (_, i) => `${i}-${i}`).join(',')}`],
  ]),
  {
    id: 'range-head',
    section: 'RFC 9110 §14.2',
    kind: 'required',
    title: 'HEAD knows no ranges',
    steps: [
      WHOLE,
      {
        method: 'HEAD',
        request: [['range', 'bytes=0-3']],
        expect: { from: 'cache', status: 200, absent: ['content-range'] },
      },
    ],
  },
  part(
    'range-not-200',
    'RFC 9110 §14.2',
    'required',
    'only a 200 has parts',
    [['range', 'bytes=0-3']],
    { status: 404, bodyOfStep: 0 },
    { origin: { status: 404, fields: [['date', 0], HOUR] } },
  ),
  part(
    'range-after-condition',
    'RFC 9110 §13.2.2',
    'required',
    'a condition that says "not modified" goes first',
    [
      ['range', 'bytes=0-3'],
      ['if-none-match', '"a"'],
    ],
    { status: 304, body: '' },
  ),
  part(
    'if-range-match',
    'RFC 9110 §13.1.5',
    'optimal',
    'the same strong tag: the part',
    [
      ['range', 'bytes=0-3'],
      ['if-range', '"a"'],
    ],
    { status: 206, body: BODY.slice(0, 4) },
  ),
  whole('if-range-other', 'RFC 9110 §13.1.5', 'another tag: the whole', [
    ['range', 'bytes=0-3'],
    ['if-range', '"b"'],
  ]),
  whole('if-range-weak', 'RFC 9110 §13.1.5', 'a weak tag: the whole', [
    ['range', 'bytes=0-3'],
    ['if-range', 'W/"a"'],
  ]),
  whole('if-range-garbage', 'RFC 9110 §13.1.5', 'what is neither tag nor date: the whole', [
    ['range', 'bytes=0-3'],
    ['if-range', 'a'],
  ]),
  {
    id: 'if-range-date',
    section: 'RFC 9110 §13.1.5',
    kind: 'optimal',
    title: 'exactly the Last-Modified, when it is strong: the part',
    steps: [
      stored(HOUR, ['last-modified', 'Wed, 01 Jan 2020 00:00:00 GMT']),
      asking(
        [
          ['range', 'bytes=0-3'],
          ['if-range', 'Wed, 01 Jan 2020 00:00:00 GMT'],
        ],
        { expect: { from: 'cache', status: 206, body: BODY.slice(0, 4) } },
      ),
      asking(
        [
          ['range', 'bytes=0-3'],
          ['if-range', 'Wed, 01 Jan 2020 00:00:01 GMT'],
        ],
        { expect: { from: 'cache', status: 200, bodyOfStep: 0 } },
      ),
    ],
  },
  {
    id: 'range-stale',
    section: 'RFC 9111 §4',
    kind: 'optimal',
    title: 'what is stale is confirmed by a request for a part as well, and answers it',
    steps: [
      { origin: { fields: [['date', 0], ['cache-control', 'max-age=30'], TAG] }, thenSeconds: 60 },
      {
        request: [['range', 'bytes=0-3']],
        origin: { fields: [HOUR, TAG] },
        expect: {
          from: 'validated',
          status: 206,
          body: BODY.slice(0, 4),
          sent: [
            ['range', 'bytes=0-3'],
            ['if-none-match', '"a"'],
          ],
        },
      },
      { expect: { from: 'cache', status: 200, bodyOfStep: 0 } },
    ],
  },
  {
    id: 'range-stale-changed',
    section: 'RFC 9111 §4',
    kind: 'required',
    title: 'a part of something newer leaves what is stored whole alone',
    steps: [
      { origin: { fields: [['date', 0], ['cache-control', 'max-age=30'], TAG] }, thenSeconds: 60 },
      {
        request: [['range', 'bytes=4-7']],
        origin: {
          status: 206,
          fields: [['content-range', 'bytes 4-7/99'], HOUR, ['etag', '"b"']],
          body: 'x',
        },
        expect: { from: 'origin', status: 206 },
      },
      { origin: { fields: [HOUR, TAG] }, expect: { from: 'validated', sent: [['if-none-match', '"a"']] } },
    ],
  },
];
