// What requests that are no plain GET do to what is stored, which languages answer which, and what nobody said may be
// kept.
import { after, asking, type ConformanceCase, FETCHED, type FieldSpec, REUSED, stored } from '../case.ts';

const MINUTE: FieldSpec = ['cache-control', 'max-age=60'];
const HOUR: FieldSpec = ['cache-control', 'max-age=3600'];
const TAG: FieldSpec = ['etag', '"abc"'];
const COOKIE: FieldSpec = ['cookie', 'session=1'];

/** Stored for a minute, and two minutes later a HEAD is answered so; then a GET. */
const byHead = (
  id: string,
  kind: ConformanceCase['kind'],
  title: string,
  before: readonly FieldSpec[],
  head: { readonly status?: number; readonly fields: readonly FieldSpec[] },
  then: ConformanceCase['steps'][number],
): ConformanceCase => ({
  id,
  section: 'RFC 9111 §4.3.5',
  kind,
  title,
  steps: [
    after(120, stored(MINUTE, ...before)),
    { method: 'HEAD', origin: { ...head, fields: [['date', 0], ...head.fields], validates: false } },
    then,
  ],
});

/** The same while it is fresh: the HEAD asks for the origin's own word. */
const byForcedHead = (
  id: string,
  title: string,
  head: { readonly status?: number; readonly fields: readonly FieldSpec[] },
  then: ConformanceCase['steps'][number],
): ConformanceCase => ({
  id,
  section: 'RFC 9111 §4.3.5',
  kind: 'optimal',
  title,
  steps: [
    stored(HOUR, TAG),
    {
      method: 'HEAD',
      request: [['cache-control', 'no-cache']],
      origin: { ...head, fields: [['date', 0], ...head.fields], validates: false },
    },
    then,
  ],
});

const byLanguage = (
  id: string,
  language: string,
  asked: string,
  outcome: 'reused' | 'fetched',
): ConformanceCase => ({
  id,
  section: 'RFC 9111 §4.1',
  kind: outcome === 'reused' ? 'optimal' : 'required',
  title: `a response in "${language}" is ${outcome} for Accept-Language: ${asked}`,
  steps: [
    asking(
      [['accept-language', 'fr;q=0.5, en']],
      stored(HOUR, ['vary', 'Accept-Language'], ['content-language', language]),
    ),
    asking([['accept-language', asked]], outcome === 'reused' ? REUSED : FETCHED),
  ],
});

const unsaid = (
  id: string,
  fields: readonly FieldSpec[],
  outcome: ConformanceCase['steps'][number],
): ConformanceCase => ({
  id,
  section: 'RFC 9111 §3',
  kind: 'chosen',
  title: `for somebody with cookies, with ${fields.map(([name, value]) => `${name}: ${value}`).join(', ')}`,
  steps: [asking([COOKIE], stored(...fields)), outcome],
});

export const UPDATES: readonly ConformanceCase[] = [
  byHead('head-renews', 'optimal', 'a HEAD that agrees renews it', [TAG], { fields: [TAG, HOUR] }, REUSED),
  byHead(
    'head-renews-fields',
    'optimal',
    'with its own fields',
    [TAG, ['x-a', '1']],
    { fields: [TAG, HOUR, ['x-a', '2']] },
    { expect: { from: 'cache', bodyOfStep: 0, fields: [['x-a', '2']] } },
  ),
  byHead(
    'head-other-tag',
    'required',
    'a HEAD with another tag does not renew it',
    [TAG],
    { fields: [['etag', '"new"'], HOUR] },
    { ...stored(HOUR), expect: { from: 'origin' } },
  ),
  byHead(
    'head-other-length',
    'required',
    'a HEAD with another length does not renew it',
    [TAG],
    { fields: [TAG, HOUR, ['content-length', '99999']] },
    { ...stored(HOUR), expect: { from: 'origin' } },
  ),
  byHead(
    'head-says-nothing',
    'chosen',
    'a HEAD with neither validator nor length does not renew it',
    [],
    { fields: [HOUR] },
    FETCHED,
  ),
  byHead(
    'head-forbids',
    'required',
    'a HEAD that says no-store does not renew it',
    [],
    {
      fields: [
        ['cache-control', 'no-store'],
        ['last-modified', 0],
      ],
    },
    FETCHED,
  ),
  byForcedHead(
    'head-makes-stale',
    'a HEAD that disagrees makes it stale',
    { fields: [['etag', '"new"']] },
    {
      ...stored(HOUR, ['etag', '"new"']),
      expect: { from: 'origin' },
    },
  ),
  byForcedHead(
    'head-gone',
    'a HEAD answered 410 makes it stale',
    { status: 410, fields: [] },
    {
      ...stored(HOUR, ['etag', '"new"']),
      expect: { from: 'origin' },
    },
  ),
  byForcedHead('head-error', 'a HEAD that fails says nothing', { status: 400, fields: [] }, REUSED),
  byLanguage('language-best', 'en', 'en', 'reused'),
  byLanguage('language-best-of-many', 'en', 'de;q=0.9, EN, fr;q=0.1', 'reused'),
  byLanguage('language-case', 'EN-us', 'en-US, de;q=0.5', 'reused'),
  byLanguage('language-other', 'en', 'de, en;q=0.9', 'fetched'),
  byLanguage('language-as-well', 'en', 'de, en', 'fetched'),
  byLanguage('language-any', 'en', '*, en;q=0.5', 'fetched'),
  byLanguage('language-part', 'en', 'en-GB', 'fetched'),
  byLanguage('language-none', 'en', 'en;q=0', 'fetched'),
  byLanguage('language-malformed', 'en', 'en;q=2', 'fetched'),
  byLanguage('language-list', 'en, de', 'en', 'fetched'),
  unsaid('cookie-etag', [TAG], FETCHED),
  unsaid('cookie-last-modified', [['last-modified', -86_400 * 100]], FETCHED),
  unsaid('cookie-max-age', [HOUR], REUSED),
  unsaid('cookie-expires', [['expires', 3600]], REUSED),
  unsaid(
    'cookie-public',
    [
      ['cache-control', 'public'],
      ['last-modified', -86_400 * 100],
    ],
    REUSED,
  ),
  unsaid('cookie-no-cache', [['cache-control', 'no-cache'], TAG], {
    ...stored(TAG),
    expect: { from: 'validated' },
  }),
  {
    id: 'purge-method',
    section: 'RFC 9111 §4.4',
    kind: 'chosen',
    title: 'a PURGE that a client sends removes nothing',
    steps: [stored(HOUR), { method: 'PURGE', origin: { status: 200 } }, REUSED],
  },
  {
    id: 'unknown-method',
    section: 'RFC 9111 §4.4',
    kind: 'required',
    title: 'a method of unknown safety removes what is stored of its URL',
    steps: [stored(HOUR), { method: 'FROB', origin: { status: 200 } }, FETCHED],
  },
  ...['400', '413', '417', '431', '501'].map(
    (status): ConformanceCase => ({
      id: `odd-request-${status}`,
      section: 'RFC 9111 §3',
      kind: 'chosen',
      title: `a ${status} that answers a request with 10 KB of fields is not kept, however fresh`,
      steps: [
        asking([['x-large', 'x'.repeat(10_000)]], {
          origin: { status: Number(status), fields: [HOUR, ['date', 0]] },
        }),
        FETCHED,
      ],
    }),
  ),
];
