// How long a response is reused: Cache-Control, Expires, Age (RFC 9111 §4.2, §5).
import { after, type ConformanceCase, FETCHED, type FieldSpec, REUSED, stored } from '../case.ts';

type Row = readonly [id: string, kind: ConformanceCase['kind'], fields: readonly FieldSpec[]];

/** Asked again after a minute. */
function table(section: string, outcome: 'reused' | 'fetched', rows: readonly Row[]): ConformanceCase[] {
  const text = (fields: readonly FieldSpec[]) =>
    fields.map(([name, value]) => `${name}: ${value}`).join(', ');
  return rows.map(([id, kind, fields]) => ({
    id,
    section,
    kind,
    title: `${text(fields)}: ${outcome} a minute later`,
    steps: [after(60, stored(...fields)), outcome === 'reused' ? REUSED : FETCHED],
  }));
}

const HOUR: FieldSpec = ['cache-control', 'max-age=3600'];

export const FRESHNESS: readonly ConformanceCase[] = [
  ...table('RFC 9111 §4.2.1', 'reused', [
    ['fresh-max-age', 'optimal', [HOUR]],
    ['fresh-s-maxage', 'optimal', [['cache-control', 's-maxage=3600']]],
    ['fresh-s-maxage-over-max-age', 'optimal', [['cache-control', 's-maxage=3600, max-age=1']]],
    ['fresh-expires', 'optimal', [['expires', 3600]]],
    ['fresh-max-age-over-expires', 'optimal', [HOUR, ['expires', -3600]]],
    ['fresh-max-age-over-expires-zero', 'optimal', [HOUR, ['expires', '0']]],
    ['fresh-unknown-directive', 'optimal', [['cache-control', 'foo=bar, max-age=3600, x']]],
  ]),
  ...table('RFC 9111 §4.2.1', 'fetched', [
    ['stale-max-age', 'required', [['cache-control', 'max-age=59']]],
    ['stale-max-age-exactly', 'required', [['cache-control', 'max-age=60']]],
    ['stale-s-maxage', 'required', [['cache-control', 's-maxage=1, max-age=3600']]],
    ['stale-s-maxage-zero', 'required', [['cache-control', 's-maxage=0, max-age=3600']]],
    ['stale-expires', 'required', [['expires', 59]]],
    [
      'stale-max-age-over-expires',
      'required',
      [
        ['cache-control', 'max-age=1'],
        ['expires', 3600],
      ],
    ],
    ['stale-two-max-age', 'chosen', [['cache-control', 'max-age=3600, max-age=1']]],
    [
      'stale-two-max-age-lines',
      'chosen',
      [
        ['cache-control', 'max-age=1'],
        ['cache-control', 'max-age=3600'],
      ],
    ],
    [
      'stale-max-age-not-a-number',
      'chosen',
      [
        ['cache-control', 'max-age=a3600'],
        ['expires', 3600],
      ],
    ],
    ['nothing-said', 'required', []],
  ]),
  ...table('RFC 9111 §1.2.2', 'reused', [
    ['max-age-case', 'required', [['cache-control', 'MaX-aGe=3600']]],
    ['max-age-leading-zeros', 'required', [['cache-control', 'max-age=003600']]],
    ['max-age-huge', 'optimal', [['cache-control', 'max-age=99999999999999999999']]],
    ['max-age-quoted', 'chosen', [['cache-control', 'max-age="3600"']]],
  ]),
  ...table('RFC 9111 §1.2.2', 'fetched', [
    ['max-age-negative', 'required', [['cache-control', 'max-age=-3600']]],
    ['max-age-single-quoted', 'required', [['cache-control', "max-age='3600'"]]],
    ['max-age-decimal', 'chosen', [['cache-control', 'max-age=3600.0']]],
    ['max-age-blank-before-equals', 'chosen', [['cache-control', 'max-age =3600']]],
    ['max-age-in-quotes-first', 'required', [['cache-control', 'x="max-age=3600", max-age=1']]],
    ['max-age-in-quotes-last', 'required', [['cache-control', 'max-age=1, x="max-age=3600"']]],
  ]),
  ...table('RFC 9111 §5.3', 'reused', [
    ['expires-huge', 'optimal', [['expires', 'Thu, 18 Nov 2286 02:13:47 GMT']]],
    ['expires-rfc850', 'required', [['expires', 'Thursday, 18-Nov-66 02:13:47 GMT']]],
    ['expires-asctime', 'required', [['expires', 'Thu Nov 18 02:13:47 2286']]],
    ['expires-case', 'optimal', [['expires', 'thu, 18 nov 2286 02:13:47 gmt']]],
    [
      'expires-date-invalid',
      'chosen',
      [
        ['date', 'yesterday'],
        ['expires', 3600],
      ],
    ],
  ]),
  ...table('RFC 9111 §5.3', 'fetched', [
    ['expires-zero', 'required', [['expires', '0']]],
    ['expires-text', 'required', [['expires', 'tomorrow']]],
    ['expires-utc', 'required', [['expires', 'Thu, 18 Nov 2286 02:13:47 UTC']]],
    ['expires-zone', 'required', [['expires', 'Thu, 18 Nov 2286 02:13:47 AEST']]],
    ['expires-two-digit-year', 'required', [['expires', 'Thu, 18 Nov 66 02:13:47 GMT']]],
    ['expires-no-comma', 'required', [['expires', 'Thu 18 Nov 2286 02:13:47 GMT']]],
    ['expires-blanks', 'required', [['expires', 'Thu,  18  Nov 2286  02:13:47 GMT']]],
    ['expires-dashes', 'required', [['expires', 'Thu, 18-Nov-2286 02:13:47 GMT']]],
    ['expires-periods', 'required', [['expires', 'Thu, 18 Nov 2286 02.13.47 GMT']]],
    ['expires-one-digit-hour', 'required', [['expires', 'Thu, 18 Nov 2286 2:13:47 GMT']]],
    [
      'expires-twice',
      'chosen',
      [
        ['expires', 3600],
        ['expires', -3600],
      ],
    ],
    [
      'expires-before-date',
      'required',
      [
        ['date', 7200],
        ['expires', 3600],
      ],
    ],
  ]),
  ...table('RFC 9111 §5.1', 'reused', [
    ['age-fresh', 'optimal', [HOUR, ['age', '3000']]],
    ['age-list-first', 'required', [HOUR, ['age', '0, 7200']]],
    ['age-text', 'required', [HOUR, ['age', 'abc']]],
    ['age-negative', 'required', [HOUR, ['age', '-7200']]],
    ['age-decimal', 'required', [HOUR, ['age', '7200.0']]],
  ]),
  ...table('RFC 9111 §5.1', 'fetched', [
    ['age-stale', 'required', [HOUR, ['age', '3600']]],
    ['age-plus-resident', 'required', [HOUR, ['age', '3550']]],
    ['age-list-first-stale', 'required', [HOUR, ['age', '7200, 0']]],
    ['age-huge', 'required', [HOUR, ['age', '2147483648']]],
    [
      'age-beyond-huge',
      'required',
      [
        ['cache-control', 'max-age=99999999999'],
        ['age', '99999999999999999999'],
      ],
    ],
    [
      'age-by-date',
      'required',
      [
        ['cache-control', 'max-age=3600'],
        ['date', -3600],
      ],
    ],
  ]),
  {
    id: 'age-of-slow-response',
    section: 'RFC 9111 §4.2.3',
    kind: 'required',
    title: 'the time that a response was under way counts',
    steps: [{ ...after(5, stored(['cache-control', 'max-age=10'])), delaySeconds: 6 }, FETCHED],
  },
  {
    id: 'age-told-not-modified',
    section: 'RFC 9111 §5.1',
    kind: 'optimal',
    title: 'so does a 304, and a part',
    steps: [
      after(60, stored(HOUR, ['etag', '"a"'])),
      {
        request: [['if-none-match', '"a"']],
        expect: { from: 'cache', status: 304, fields: [['age', '60']] },
      },
      { request: [['range', 'bytes=0-0']], expect: { from: 'cache', status: 206, fields: [['age', '60']] } },
    ],
  },
  {
    id: 'age-told',
    section: 'RFC 9111 §5.1',
    kind: 'required',
    title: "an answer from the cache says its age, the origin's included",
    steps: [after(60, stored(HOUR, ['age', '30'])), { expect: { from: 'cache', fields: [['age', '90']] } }],
  },
  {
    id: 'date-kept',
    section: 'RFC 9110 §6.6.1',
    kind: 'required',
    title: 'an answer from the cache has the Date that the origin gave',
    steps: [after(60, stored(HOUR)), { expect: { from: 'cache', fields: [['date', -60]] } }],
  },
  {
    id: 'date-added',
    section: 'RFC 9110 §6.6.1',
    kind: 'required',
    title: 'a response without Date is answered from the cache with the time of its receipt',
    steps: [
      after(60, { origin: { fields: [HOUR] } }),
      { expect: { from: 'cache', fields: [['date', -60]] } },
    ],
  },
];
