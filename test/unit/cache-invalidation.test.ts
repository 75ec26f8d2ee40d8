// Which URLs a change invalidates (RFC 9111 §4.4).
import { describe, expect, it } from 'vitest';
import { urlsToInvalidate } from '../../core/cache/invalidation.ts';
import type { Fields } from '../../core/http/fields.ts';
import { parseTarget } from '../../core/http/target.ts';

function invalidated(
  fields: Fields,
  { method = 'POST', status = 201, url = 'http://h:81/a/b?c' } = {},
): string[] {
  const target = parseTarget(url);
  if (target.type !== 'target') throw new Error(`Not a target: ${url}`);
  return urlsToInvalidate({ target, method, status, fields });
}

const OWN = 'http://h:81/a/b?c';

describe('urlsToInvalidate', () => {
  it.each<[reference: string, url: string | null]>([
    ['http://h:81/x', 'http://h:81/x'],
    ['HTTP://H.:81/x', 'http://h:81/x'],
    ['//h:81/x', 'http://h:81/x'],
    ['/x?y#z', 'http://h:81/x?y'],
    ['x', 'http://h:81/a/x'],
    ['../x', 'http://h:81/x'],
    ['?d', 'http://h:81/a/b?d'],
    ['http://h/x', null],
    ['https://h:81/x', null],
    ['http://other:81/x', null],
    ['//other/x', null],
    ['http://h:81@other/x', null],
    ['http://u@h:81/x', null],
    ['javascript:alert(1)', null],
    ['/%2e%2e/x', null],
    ['/a\\b', null],
    ['', null],
  ])('of Location %s: %s', (reference, url) => {
    expect(invalidated([['location', reference]])).toEqual(url === null ? [OWN] : [OWN, url]);
  });

  it('takes Content-Location as well, and each URL once', () => {
    const fields: Fields = [
      ['content-location', '/x'],
      ['location', '/x'],
      ['location', '/y'],
    ];
    expect(invalidated(fields)).toEqual([OWN, 'http://h:81/x', 'http://h:81/y']);
  });

  it('is bounded, however many lines come', () => {
    const fields = Array.from({ length: 1000 }, (_, i) => ['location', `/${i}`] as const);
    expect(invalidated(fields).length).toBeLessThan(10);
  });

  it.each<[method: string, status: number, count: number]>([
    ['POST', 200, 1],
    ['BREW', 299, 1],
    ['DELETE', 304, 1],
    ['PUT', 199, 0],
    ['PUT', 400, 0],
    ['GET', 200, 0],
    ['QUERY', 200, 0],
  ])('%s answered %d: %d', (method, status, count) => {
    expect(invalidated([], { method, status })).toHaveLength(count);
  });
});
