// Tags of responses: the tags header, cache groups (RFC 9875), and what an unsafe request's answer makes invalid.
import { describe, expect, it } from 'vitest';
import { groupTagsToInvalidate, tagsOf } from '../../core/cache/response-tags.ts';
import type { Fields } from '../../core/http/fields.ts';
import { parseTarget, type Target } from '../../core/http/target.ts';

const OPTIONS = { tagsHeader: 'Cache-Tag', cacheGroups: true };

function targetOf(url: string): Target {
  const target = parseTarget(url);
  if (target.type !== 'target') throw new Error(target.type);
  return target;
}

const TARGET = targetOf('http://H.test/a');
const tags = (fields: Fields, options = OPTIONS) => {
  const read = tagsOf(fields, TARGET, options);
  return read.type === 'tags' ? read.tags : read.reason;
};

describe('the tags of a response', () => {
  it('are the members of its tags header, of all its lines, each once', () => {
    expect(
      tags([
        ['cache-tag', 'a, b ,,c'],
        ['x', 'y'],
        ['cache-tag', 'b,d:1'],
      ]),
    ).toEqual(['a', 'b', 'c', 'd:1']);
    expect(tags([['x', 'y']])).toEqual([]);
  });

  it('come from the header that the route names, in any case', () => {
    const fields: Fields = [
      ['cache-tag', 'a'],
      ['surrogate-key', 'b'],
    ];
    expect(tags(fields, { ...OPTIONS, tagsHeader: 'Surrogate-KEY' })).toEqual(['b']);
  });

  it('RFC 9875 §2: its groups count beside their origin only; parameters are ignored', () => {
    expect(
      tags([
        ['cache-groups', '"g one";x=1, "h"'],
        ['cache-tag', 'h'],
      ]),
    ).toEqual(['h', 'http://h.test g one', 'http://h.test h']);
    expect(tags([['cache-groups', '"g"']], { ...OPTIONS, cacheGroups: false })).toEqual([]);
  });

  it.each(['g', '"g", h', '"g" "h"', '"g', '1', '("g")'])(
    'RFC 9875 §2: a field that is no list of strings is ignored: %s',
    (value) => {
      expect(tags([['cache-groups', value]])).toEqual([]);
    },
  );

  it('that are too many or too long keep it from being stored', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => `t${i}`).join(',');
    expect(tags([['cache-tag', many(256)]]).length).toBe(256);
    expect(tags([['cache-tag', many(257)]])).toBe('too-many-tags');
    expect(tags([['cache-tag', 'x'.repeat(1_025)]])).toBe('too-many-tags');
  });
});

describe('RFC 9875 §3: Cache-Group-Invalidation', () => {
  const fields: Fields = [['cache-group-invalidation', '"g", "h"']];
  const invalidated = (method: string, status: number, own = fields) =>
    groupTagsToInvalidate({ target: TARGET, method, status, fields: own });

  it('on the answer to an unsafe request names groups of its own origin', () => {
    expect(invalidated('POST', 200)).toEqual(['http://h.test g', 'http://h.test h']);
    expect(invalidated('DELETE', 303)).toEqual(['http://h.test g', 'http://h.test h']);
  });

  it.each([
    ['GET', 200],
    ['HEAD', 200],
    ['QUERY', 200],
    ['POST', 404],
    ['POST', 500],
  ])('is ignored on %s with %i', (method, status) => {
    expect(invalidated(method, status)).toEqual([]);
  });

  it('that is no list of strings is ignored', () => {
    expect(invalidated('POST', 200, [['cache-group-invalidation', 'g']])).toEqual([]);
  });
});
