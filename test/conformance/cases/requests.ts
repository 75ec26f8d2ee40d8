// What the request says: its Cache-Control, its method, its body, its range (RFC 9111 §5.2.1, §4, RFC 9110 §9, §14).
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

/** An hour's response, a minute old, asked for with these fields. */
const minuteOld = (
  id: string,
  section: string,
  title: string,
  request: readonly FieldSpec[],
  outcome: 'reused' | 'fetched' | 'validated',
  fields: readonly FieldSpec[] = [HOUR],
  kind: ConformanceCase['kind'] = 'optimal',
): ConformanceCase => {
  const response = stored(...fields);
  const outcomes: Record<typeof outcome, Step> = {
    reused: REUSED,
    fetched: { ...response, ...FETCHED },
    validated: { ...response, expect: { from: 'validated' } },
  };
  return { id, section, kind, title, steps: [after(60, response), asking(request, outcomes[outcome])] };
};

const says = (value: string): readonly FieldSpec[] => [['cache-control', value]];

/** Sent to a URL whose fresh response is stored: must reach the origin, and leave that response alone. */
const passes = (id: string, section: string, title: string, step: Step, status = 400): ConformanceCase => ({
  id,
  section,
  kind: 'required',
  title,
  steps: [
    { ...step, origin: { status, fields: [HOUR] }, expect: { from: 'origin', status } },
    stored(HOUR),
    { ...step, origin: { status, fields: [HOUR] }, expect: { from: 'origin', status } },
    { expect: { from: 'cache', status: 200, bodyOfStep: 1 } },
  ],
});

export const REQUESTS: readonly ConformanceCase[] = [
  minuteOld(
    'request-max-age',
    'RFC 9111 §5.2.1.1',
    'max-age=30 refuses an age of 60',
    says('max-age=30'),
    'fetched',
  ),
  minuteOld(
    'request-max-age-zero',
    'RFC 9111 §5.2.1.1',
    'max-age=0 validates',
    says('max-age=0'),
    'validated',
    [HOUR, TAG],
  ),
  minuteOld(
    'request-max-age-enough',
    'RFC 9111 §5.2.1.1',
    'max-age=60 takes an age of 60',
    says('max-age=60'),
    'reused',
  ),
  minuteOld(
    'request-max-age-by-age',
    'RFC 9111 §5.2.1.1',
    'the Age field counts',
    says('max-age=600'),
    'fetched',
    [HOUR, ['age', '1800']],
  ),
  minuteOld(
    'request-max-stale',
    'RFC 9111 §5.2.1.2',
    'max-stale=100 takes 30 s of staleness',
    says('max-stale=100'),
    'reused',
    [['cache-control', 'max-age=30'], TAG],
  ),
  minuteOld(
    'request-max-stale-any',
    'RFC 9111 §5.2.1.2',
    'max-stale takes any staleness',
    says('max-stale'),
    'reused',
    [['cache-control', 'max-age=1'], TAG],
  ),
  minuteOld(
    'request-max-stale-too-little',
    'RFC 9111 §5.2.1.2',
    'max-stale=10 refuses 30 s of staleness',
    says('max-stale=10'),
    'validated',
    [['cache-control', 'max-age=30'], TAG],
  ),
  minuteOld(
    'request-max-stale-max-age',
    'RFC 9111 §5.2.1.1',
    'max-age refuses what max-stale takes',
    says('max-stale=100, max-age=10'),
    'validated',
    [['cache-control', 'max-age=30'], TAG],
  ),
  ...['must-revalidate', 'proxy-revalidate', 's-maxage=30'].map((directive) =>
    minuteOld(
      `request-max-stale-against-${directive.replace(/\W.*/, '')}`,
      'RFC 9111 §4.2.4',
      `max-stale does not overrule ${directive}`,
      says('max-stale'),
      'validated',
      [['cache-control', `max-age=30, ${directive}`], TAG],
      'required',
    ),
  ),
  minuteOld(
    'request-max-stale-against-no-cache',
    'RFC 9111 §5.2.2.4',
    'max-stale does not overrule no-cache',
    says('max-stale'),
    'validated',
    [['cache-control', 'no-cache'], TAG],
    'required',
  ),
  minuteOld(
    'request-min-fresh',
    'RFC 9111 §5.2.1.3',
    'min-fresh=3600 refuses 3540 s',
    says('min-fresh=3600'),
    'fetched',
  ),
  minuteOld(
    'request-min-fresh-enough',
    'RFC 9111 §5.2.1.3',
    'min-fresh=3540 takes 3540 s',
    says('min-fresh=3540'),
    'reused',
  ),
  minuteOld('request-no-cache', 'RFC 9111 §5.2.1.4', 'no-cache fetches', says('no-cache'), 'fetched'),
  minuteOld(
    'request-no-cache-validates',
    'RFC 9111 §5.2.1.4',
    'no-cache validates',
    says('No-Cache'),
    'validated',
    [HOUR, TAG],
  ),
  minuteOld(
    'request-pragma',
    'RFC 9111 §5.4',
    'Pragma: no-cache validates',
    [['pragma', 'No-Cache']],
    'validated',
    [HOUR, TAG],
  ),
  minuteOld(
    'request-pragma-other',
    'RFC 9111 §5.4',
    'another Pragma does not',
    [['pragma', 'x-no-cache']],
    'reused',
  ),
  minuteOld(
    'request-pragma-beside',
    'RFC 9111 §5.4',
    'Pragma beside Cache-Control is ignored',
    [
      ['pragma', 'no-cache'],
      ['cache-control', 'max-stale'],
    ],
    'reused',
  ),
  minuteOld(
    'request-only-if-cached',
    'RFC 9111 §5.2.1.7',
    'only-if-cached gets what is stored',
    says('only-if-cached'),
    'reused',
  ),
  {
    id: 'request-only-if-cached-none',
    section: 'RFC 9111 §5.2.1.7',
    kind: 'optimal',
    title: 'only-if-cached gets 504 where nothing is stored, stale or bypassed',
    steps: [
      asking(says('only-if-cached'), { expect: { from: 'edge', status: 504 } }),
      after(60, stored(['cache-control', 'max-age=30'], TAG)),
      asking(says('only-if-cached'), { expect: { from: 'edge', status: 504 } }),
      asking([...says('only-if-cached'), ['range', 'bytes=0-0']], { expect: { from: 'edge', status: 504 } }),
      asking(says('only-if-cached, max-stale'), { expect: { from: 'cache', bodyOfStep: 1 } }),
    ],
  },
  ...(
    [
      [
        'range',
        'RFC 9110 §14.2',
        'a part of what is not stored comes from the origin, and stays a part',
        'bytes=0-3',
        206,
      ],
      ['range-nonsense', 'RFC 9110 §14.2', 'an error about a range is not stored', 'bytes=cow', 400],
      ['range-unsatisfiable', 'RFC 9110 §15.5.17', 'a 416 is not stored', 'bytes=9-', 416],
    ] as const
  ).map(
    ([id, section, title, range, status]): ConformanceCase => ({
      id,
      section,
      kind: 'required',
      title,
      steps: [
        {
          request: [['range', range]],
          origin: { status, fields: [HOUR, ['date', 0], TAG] },
          expect: { from: 'origin', status, sent: [['range', range]] },
        },
        FETCHED,
      ],
    }),
  ),
  passes('fat-get', 'RFC 9110 §9.3.1', 'a GET with a body goes to the origin', {
    request: [['content-length', '7']],
  }),
  passes('fat-get-chunked', 'RFC 9110 §9.3.1', 'so does one of unknown length', {
    request: [['transfer-encoding', 'chunked']],
  }),
  passes('fat-head', 'RFC 9110 §9.3.2', 'so does a HEAD with a body', {
    method: 'HEAD',
    request: [['content-length', '7']],
  }),
  passes('options', 'RFC 9111 §2', 'OPTIONS goes to the origin', { method: 'OPTIONS' }),
  {
    id: 'get-with-empty-body',
    section: 'RFC 9110 §9.3.1',
    kind: 'optimal',
    title: 'a GET that says its body is empty is an ordinary one',
    steps: [stored(HOUR), asking([['content-length', '0']], REUSED)],
  },
  {
    id: 'condition-on-a-miss',
    section: 'RFC 9111 §4.3.2',
    kind: 'required',
    title: "the origin's 304 to a client's condition is not stored",
    steps: [
      asking([['if-none-match', '"abc"']], { ...stored(HOUR, TAG), expect: { from: 'origin', status: 304 } }),
      FETCHED,
    ],
  },
];
