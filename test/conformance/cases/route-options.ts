// What a route may say where the RFCs leave it open: lifetimes of its own, windows of staleness, cookies, directives of
// requests, targeted fields, and what belongs to the key.
import {
  after,
  asking,
  type ConformanceCase,
  FETCHED,
  type FieldSpec,
  REUSED,
  type Step,
  stored,
  under,
} from '../case.ts';

const HOUR: FieldSpec = ['cache-control', 'max-age=3600'];
const DAY = 86_400;
const MODIFIED_100_DAYS_AGO: FieldSpec = ['last-modified', -100 * DAY];
const TAG: FieldSpec = ['etag', '"a"'];

type Kind = ConformanceCase['kind'];

const reusedOr = (outcome: 'reused' | 'fetched' | 'asked'): Step =>
  outcome === 'asked' ? { expect: { from: 'origin' } } : outcome === 'reused' ? REUSED : FETCHED;

function later(
  id: string,
  section: string,
  kind: Kind,
  title: string,
  seconds: number,
  first: Step,
  outcome: 'reused' | 'fetched' | 'asked',
): ConformanceCase {
  return { id, section, kind, title, steps: [after(seconds, first), reusedOr(outcome)] };
}

const withStatus = (status: number, ...fields: FieldSpec[]): Step => ({
  origin: { status, fields: [['date', 0], ...fields] },
});

const HEURISTICS: readonly ConformanceCase[] = [
  later(
    'heuristic-tenth',
    'RFC 9111 §4.2.2',
    'optimal',
    'a tenth of the time since Last-Modified is fresh',
    DAY / 10 - 1,
    stored(['last-modified', -DAY]),
    'reused',
  ),
  later(
    'heuristic-over',
    'RFC 9111 §4.2.2',
    'required',
    'no longer than that',
    DAY / 10,
    stored(['last-modified', -DAY]),
    'asked',
  ),
  later(
    'heuristic-bounded',
    'RFC 9111 §4.2.2',
    'chosen',
    'and never longer than a day',
    DAY,
    stored(MODIFIED_100_DAYS_AGO),
    'asked',
  ),
  later(
    'heuristic-not-beside-explicit',
    'RFC 9111 §4.2.2',
    'required',
    'an explicit lifetime leaves nothing to guess',
    60,
    stored(['cache-control', 'max-age=1'], MODIFIED_100_DAYS_AGO),
    'asked',
  ),
  later(
    'heuristic-not-beside-bad-expires',
    'RFC 9111 §5.3',
    'required',
    'nor does an Expires that is no date',
    60,
    stored(['expires', '0'], MODIFIED_100_DAYS_AGO),
    'asked',
  ),
  later(
    'heuristic-future-date',
    'RFC 9111 §4.2.2',
    'chosen',
    'a Last-Modified after Date says nothing',
    60,
    stored(['last-modified', DAY]),
    'asked',
  ),
  ...[200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501].map((status) =>
    later(
      `heuristic-status-${status}`,
      'RFC 9110 §15.1',
      'optimal',
      `${status} is cacheable by default`,
      60,
      withStatus(status, MODIFIED_100_DAYS_AGO),
      'reused',
    ),
  ),
  ...[201, 202, 302, 303, 307, 400, 403, 500, 503, 599].map((status) =>
    later(
      `heuristic-not-status-${status}`,
      'RFC 9111 §4.2.2',
      'required',
      `${status} is not`,
      60,
      withStatus(status, MODIFIED_100_DAYS_AGO),
      'fetched',
    ),
  ),
  later(
    'heuristic-public-status',
    'RFC 9111 §4.2.2',
    'optimal',
    'but with public it is',
    60,
    withStatus(302, MODIFIED_100_DAYS_AGO, ['cache-control', 'public']),
    'reused',
  ),
];

const [heuristicTenth] = HEURISTICS;

const targeted = (
  id: string,
  kind: Kind,
  title: string,
  outcome: 'reused' | 'fetched',
  ...fields: FieldSpec[]
): ConformanceCase => later(id, 'RFC 9213 §2.2', kind, title, 60, stored(...fields), outcome);

const TARGETED: readonly ConformanceCase[] = [
  targeted('targeted-stale', 'required', 'a targeted field may also forbid', 'fetched', HOUR, [
    'cdn-cache-control',
    'max-age=1',
  ]),
  targeted('targeted-no-store', 'required', 'no-store in it counts', 'fetched', HOUR, [
    'cdn-cache-control',
    'no-store',
  ]),
  targeted('targeted-private', 'required', 'private in it counts', 'fetched', HOUR, [
    'cdn-cache-control',
    'private, max-age=3600',
  ]),
  targeted(
    'targeted-over-no-store',
    'optimal',
    'no-store beside it does not',
    'reused',
    ['cache-control', 'no-store'],
    ['cdn-cache-control', 'max-age=3600'],
  ),
  targeted(
    'targeted-over-expires',
    'required',
    'nor does Expires',
    'fetched',
    ['expires', 3600],
    ['cdn-cache-control', 'must-revalidate'],
  ),
  targeted(
    'targeted-own-first',
    'optimal',
    'the more specific field is asked first',
    'reused',
    ['cdn-cache-control', 'no-store'],
    ['roundel-cdn-cache-control', 'max-age=3600'],
  ),
  targeted(
    'targeted-void-next',
    'required',
    'where the first cannot be read, the next one of the list counts, before Cache-Control',
    'fetched',
    HOUR,
    ['roundel-cdn-cache-control', 'max-age=3600, ???'],
    ['cdn-cache-control', 'max-age=1'],
  ),
  targeted('targeted-empty', 'required', 'an empty one is none', 'reused', HOUR, ['cdn-cache-control', '']),
  targeted(
    'targeted-parameters',
    'optimal',
    'parameters are ignored',
    'reused',
    ['cache-control', 'max-age=1'],
    ['cdn-cache-control', 'max-age=3600;x=1;y, foo=bar'],
  ),
  ...[
    ['upper-case', 'Max-Age=1'],
    ['string', 'max-age="1"'],
    ['decimal', 'max-age=1.0'],
    ['negative', 'max-age=-1'],
    ['bare', 'max-age'],
    ['garbage', 'max-age=1, ???'],
    ['false', 'no-store=?0'],
  ].map(([name, value]) =>
    targeted(`targeted-void-${name}`, 'chosen', `${value} voids the whole field`, 'reused', HOUR, [
      'cdn-cache-control',
      value ?? '',
    ]),
  ),
];

const SWR = 'RFC 5861 §3';
const windowed: FieldSpec = ['cache-control', 'max-age=30, stale-while-revalidate=60'];

const WINDOWS: readonly ConformanceCase[] = [
  later(
    'stale-while-revalidate-over',
    SWR,
    'required',
    'not after the window',
    90,
    stored(windowed, TAG),
    'asked',
  ),
  {
    id: 'stale-while-revalidate-refreshes',
    section: SWR,
    kind: 'optimal',
    title: 'and the next one gets what came of it',
    steps: [
      after(60, stored(windowed)),
      { ...stored(windowed), ...REUSED, thenSeconds: 10 },
      { expect: { from: 'cache', bodyOfStep: 1 } },
    ],
  },
  ...['must-revalidate', 'proxy-revalidate', 's-maxage=30'].map((directive) =>
    later(
      `stale-while-revalidate-${directive.split('=')[0]}`,
      'RFC 9111 §4.2.4',
      'required',
      `${directive} forbids it`,
      60,
      stored(['cache-control', `max-age=30, stale-while-revalidate=60, ${directive}`], TAG),
      'asked',
    ),
  ),
  {
    id: 'stale-while-revalidate-request-no-cache',
    section: 'RFC 9111 §5.2.1.4',
    kind: 'required',
    title: 'a client that asks for validation gets it inside the window too',
    steps: [
      after(60, stored(windowed, TAG)),
      asking([['cache-control', 'no-cache']], { expect: { from: 'origin' } }),
    ],
  },
  ...under({ policy: { staleWhileRevalidateSeconds: 60 } }, [
    later(
      'route-window',
      SWR,
      'chosen',
      'the route may name it',
      60,
      stored(['cache-control', 'max-age=30'], TAG),
      'reused',
    ),
    later(
      'route-window-over',
      SWR,
      'chosen',
      'for its time',
      90,
      stored(['cache-control', 'max-age=30'], TAG),
      'asked',
    ),
    later(
      'route-window-own',
      SWR,
      'chosen',
      'and the response for itself',
      60,
      stored(['cache-control', 'max-age=30, stale-while-revalidate=0'], TAG),
      'asked',
    ),
  ]),
  ...under({ policy: { staleIfErrorSeconds: 0 } }, [
    {
      id: 'route-no-stale-if-error',
      section: 'RFC 5861 §4',
      kind: 'chosen',
      title: 'a route may forbid stale answers while the origin fails',
      steps: [
        after(60, stored(['cache-control', 'max-age=30'], TAG)),
        { origin: null, expect: { from: 'edge', status: 502 } },
      ],
    },
  ]),
];

const COOKIE: FieldSpec = ['set-cookie', 'a=1'];

const ROUTE: readonly ConformanceCase[] = [
  ...(heuristicTenth
    ? under({ policy: { heuristics: false } }, [
        {
          ...heuristicTenth,
          id: 'heuristics-off',
          kind: 'chosen',
          title: 'a route may switch guesses off',
          steps: [after(60, stored(['last-modified', -DAY])), reusedOr('asked')],
        },
      ])
    : []),
  ...under({ policy: { defaultTtlSeconds: 100 } }, [
    later(
      'default-ttl',
      'RFC 9111 §4.2',
      'chosen',
      'a lifetime where the response says none',
      99,
      stored(),
      'reused',
    ),
    later('default-ttl-over', 'RFC 9111 §4.2', 'chosen', 'for its time', 100, stored(), 'fetched'),
    later(
      'default-ttl-not-over-explicit',
      'RFC 9111 §4.2',
      'chosen',
      'never against the response',
      60,
      stored(['cache-control', 'max-age=1']),
      'fetched',
    ),
    later(
      'default-ttl-no-store',
      'RFC 9111 §3',
      'required',
      'nor against no-store',
      1,
      stored(['cache-control', 'no-store']),
      'fetched',
    ),
    later(
      'default-ttl-status',
      'RFC 9111 §3',
      'chosen',
      'nor for an error that is not cacheable by default',
      1,
      withStatus(500),
      'fetched',
    ),
    later(
      'default-ttl-cookie',
      'RFC 9111 §7.3',
      'chosen',
      'nor where a cookie is set',
      1,
      stored(COOKIE),
      'fetched',
    ),
  ]),
  ...under({ policy: { defaultTtlSeconds: 100, statusTtlSeconds: { '404': 10, '500': 5, '301': 0 } } }, [
    later(
      'status-ttl',
      'RFC 9111 §4.2',
      'chosen',
      'the lifetime of a status goes before the default',
      10,
      withStatus(404),
      'fetched',
    ),
    later('status-ttl-in-time', 'RFC 9111 §4.2', 'chosen', 'until it is over', 9, withStatus(404), 'reused'),
    later('status-ttl-error', 'RFC 9111 §4.2', 'chosen', 'also for an error', 4, withStatus(500), 'reused'),
    later(
      'status-ttl-zero',
      'RFC 9111 §4.2',
      'chosen',
      '0 is stale at once',
      1,
      withStatus(301, TAG),
      'asked',
    ),
  ]),
  ...under({ policy: { setCookie: 'strip' } }, [
    {
      id: 'set-cookie-strip',
      section: 'RFC 9111 §7.3',
      kind: 'chosen',
      title: 'stored without the cookie',
      steps: [
        { ...stored(HOUR, COOKIE), expect: { fields: [COOKIE] } },
        { expect: { ...REUSED.expect, absent: ['set-cookie'] } },
      ],
    },
  ]),
  ...under({ policy: { setCookie: 'bypass' } }, [
    later('set-cookie-bypass', 'RFC 9111 §7.3', 'chosen', 'not stored', 1, stored(HOUR, COOKIE), 'fetched'),
  ]),
  ...under({ policy: { requestDirectives: false } }, [
    ...['no-cache', 'max-age=0', 'min-fresh=9999', 'no-store'].map(
      (directive): ConformanceCase => ({
        id: `request-${directive.split('=')[0]}-ignored`,
        section: 'RFC 9111 §5.2.1',
        kind: 'chosen',
        title: `a request's ${directive} does not count`,
        steps: [
          asking([['cache-control', directive]], stored(HOUR)),
          asking([['cache-control', directive]], REUSED),
        ],
      }),
    ),
    {
      id: 'request-pragma-ignored',
      section: 'RFC 9111 §5.4',
      kind: 'chosen',
      title: 'nor does its Pragma',
      steps: [stored(HOUR), asking([['pragma', 'no-cache']], REUSED)],
    },
    {
      id: 'request-only-if-cached-ignored',
      section: 'RFC 9111 §5.2.1.7',
      kind: 'chosen',
      title: 'nor only-if-cached',
      steps: [asking([['cache-control', 'only-if-cached']], { expect: { from: 'origin' } })],
    },
  ]),
];

const url = (query: string) => `http://origin.example/a${query}`;

function keyed(
  id: string,
  title: string,
  key: NonNullable<ConformanceCase['key']>,
  first: Pick<Step, 'url' | 'request'>,
  second: Pick<Step, 'url' | 'request'>,
  outcome: 'reused' | 'fetched',
): ConformanceCase {
  return {
    id,
    section: 'RFC 9111 §2',
    kind: 'chosen',
    title,
    key,
    steps: [
      { ...stored(HOUR), ...first },
      { ...reusedOr(outcome), ...second },
    ],
  };
}

const IPHONE: FieldSpec = [
  'user-agent',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Mobile/15E148',
];
const PIXEL: FieldSpec = [
  'user-agent',
  'Mozilla/5.0 (Linux; Android 16; Pixel 10) Chrome/142.0 Mobile Safari/537.36',
];
const LINUX: FieldSpec = ['user-agent', 'Mozilla/5.0 (X11; Linux x86_64) Firefox/144.0'];

const KEYS: readonly ConformanceCase[] = [
  keyed(
    'key-query-none',
    'no query counts',
    { query: 'none' },
    { url: url('?a=1') },
    { url: url('') },
    'reused',
  ),
  keyed(
    'key-include',
    'a parameter outside the list does not count',
    { query: { include: ['a'] } },
    { url: url('?a=1&b=2') },
    { url: url('?b=3&a=1') },
    'reused',
  ),
  keyed(
    'key-include-named',
    'one inside does',
    { query: { include: ['a'] } },
    { url: url('?a=1') },
    { url: url('?a=2') },
    'fetched',
  ),
  keyed(
    'key-exclude',
    'an excluded parameter does not count',
    { query: { exclude: ['utm'] } },
    { url: url('?a=1&utm=2') },
    { url: url('?utm=3&a=1') },
    'reused',
  ),
  keyed(
    'key-exclude-encoded',
    'however its name is spelled',
    { query: { exclude: ['utm x'] } },
    { url: url('?a=1&utm%20x=2') },
    { url: url('?a=1&ut%6D+x=3') },
    'reused',
  ),
  keyed(
    'key-exclude-cloaked',
    'unless another may hide behind it',
    { query: { exclude: ['utm'] } },
    { url: url('?a=1&utm=2;a=evil') },
    { url: url('?a=1') },
    'fetched',
  ),
  keyed('key-order', 'the order counts', {}, { url: url('?a=1&b=2') }, { url: url('?b=2&a=1') }, 'fetched'),
  keyed(
    'key-sorted',
    'unless the route sorts',
    { sortQuery: true },
    { url: url('?a=1&b=2') },
    { url: url('?b=2&a=1') },
    'reused',
  ),
  keyed(
    'key-sorted-same-name',
    'never among parameters of one name',
    { sortQuery: true },
    { url: url('?a=1&a=2') },
    { url: url('?a=2&a=1') },
    'fetched',
  ),
  keyed(
    'key-header',
    'a header of the key tells apart without Vary',
    { headers: ['X-Currency'] },
    { request: [['x-currency', 'eur']] },
    { request: [['x-currency', 'usd']] },
    'fetched',
  ),
  keyed(
    'key-header-same',
    'and its like is reused',
    { headers: ['X-Currency'] },
    { request: [['x-currency', 'eur']] },
    {
      request: [
        ['x-currency', 'eur'],
        ['x', '1'],
      ],
    },
    'reused',
  ),
  keyed(
    'key-header-absent',
    'absent is not empty',
    { headers: ['X-Currency'] },
    {},
    { request: [['x-currency', '']] },
    'fetched',
  ),
  keyed(
    'key-cookie',
    'a cookie of the key tells apart',
    { cookies: ['tier'] },
    { request: [['cookie', 'tier=gold; a=1']] },
    { request: [['cookie', 'tier=free; a=1']] },
    'fetched',
  ),
  keyed(
    'key-cookie-other',
    'and others do not',
    { cookies: ['tier'] },
    { request: [['cookie', 'tier=gold; a=1']] },
    { request: [['cookie', 'a=2; tier=gold']] },
    'reused',
  ),
  keyed(
    'key-device',
    'kinds of device are told apart',
    { device: true },
    { request: [IPHONE] },
    { request: [LINUX] },
    'fetched',
  ),
  keyed(
    'key-device-same',
    'devices of one kind are not',
    { device: true },
    { request: [IPHONE] },
    { request: [PIXEL] },
    'reused',
  ),
];

export const ROUTE_OPTIONS: readonly ConformanceCase[] = [
  ...HEURISTICS,
  ...TARGETED,
  ...WINDOWS,
  ...ROUTE,
  ...KEYS,
];
