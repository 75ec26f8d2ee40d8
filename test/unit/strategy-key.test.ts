// Where a request's key comes from: every source, the fallbacks between them, and values that are odd.
import { describe, expect, it } from 'vitest';
import { cookieValue, queryValue } from '../../core/http/named-values.ts';
import { parseTarget } from '../../core/http/target.ts';
import { strategyKey } from '../../core/load-balancing/strategy-key.ts';

describe('queryValue', () => {
  it.each([
    ['', ''],
    ['?', ''],
    ['?id', ''],
    ['?id=', ''],
    ['?id=7', '7'],
    ['?a=1&id=7&id=8', '7'],
    ['?id=&id=8', '8'],
    ['?ID=7', ''],
    ['?xid=7', ''],
    ['?id=a=b', 'a=b'],
    ['?%69d=x+y%20z', 'x y z'],
    ['?id=%zz+', '%zz+'],
    ['?id=%c3%a9', 'é'],
  ])('reads id in %s as %j', (query, value) => {
    expect(queryValue(query, 'id')).toBe(value);
  });

  it('knows names that need encoding', () => {
    expect(queryValue('?user+id=1', 'user id')).toBe('1');
    expect(queryValue('?a%26b=1', 'a&b')).toBe('1');
  });
});

describe('cookieValue', () => {
  it.each([
    ['sid=1', '1'],
    ['a=0; sid=1;sid=2', '1'],
    ['sid=; sid=2', '2'],
    ['SID=1', ''],
    ['sid', ''],
    ['xsid=1', ''],
    ['sid="q=1"', '"q=1"'],
    [' sid = 1 ', '1'],
  ])('reads sid in %j as %j', (line, value) => {
    expect(cookieValue([['cookie', line]], 'sid')).toBe(value);
  });

  it('looks through every line', () => {
    const lines = ['a=1', 'sid=2'].map((line) => ['cookie', line] as const);
    expect(cookieValue(lines, 'sid')).toBe('2');
    expect(cookieValue([], 'sid')).toBe('');
  });
});

describe('strategyKey', () => {
  const target = parseTarget('http://e.example/p?user=u1&none=');
  if (target.type !== 'target') throw new Error('The test needs a target');
  const received = [
    ['x-tenant', 't1'],
    ['x-tenant', 't2'],
    ['cookie', 'sid=s1'],
  ] as const;
  const keyOf = (...parts: string[]) => strategyKey({ target, received, clientIp: '2001:db8::1' }, parts);

  it.each([
    ['client-ip', '2001:db8::1'],
    ['path', '/p'],
    ['url', 'http://e.example/p?user=u1&none='],
    ['query:user', 'u1'],
    ['header:X-Tenant', 't1, t2'],
    ['cookie:sid', 's1'],
  ])('takes %s from the request', (part, value) => {
    expect(keyOf(part)).toBe(value);
  });

  it('takes the first that the request has, and is empty without any', () => {
    expect(keyOf('query:none', 'header:x-none', 'cookie:none', 'cookie:sid', 'path')).toBe('s1');
    expect(keyOf('query:absent', 'header:x-none', 'cookie:none')).toBe('');
  });
});
