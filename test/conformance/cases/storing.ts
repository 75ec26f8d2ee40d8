// What may be kept at all (RFC 9111 §3).
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
const AUTH: readonly FieldSpec[] = [['authorization', 'Bearer one']];

const not = (
  id: string,
  section: string,
  cacheControl: string,
  kind: ConformanceCase['kind'] = 'required',
): ConformanceCase => ({
  id,
  section,
  kind,
  title: `Cache-Control: ${cacheControl} is not stored`,
  steps: [stored(['cache-control', cacheControl]), FETCHED],
});

const byStatus = (status: number, reused: boolean): ConformanceCase => ({
  id: `status-${status}-${reused ? 'reused' : 'not-stored'}`,
  section: 'RFC 9111 §3',
  kind: reused ? 'optimal' : 'required',
  title: `${status} with explicit freshness is ${reused ? 'reused' : 'not stored'}`,
  steps: [
    { origin: { status, fields: [HOUR, ['date', 0]] } },
    reused ? { expect: { ...REUSED.expect, status } } : FETCHED,
  ],
});

const byAuthorization = (directives: string, outcome: 'reused' | 'fetched'): ConformanceCase => ({
  id: `authorization-${directives.replace(/\W+/g, '-')}`,
  section: 'RFC 9111 §3.5',
  kind: outcome === 'reused' ? 'optimal' : 'required',
  title: `a response to Authorization with ${directives} is ${outcome}`,
  steps: [asking(AUTH, stored(['cache-control', directives])), outcome === 'reused' ? REUSED : FETCHED],
});

const LOCATED: FieldSpec = ['content-location', '/a'];
const POST: Pick<Step, 'method' | 'url'> = { method: 'POST', url: 'http://origin.example/a?b' };

/** A POST that is answered so, and then a GET of its URL. */
const byPost = (
  id: string,
  kind: ConformanceCase['kind'],
  title: string,
  outcome: 'reused' | 'fetched',
  fields: readonly FieldSpec[],
  status = 200,
): ConformanceCase => ({
  id,
  section: 'RFC 9110 §9.3.3',
  kind,
  title,
  steps: [
    { ...POST, origin: { status, fields: [['date', 0], ...fields] } },
    { ...(outcome === 'reused' ? REUSED : FETCHED), url: POST.url ?? '' },
  ],
});

const POSTS: readonly ConformanceCase[] = [
  byPost(
    'post-located',
    'optimal',
    'what a POST is answered under its own URL, explicitly fresh, answers a GET',
    'reused',
    [HOUR, ['content-location', '/a?b']],
  ),
  byPost('post-located-absolute', 'optimal', 'also where that URL is absolute', 'reused', [
    HOUR,
    ['content-location', 'HTTP://Origin.example:80/a?b'],
  ]),
  byPost(
    'post-located-created',
    'optimal',
    'also with 201',
    'reused',
    [HOUR, ['content-location', '?b']],
    201,
  ),
  byPost('post-located-expires', 'optimal', 'also by Expires', 'reused', [
    ['expires', 60],
    ['content-location', '?b'],
  ]),
  byPost('post-located-elsewhere', 'required', 'not under another URL', 'fetched', [HOUR, LOCATED]),
  byPost('post-located-other-origin', 'required', 'nor of another origin', 'fetched', [
    HOUR,
    ['content-location', 'http://evil.example/a?b'],
  ]),
  byPost('post-located-twice', 'chosen', 'nor under two', 'fetched', [
    HOUR,
    ['content-location', '/a?b'],
    ['content-location', '/a?b'],
  ]),
  byPost('post-located-not-fresh', 'required', 'not without explicit freshness', 'fetched', [
    ['content-location', '/a?b'],
    ['last-modified', -86_400 * 100],
    ['etag', '"a"'],
  ]),
  byPost('post-located-stale', 'required', 'nor stale from the start', 'fetched', [
    ['content-location', '/a?b'],
    ['cache-control', 'max-age=0'],
    ['etag', '"a"'],
  ]),
  byPost('post-located-private', 'required', 'not what is private', 'fetched', [
    ['content-location', '/a?b'],
    ['cache-control', 'private, max-age=3600'],
  ]),
  byPost(
    'post-located-error',
    'required',
    'not an error',
    'fetched',
    [HOUR, ['content-location', '/a?b']],
    409,
  ),
  byPost(
    'post-located-redirect',
    'required',
    'not a redirection',
    'fetched',
    [HOUR, ['content-location', '/a?b']],
    303,
  ),
  byPost(
    'post-located-part',
    'required',
    'not a part',
    'fetched',
    [HOUR, ['content-location', '/a?b'], ['content-range', 'bytes 0-13/14']],
    206,
  ),
  {
    id: 'post-after-post',
    section: 'RFC 9110 §9.3.3',
    kind: 'required',
    title: 'a POST is never answered from the cache, and its answer takes the place of what was stored',
    steps: [
      { ...stored(HOUR), url: POST.url ?? '' },
      { ...POST, origin: { fields: [HOUR, ['content-location', '/a?b']] }, expect: { from: 'origin' } },
      { url: POST.url ?? '', expect: { from: 'cache', bodyOfStep: 1 } },
      { ...POST, origin: { fields: [HOUR, ['content-location', '/a?b']] }, expect: { from: 'origin' } },
      { url: POST.url ?? '', method: 'HEAD', expect: { from: 'cache', status: 200 } },
      { url: POST.url ?? '', expect: { from: 'cache', bodyOfStep: 3 } },
    ],
  },
  {
    id: 'put-located',
    section: 'RFC 9110 §9.3.4',
    kind: 'required',
    title: 'what a PUT is answered does not answer a GET',
    steps: [
      { ...POST, method: 'PUT', origin: { fields: [HOUR, ['content-location', '/a?b']] } },
      { ...FETCHED, url: POST.url ?? '' },
    ],
  },
];

export const STORING: readonly ConformanceCase[] = [
  ...POSTS,
  not('no-store', 'RFC 9111 §5.2.2.5', 'no-store'),
  not('no-store-case', 'RFC 9111 §5.2.2.5', 'No-StOrE'),
  not('no-store-beside-max-age', 'RFC 9111 §5.2.2.5', 'max-age=3600, no-store'),
  not('no-store-argument', 'RFC 9111 §5.2.2.5', 'no-store="x", max-age=3600'),
  not('private', 'RFC 9111 §5.2.2.7', 'private, max-age=3600'),
  not('private-case', 'RFC 9111 §5.2.2.7', 'Private, max-age=3600'),
  not('private-beside-s-maxage', 'RFC 9111 §5.2.2.7', 's-maxage=3600, private'),
  not('private-empty', 'RFC 9111 §5.2.2.7', 'private=, max-age=3600', 'chosen'),
  not('private-unquoted', 'RFC 9111 §5.2.2.7', 'private=set-cookie, max-age=3600', 'chosen'),
  not('private-open-quote', 'RFC 9111 §5.2.2.7', 'max-age=3600, private="set-cookie', 'chosen'),
  not('private-semicolon', 'RFC 9111 §5.2.2.7', 'max-age=3600; private', 'chosen'),
  {
    id: 'private-fields',
    section: 'RFC 9111 §5.2.2.7',
    kind: 'required',
    title: 'private="x-user" keeps that field back and the rest is reused',
    steps: [
      stored(['cache-control', 'private="x-user", max-age=3600'], ['x-user', 'one'], ['x-other', '1']),
      { expect: { from: 'cache', absent: ['x-user'], fields: [['x-other', '1']] } },
    ],
  },
  {
    id: 'no-cache-fields',
    section: 'RFC 9111 §5.2.2.4',
    kind: 'required',
    title: 'no-cache="x-user" is not shown again without validation',
    steps: [
      stored(['cache-control', 'no-cache="x-user", max-age=3600'], ['x-user', 'one']),
      { expect: { from: 'cache', absent: ['x-user'] } },
    ],
  },
  {
    id: 'connection-fields',
    section: 'RFC 9111 §3.1',
    kind: 'required',
    title: 'fields of one connection are not stored',
    steps: [
      stored(HOUR, ['connection', 'x-hop'], ['x-hop', '1'], ['proxy-authenticate', 'Basic']),
      { expect: { from: 'cache', absent: ['x-hop', 'connection', 'proxy-authenticate'] } },
    ],
  },
  ...[200, 203, 204, 299, 301, 302, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599].map((status) =>
    byStatus(status, true),
  ),
  byStatus(206, false),
  byStatus(304, false),
  {
    id: 'must-understand',
    section: 'RFC 9111 §5.2.2.3',
    kind: 'optimal',
    title: 'no-store beside must-understand does not count for a status that is understood',
    steps: [stored(['cache-control', 'max-age=3600, no-store, must-understand']), REUSED],
  },
  {
    id: 'must-understand-unknown',
    section: 'RFC 9111 §5.2.2.3',
    kind: 'required',
    title: 'must-understand with a status that is not understood is not stored',
    steps: [
      {
        origin: {
          status: 499,
          fields: [
            ['cache-control', 'max-age=3600, must-understand'],
            ['date', 0],
          ],
        },
      },
      FETCHED,
    ],
  },
  byAuthorization('max-age=3600', 'fetched'),
  byAuthorization('max-age=3600, public', 'reused'),
  byAuthorization('max-age=3600, must-revalidate', 'reused'),
  byAuthorization('s-maxage=3600', 'reused'),
  {
    id: 'authorization-after-anonymous',
    section: 'RFC 9111 §3.5',
    kind: 'chosen',
    title: 'a client with credentials is not answered with what was made for one without',
    steps: [stored(HOUR), asking(AUTH, FETCHED), REUSED],
  },
  {
    id: 'request-no-store',
    section: 'RFC 9111 §5.2.1.5',
    kind: 'required',
    title: 'the response to a request with no-store is not stored',
    steps: [asking([['cache-control', 'no-store']], stored(HOUR)), FETCHED],
  },
  {
    id: 'set-cookie-explicit',
    section: 'RFC 9111 §7.3',
    kind: 'chosen',
    title: 'a cookie is replayed where the response is explicitly fresh',
    steps: [
      stored(HOUR, ['set-cookie', 'a=1'], ['set-cookie', 'b=2']),
      { expect: { from: 'cache', fields: [['set-cookie', 'a=1 | b=2']] } },
    ],
  },
  {
    id: 'set-cookie-validator-only',
    section: 'RFC 9111 §7.3',
    kind: 'chosen',
    title: 'a cookie is not kept with a response that says nothing of its freshness',
    steps: [stored(['etag', '"a"'], ['set-cookie', 'a=1']), FETCHED],
  },
  {
    id: 'post-not-stored',
    section: 'RFC 9111 §3',
    kind: 'required',
    title: 'the response to a POST does not answer a GET',
    steps: [{ method: 'POST', ...stored(HOUR) }, FETCHED],
  },
  {
    id: 'head-not-stored',
    section: 'RFC 9110 §9.3.2',
    kind: 'required',
    title: 'the response to a HEAD does not answer a GET',
    steps: [{ method: 'HEAD', ...stored(HOUR) }, FETCHED],
  },
  {
    id: 'head-from-get',
    section: 'RFC 9111 §4',
    kind: 'optimal',
    title: 'a HEAD is answered from a stored GET, without its body',
    steps: [
      stored(HOUR, ['x-a', '1']),
      { method: 'HEAD', expect: { from: 'cache', status: 200, fields: [['x-a', '1']] } },
    ],
  },
  {
    id: 'heuristic',
    section: 'RFC 9111 §4.2.2',
    kind: 'optimal',
    title: 'a response with an old Last-Modified and no freshness is reused for a while',
    steps: [after(60, stored(['last-modified', -86_400 * 100])), REUSED],
  },
  {
    id: 'targeted',
    section: 'RFC 9213 §2.2',
    kind: 'optimal',
    title: 'CDN-Cache-Control counts instead of Cache-Control',
    steps: [after(60, stored(['cache-control', 'max-age=1'], ['cdn-cache-control', 'max-age=3600'])), REUSED],
  },
  {
    id: 'query-is-part-of-the-key',
    section: 'RFC 9111 §2',
    kind: 'required',
    title: 'another query is another URL',
    steps: [
      stored(HOUR),
      { ...FETCHED, url: 'http://origin.example/?a' },
      { ...FETCHED, url: 'http://origin.example/?' },
    ],
  },
  {
    id: 'host-is-part-of-the-key',
    section: 'RFC 9111 §2',
    kind: 'required',
    title: 'another host, port or scheme is another URL; another spelling of the host is not',
    steps: [
      stored(HOUR),
      { ...FETCHED, url: 'http://other.example/' },
      { ...FETCHED, url: 'https://origin.example/' },
      { ...FETCHED, url: 'http://origin.example:1337/' },
      { ...REUSED, url: 'http://ORIGIN.example.:80/' },
    ],
  },
];
