// Asking the origin, and answering the client's own conditions (RFC 9111 §4.3).
import { after, asking, type ConformanceCase, FETCHED, type FieldSpec, stored } from '../case.ts';

const MINUTE: FieldSpec = ['cache-control', 'max-age=60'];
const HOUR: FieldSpec = ['cache-control', 'max-age=3600'];
const TAG: FieldSpec = ['etag', '"abc"'];
const MODIFIED: FieldSpec = ['last-modified', 'Wed, 01 Jan 2020 00:00:00 GMT'];

const conditional = (
  id: string,
  section: string,
  kind: ConformanceCase['kind'],
  title: string,
  fields: readonly FieldSpec[],
  condition: readonly FieldSpec[],
  status: 200 | 304,
): ConformanceCase => ({
  id,
  section,
  kind,
  title,
  steps: [stored(HOUR, ...fields), asking(condition, { expect: { from: 'cache', status } })],
});

const INM = 'RFC 9110 §13.1.2';
const IMS = 'RFC 9110 §13.1.3';

/** Stored for a minute, confirmed two minutes later by a 304 with these fields, asked once more after that. */
const updated = (
  id: string,
  title: string,
  before: readonly FieldSpec[],
  of304: readonly FieldSpec[],
  expect: NonNullable<ConformanceCase['steps'][number]['expect']>,
  kind: ConformanceCase['kind'] = 'required',
): ConformanceCase => ({
  id,
  section: 'RFC 9111 §3.2',
  kind,
  title,
  steps: [
    after(120, stored(MINUTE, TAG, ...before)),
    {
      origin: { fields: [TAG], fieldsOf304: [['date', 0], TAG, ...of304] },
      expect: { from: 'validated', ...expect },
    },
    { expect: { from: 'cache', bodyOfStep: 0, ...expect } },
  ],
});

export const VALIDATION: readonly ConformanceCase[] = [
  {
    id: 'validate-etag',
    section: 'RFC 9111 §4.3.1',
    kind: 'optimal',
    title: 'a stale response is validated with its tag',
    steps: [
      after(120, stored(MINUTE, TAG)),
      {
        ...stored(MINUTE, TAG),
        expect: { from: 'validated', status: 200, bodyOfStep: 0, sent: [['if-none-match', '"abc"']] },
      },
    ],
  },
  {
    id: 'validate-weak-etag',
    section: 'RFC 9111 §4.3.1',
    kind: 'optimal',
    title: 'a weak tag is sent as it was given',
    steps: [
      after(120, stored(MINUTE, ['etag', 'W/"abc"'])),
      {
        ...stored(MINUTE, ['etag', 'W/"abc"']),
        expect: { from: 'validated', sent: [['if-none-match', 'W/"abc"']] },
      },
    ],
  },
  {
    id: 'validate-last-modified',
    section: 'RFC 9111 §4.3.1',
    kind: 'optimal',
    title: 'a stale response is validated with its Last-Modified, as it was given',
    steps: [
      after(120, stored(MINUTE, MODIFIED)),
      {
        ...stored(MINUTE, MODIFIED),
        expect: { from: 'validated', sent: [['if-modified-since', MODIFIED[1]]] },
      },
    ],
  },
  {
    id: 'validate-without-freshness',
    section: 'RFC 9111 §3',
    kind: 'optimal',
    title: 'a response with a validator alone is kept and validated each time',
    steps: [
      stored(TAG),
      { ...stored(TAG), expect: { from: 'validated' } },
      { ...stored(TAG), expect: { from: 'validated', bodyOfStep: 0 } },
    ],
  },
  {
    id: 'validate-changed',
    section: 'RFC 9111 §4.3.3',
    kind: 'required',
    title: 'a full response to the validation replaces the stored one',
    steps: [
      after(120, stored(MINUTE, TAG)),
      { ...stored(MINUTE, ['etag', '"new"']), expect: { from: 'origin', bodyOfStep: 1 } },
      { expect: { from: 'cache', bodyOfStep: 1 } },
    ],
  },
  {
    id: 'validate-not-mixed',
    section: 'RFC 9111 §4.3.1',
    kind: 'required',
    title: "the client's own condition is not sent along with ours, and is answered from what comes of it",
    steps: [
      after(120, stored(MINUTE, TAG)),
      asking([['if-none-match', '"client"']], {
        ...stored(MINUTE, TAG),
        expect: { from: 'validated', status: 200, bodyOfStep: 0, sent: [['if-none-match', '"abc"']] },
      }),
      asking([['if-none-match', '"abc"']], { expect: { from: 'cache', status: 304 } }),
    ],
  },
  {
    id: 'validate-other-tag',
    section: 'RFC 9111 §4.3.4',
    kind: 'required',
    title: 'a 304 with another strong tag does not freshen; the origin is asked without conditions',
    steps: [
      after(120, stored(MINUTE, TAG)),
      {
        origin: {
          fields: [MINUTE, TAG],
          fieldsOf304: [
            ['etag', '"other"'],
            ['date', 0],
          ],
        },
        expect: { from: 'origin', status: 200, bodyOfStep: 1 },
      },
    ],
  },
  {
    id: 'validate-bare-304',
    section: 'RFC 9111 §4.3.4',
    kind: 'chosen',
    title: 'a 304 without any validator confirms the one response that was asked about',
    steps: [
      after(120, stored(MINUTE, TAG)),
      { origin: { fields: [TAG], fieldsOf304: [MINUTE, ['date', 0]] }, expect: { from: 'validated' } },
      { expect: { from: 'cache', bodyOfStep: 0 } },
    ],
  },
  {
    id: 'validate-foreign-304',
    section: 'RFC 9111 §4.3.4',
    kind: 'required',
    title: "a 304 to the client's own condition says nothing about a stored response without validator",
    steps: [
      after(120, stored(MINUTE)),
      asking([['if-none-match', '"client"']], {
        origin: { fields: [MINUTE, ['etag', '"client"']] },
        expect: { from: 'origin', status: 304 },
      }),
    ],
  },
  {
    id: 'validate-no-store',
    section: 'RFC 9111 §3.2',
    kind: 'required',
    title: 'a 304 with no-store is used once and not kept',
    steps: [
      after(120, stored(MINUTE, TAG)),
      {
        origin: { fields: [TAG], fieldsOf304: [['cache-control', 'no-store'], TAG] },
        expect: { from: 'validated', bodyOfStep: 0 },
      },
      { ...stored(MINUTE, TAG), expect: { from: 'validated' } },
    ],
  },
  updated('update-cache-control', 'Cache-Control is updated', [], [HOUR], { fields: [HOUR] }),
  updated('update-new-field', 'a field that was not there is added', [], [HOUR, ['x-new', '1']], {
    fields: [['x-new', '1']],
  }),
  updated(
    'update-replaces',
    'a field is replaced, all its lines',
    [
      ['x', '1'],
      ['x', '2'],
    ],
    [HOUR, ['x', '3']],
    { fields: [['x', '3']] },
  ),
  updated('update-keeps', 'a field that the 304 omits stays', [['x', '1']], [HOUR], { fields: [['x', '1']] }),
  updated(
    'update-not-length',
    'Content-Length stays',
    [['content-length', '14']],
    [HOUR, ['content-length', '0']],
    { fields: [['content-length', '14']] },
  ),
  updated(
    'update-not-encoding',
    'Content-Encoding stays',
    [['content-encoding', 'br']],
    [HOUR, ['content-encoding', 'gzip']],
    { fields: [['content-encoding', 'br']] },
    'chosen',
  ),
  updated(
    'update-connection',
    'fields of one connection are not taken over',
    [],
    [HOUR, ['connection', 'x-hop'], ['x-hop', '1']],
    { absent: ['x-hop'] },
  ),
  updated('update-age', 'the age starts again', [['age', '10']], [HOUR], { fields: [['age', '0']] }),
  updated('update-own-age', "the 304's own Age counts", [], [HOUR, ['age', '5']], { fields: [['age', '5']] }),
  {
    id: 'no-cache-validated',
    section: 'RFC 9111 §5.2.2.4',
    kind: 'required',
    title: 'a fresh no-cache response is validated each time',
    steps: [
      stored(['cache-control', 'no-cache, max-age=3600'], TAG),
      { ...stored(['cache-control', 'no-cache, max-age=3600'], TAG), expect: { from: 'validated' } },
    ],
  },
  {
    id: 'no-cache-without-validator',
    section: 'RFC 9111 §5.2.2.4',
    kind: 'required',
    title: 'a no-cache response without validator is fetched each time',
    steps: [stored(['cache-control', 'No-Cache, max-age=3600']), FETCHED],
  },
  conditional(
    'inm-match',
    INM,
    'optimal',
    'a matching tag is answered 304',
    [TAG],
    [['if-none-match', '"abc"']],
    304,
  ),
  conditional(
    'inm-weak',
    INM,
    'optimal',
    'tags are compared weakly',
    [['etag', 'W/"abc"']],
    [['if-none-match', '"abc"']],
    304,
  ),
  conditional(
    'inm-list',
    INM,
    'optimal',
    'the tag may stand anywhere in the list',
    [TAG],
    [['if-none-match', '"1", W/"2" , "abc"']],
    304,
  ),
  conditional(
    'inm-lines',
    INM,
    'optimal',
    'or on another line',
    [TAG],
    [
      ['if-none-match', '"1"'],
      ['if-none-match', '"abc"'],
    ],
    304,
  ),
  conditional('inm-star', INM, 'optimal', '"*" matches what is there', [TAG], [['if-none-match', '*']], 304),
  conditional(
    'inm-other',
    INM,
    'required',
    'another tag gets the response',
    [TAG],
    [['if-none-match', '"xyz"']],
    200,
  ),
  conditional(
    'inm-malformed',
    INM,
    'chosen',
    'a malformed list gets the response',
    [TAG],
    [['if-none-match', 'abc']],
    200,
  ),
  conditional(
    'inm-over-ims',
    INM,
    'required',
    'If-None-Match that matches wins',
    [TAG, MODIFIED],
    [
      ['if-none-match', '"abc"'],
      ['if-modified-since', 'Tue, 01 Jan 2019 00:00:00 GMT'],
    ],
    304,
  ),
  conditional(
    'inm-over-ims-other',
    INM,
    'required',
    'If-None-Match that does not match wins as well',
    [TAG, MODIFIED],
    [
      ['if-none-match', '"x"'],
      ['if-modified-since', MODIFIED[1]],
    ],
    200,
  ),
  conditional(
    'ims-equal',
    IMS,
    'optimal',
    'the same date is answered 304',
    [MODIFIED],
    [['if-modified-since', MODIFIED[1]]],
    304,
  ),
  conditional(
    'ims-later',
    IMS,
    'optimal',
    'a later date is answered 304',
    [MODIFIED],
    [['if-modified-since', -60]],
    304,
  ),
  conditional(
    'ims-earlier',
    IMS,
    'required',
    'an earlier date gets the response',
    [MODIFIED],
    [['if-modified-since', 'Tue, 31 Dec 2019 23:59:59 GMT']],
    200,
  ),
  conditional(
    'ims-invalid',
    IMS,
    'required',
    'an invalid date is ignored',
    [MODIFIED],
    [['if-modified-since', 'Wed, 01 Jan 2020 00:00:00 UTC']],
    200,
  ),
  conditional(
    'ims-by-date',
    'RFC 9111 §4.3.2',
    'optimal',
    'Date stands in for a missing Last-Modified',
    [],
    [['if-modified-since', 0]],
    304,
  ),
  {
    id: 'not-modified-fields',
    section: 'RFC 9110 §15.4.5',
    kind: 'required',
    title: 'a 304 has the fields that a cache needs, and not those of a body',
    steps: [
      asking(
        [['foo', '1']],
        stored(
          HOUR,
          TAG,
          MODIFIED,
          ['expires', 60],
          ['vary', 'foo'],
          ['content-location', '/x'],
          ['content-type', 'text/plain'],
        ),
      ),
      asking(
        [
          ['foo', '1'],
          ['if-none-match', '"abc"'],
        ],
        {
          expect: {
            from: 'cache',
            status: 304,
            fields: [
              HOUR,
              TAG,
              ['date', 0],
              ['expires', 60],
              ['vary', 'foo'],
              ['content-location', '/x'],
              ['age', '0'],
            ],
            absent: ['content-type', 'last-modified'],
          },
        },
      ),
    ],
  },
  {
    id: 'condition-not-on-error',
    section: 'RFC 9110 §13.2.1',
    kind: 'required',
    title: 'a condition does not turn a stored 404 into a 304',
    steps: [
      { origin: { status: 404, fields: [HOUR, TAG, ['date', 0]] } },
      asking([['if-none-match', '"abc"']], { expect: { from: 'cache', status: 404 } }),
    ],
  },
  {
    id: 'precondition-forwarded',
    section: 'RFC 9111 §4.3.2',
    kind: 'required',
    title: 'If-Match and If-Unmodified-Since go to the origin, and what comes is not stored',
    steps: [
      stored(HOUR, TAG),
      asking([['if-match', '"x"']], {
        origin: { status: 412, fields: [HOUR] },
        expect: { from: 'origin', status: 412 },
      }),
      asking([['if-unmodified-since', -60]], {
        origin: { status: 412, fields: [HOUR] },
        expect: { from: 'origin', status: 412 },
      }),
      { expect: { from: 'cache', status: 200, bodyOfStep: 0 } },
    ],
  },
];
