// Parts, wholes and conditions in any order, against an origin that keeps the rules of ranges and changes now and then:
// whatever is answered is what that origin has said of one of its versions, never a mixture.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fields, fieldValue } from '../../core/http/fields.ts';
import { contentRange, parseContentRange, requestedRanges } from '../../core/http/ranges.ts';
import { type Answer, ModelEdge, type ModelRequest, type OriginResponse } from '../conformance/model-edge.ts';

const URL_OF_ALL = 'http://origin.example/';
type Tags = 'strong' | 'weak' | 'none';

/** Every character tells its version and its place. */
const contentOf = (version: number): string =>
  Array.from({ length: 8 + (version % 3) }, (_, i) => String.fromCharCode(0x100 + version * 16 + i)).join('');

class HonestOrigin {
  version = 1;
  private readonly tags: Tags;

  constructor(tags: Tags) {
    this.tags = tags;
  }

  answer({ fields }: ModelRequest): OriginResponse {
    const body = contentOf(this.version);
    const own = { strong: `"${this.version}"`, weak: `W/"${this.version}"`, none: '' }[this.tags];
    const head: Fields = [['cache-control', 'max-age=60'], ...(own === '' ? [] : [['etag', own] as const])];
    const asked = fieldValue(fields, 'if-none-match');
    if (own !== '' && asked?.split(', ').some((tag) => tag.replace('W/', '') === own.replace('W/', ''))) {
      return { status: 304, fields: head, body: '' };
    }
    const ifRange = fieldValue(fields, 'if-range');
    const holds = ifRange === undefined || (this.tags === 'strong' && ifRange === own);
    const range = holds ? fieldValue(fields, 'range') : undefined;
    const ranges = range === undefined ? null : requestedRanges(range, body.length);
    if (ranges?.type === 'unsatisfiable') {
      return { status: 416, fields: [['content-range', contentRange(null, body.length)]], body: '' };
    }
    const [one] = ranges?.type === 'ranges' ? ranges.ranges : [];
    if (one === undefined) return { status: 200, fields: head, body };
    const which = ['content-range', contentRange(one, body.length)] as const;
    return { status: 206, fields: [...head, which], body: body.slice(one.first, one.last + 1) };
  }
}

const ACTION = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('part'), from: fc.nat(10), to: fc.nat(10) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('suffix'), from: fc.nat(10), to: fc.constant(0) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('whole'), from: fc.constant(0), to: fc.constant(0) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('change'), from: fc.constant(0), to: fc.constant(0) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait'), from: fc.constant(0), to: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('if-range'), from: fc.nat(10), to: fc.nat(12) }) },
);

/** Whether one version of the origin's could have been answered so. */
function isOfOneVersion(answer: Answer, newest: number): boolean {
  for (let version = 1; version <= newest; version++) {
    const body = contentOf(version);
    const tag = fieldValue(answer.fields, 'etag')?.replace(/W\/|"/g, '') ?? String(version);
    if (tag !== String(version)) continue;
    if (answer.status === 200 && answer.body === body) return true;
    if (answer.status === 416 && fieldValue(answer.fields, 'content-range') === `bytes */${body.length}`) {
      return true;
    }
    const part = parseContentRange(fieldValue(answer.fields, 'content-range') ?? '');
    if (answer.status !== 206 || part === null || part.completeBytes !== body.length) continue;
    if (answer.body === body.slice(part.first, part.last + 1)) return true;
  }
  return false;
}

describe('parts and wholes', () => {
  it.each<Tags>(['strong', 'weak', 'none'])('are never mixed, with %s tags', (tags) => {
    let fromCache = 0;
    fc.assert(
      fc.property(fc.array(ACTION, { minLength: 5, maxLength: 30 }), (actions) => {
        const origin = new HonestOrigin(tags);
        const edge = new ModelEdge();
        for (const action of actions) {
          const fields: (readonly [string, string])[] = [];
          edge.nowMs += 500;
          if (action.do === 'change') origin.version += 1;
          else if (action.do === 'wait') edge.nowMs += 45_000;
          else {
            const [first, last] = [Math.min(action.from, action.to), Math.max(action.from, action.to)];
            if (action.do === 'part') fields.push(['range', `bytes=${first}-${last}`]);
            if (action.do === 'suffix') fields.push(['range', `bytes=-${action.from}`]);
            if (action.do === 'if-range') {
              fields.push(['range', `bytes=${first}-`], ['if-range', `"${origin.version}"`]);
            }
            const answer = edge.request({ method: 'GET', url: URL_OF_ALL, fields }, (request) =>
              origin.answer(request),
            );
            if (answer.from === 'cache') fromCache += 1;
            expect(isOfOneVersion(answer, origin.version), JSON.stringify([action, answer])).toBe(true);
          }
        }
      }),
      { seed: 9110, numRuns: 300 },
    );
    expect(fromCache).toBeGreaterThan(500);
  });
});
