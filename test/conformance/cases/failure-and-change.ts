// When the origin fails (RFC 9111 §4.2.4, RFC 5861), and when a request changes what is stored (RFC 9111 §4.4).
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
const TAG: FieldSpec = ['etag', '"abc"'];
const URL_BASE = 'http://origin.example';

/** A response stale since half a minute, and an origin that then fails so. */
const failing = (
  id: string,
  kind: ConformanceCase['kind'],
  title: string,
  directives: string,
  failure: number | null,
  expect: NonNullable<Step['expect']>,
  fields: readonly FieldSpec[] = [TAG],
): ConformanceCase => ({
  id,
  section: 'RFC 9111 §4.2.4',
  kind,
  title,
  steps: [
    after(60, stored(['cache-control', `max-age=30${directives}`], ...fields)),
    { origin: failure === null ? null : { status: failure, validates: false }, expect },
  ],
});

const STALE = { from: 'cache', status: 200, bodyOfStep: 0 } as const;
const REFUSED = { from: 'edge', status: 504 } as const;

const FAILURES: readonly ConformanceCase[] = [
  failing('stale-unreachable', 'optimal', 'served stale while the origin is unreachable', '', null, STALE),
  failing(
    'stale-unreachable-no-validator',
    'optimal',
    'within the bound that it names itself',
    ', stale-if-error=60',
    null,
    STALE,
    [],
  ),
  ...[500, 502, 503, 504].map((status) =>
    failing(
      `stale-${status}`,
      'optimal',
      `served stale while the origin answers ${status}`,
      '',
      status,
      STALE,
    ),
  ),
  ...[400, 404, 429, 501].map((status) =>
    failing(`not-stale-${status}`, 'required', `${status} is an answer, not a failure`, '', status, {
      from: 'origin',
      status,
    }),
  ),
  ...[23, 24].map(
    (hours): ConformanceCase => ({
      id: `stale-if-error-default-${hours}`,
      section: 'RFC 5861 §4',
      kind: 'chosen',
      title: `${hours} h after it went stale, where it says nothing itself`,
      steps: [
        after(hours * 3600 + 30, stored(['cache-control', 'max-age=30'], TAG)),
        { origin: null, expect: hours < 24 ? STALE : { from: 'edge', status: 502 } },
      ],
    }),
  ),
  {
    id: 'stale-if-error-of-client',
    section: 'RFC 5861 §4',
    kind: 'chosen',
    title: 'a client may want less of it',
    steps: [
      after(60, stored(['cache-control', 'max-age=30'], TAG)),
      asking([['cache-control', 'stale-if-error=29']], {
        origin: null,
        expect: { from: 'edge', status: 502 },
      }),
      asking([['cache-control', 'stale-if-error=31']], { origin: null, expect: STALE }),
    ],
  },
  {
    id: 'cannot-revalidate-shows-nothing',
    section: 'RFC 9111 §5.2.2.2',
    kind: 'required',
    title: 'the 504 shows nothing of what is stored',
    steps: [
      after(60, stored(['cache-control', 'max-age=30, must-revalidate'], TAG, ['x-a', '1'])),
      { origin: null, expect: { ...REFUSED, body: '', absent: ['etag', 'x-a', 'age'] } },
    ],
  },
  {
    id: 'changed-then-failing',
    section: 'RFC 9111 §4.4',
    kind: 'required',
    title: 'what a change has made invalid is not shown again while the origin fails',
    steps: [
      stored(HOUR, TAG),
      { method: 'POST', origin: { status: 204 } },
      { origin: null, expect: { from: 'edge', status: 502 } },
    ],
  },
  failing('stale-if-error-passed', 'required', 'not beyond stale-if-error', ', stale-if-error=29', null, {
    from: 'edge',
    status: 502,
  }),
  failing(
    'stale-if-error-passed-5xx',
    'required',
    'nor then instead of an error',
    ', stale-if-error=29',
    503,
    { from: 'origin', status: 503 },
  ),
  ...['must-revalidate', 'proxy-revalidate', 's-maxage=30', 'no-cache'].flatMap((directive) => {
    const id = directive.replace(/=.*/, '');
    return [
      failing(
        `${id}-unreachable`,
        'required',
        `${directive}: 504 when the origin is unreachable`,
        `, ${directive}`,
        null,
        REFUSED,
      ),
      failing(`${id}-503`, 'required', `${directive}: an answered 503 is forwarded`, `, ${directive}`, 503, {
        from: 'origin',
        status: 503,
      }),
    ];
  }),
  failing(
    'must-revalidate-over-stale-if-error',
    'required',
    'must-revalidate overrules stale-if-error',
    ', must-revalidate, stale-if-error=600',
    null,
    REFUSED,
  ),
  {
    id: 'must-revalidate-fresh',
    section: 'RFC 9111 §5.2.2.2',
    kind: 'optimal',
    title: 'a fresh must-revalidate response is reused',
    steps: [after(60, stored(['cache-control', 'max-age=3600, must-revalidate'])), REUSED],
  },
  {
    id: 'request-no-cache-unreachable',
    section: 'RFC 9111 §5.2.1.4',
    kind: 'required',
    title: 'a client that asks for validation is not served without it',
    steps: [stored(HOUR, TAG), asking([['cache-control', 'no-cache']], { origin: null, expect: REFUSED })],
  },
  {
    id: 'unreachable-nothing-stored',
    section: 'RFC 9110 §15.6.3',
    kind: 'required',
    title: '502 where nothing is stored',
    steps: [{ origin: null, expect: { from: 'edge', status: 502 } }],
  },
  {
    id: 'stale-no-warning',
    section: 'RFC 9111 §5.5',
    kind: 'required',
    title: 'no Warning is made up',
    steps: [
      after(60, stored(['cache-control', 'max-age=30'], TAG)),
      { origin: null, expect: { from: 'cache', absent: ['warning'] } },
    ],
  },
  {
    id: 'stale-while-revalidate',
    section: 'RFC 5861 §3',
    kind: 'optimal',
    title: 'served stale inside the window of stale-while-revalidate',
    steps: [after(60, stored(['cache-control', 'max-age=30, stale-while-revalidate=60'], TAG)), REUSED],
  },
];

/** A stored response at /stored, then this request, then the question whether it is still there. */
const changing = (
  id: string,
  kind: ConformanceCase['kind'],
  title: string,
  change: Step,
  outcome: 'reused' | 'fetched',
): ConformanceCase => ({
  id,
  section: 'RFC 9111 §4.4',
  kind,
  title,
  steps: [
    { ...stored(HOUR), url: `${URL_BASE}/stored` },
    { url: `${URL_BASE}/stored`, method: 'POST', ...change },
    { ...(outcome === 'reused' ? REUSED : FETCHED), url: `${URL_BASE}/stored` },
  ],
});

const elsewhere = (name: string, value: string): Step => ({
  url: `${URL_BASE}/a/b`,
  origin: { status: 201, fields: [[name, value]] },
});

const CHANGES: readonly ConformanceCase[] = [
  ...['POST', 'PUT', 'DELETE', 'PATCH', 'M-SEARCH', 'purge'].map((method) =>
    changing(`invalidate-${method}`, 'required', `a successful ${method} invalidates`, { method }, 'fetched'),
  ),
  ...['HEAD', 'OPTIONS', 'TRACE', 'PROPFIND'].map((method) =>
    changing(`keep-${method}`, 'optimal', `${method} invalidates nothing`, { method }, 'reused'),
  ),
  ...[200, 204, 302, 399].map((status) =>
    changing(
      `invalidate-${status}`,
      'required',
      `a POST answered ${status} invalidates`,
      { origin: { status } },
      'fetched',
    ),
  ),
  ...[400, 404, 500, 503].map((status) =>
    changing(
      `keep-${status}`,
      'optimal',
      `a POST answered ${status} does not`,
      { origin: { status } },
      'reused',
    ),
  ),
  changing('keep-unreachable', 'optimal', 'nor does one that nobody answered', { origin: null }, 'reused'),
  changing(
    'invalidate-location',
    'optimal',
    'Location is invalidated',
    elsewhere('location', `${URL_BASE}/stored`),
    'fetched',
  ),
  changing(
    'invalidate-location-relative',
    'optimal',
    'a relative one too',
    elsewhere('location', '../stored#x'),
    'fetched',
  ),
  changing(
    'invalidate-content-location',
    'optimal',
    'Content-Location is invalidated',
    elsewhere('content-location', '/stored'),
    'fetched',
  ),
  changing(
    'keep-on-error-location',
    'optimal',
    'the Location of an error is not',
    { ...elsewhere('location', '/stored'), origin: { status: 500, fields: [['location', '/stored']] } },
    'reused',
  ),
  ...['http://evil.example', 'https://origin.example', 'http://origin.example:81'].map((origin) => {
    const location = `${URL_BASE}/stored`;
    return changing(
      `keep-other-origin-${origin.replace(/\W+/g, '-')}`,
      'required',
      `${origin} cannot invalidate what is another's`,
      { ...elsewhere('location', location), url: `${origin}/a` },
      'reused',
    );
  }),
  {
    id: 'invalidate-all-variants',
    section: 'RFC 9111 §4.4',
    kind: 'required',
    title: 'every variant goes',
    steps: [
      asking([['foo', '1']], stored(HOUR, ['vary', 'foo'])),
      asking([['foo', '2']], stored(HOUR, ['vary', 'foo'])),
      { method: 'DELETE', origin: { status: 204 } },
      asking([['foo', '1']], FETCHED),
      asking([['foo', '2']], FETCHED),
    ],
  },
];

export const FAILURE_AND_CHANGE: readonly ConformanceCase[] = [...FAILURES, ...CHANGES];
