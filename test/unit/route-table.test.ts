// Routes and their globs: which one matches, and that no pattern makes matching explode.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../core/config/parse-config.ts';
import { compileGlob, compileRoutes } from '../../core/config/route-table.ts';
import type { Route } from '../../core/config/schema.ts';

type Match = { hosts?: string[]; paths?: string[]; methods?: string[] };

function routes(matches: Record<string, Match>): readonly Route[] {
  const parsed = parseConfig({
    pools: { web: {} },
    routes: Object.entries(matches).map(([id, match]) => ({ id, match, pool: 'web' })),
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.config.routes;
}

function matched(matches: Record<string, Match>, host: string, path: string, method = 'GET') {
  return compileRoutes(routes(matches)).match(host, path, method)?.id ?? null;
}

describe('compileRoutes', () => {
  it('takes the first route of which hosts, paths and methods all match', () => {
    const table = {
      images: { hosts: ['img.example'], paths: ['/i/*'], methods: ['GET'] },
      api: { paths: ['/api/*'] },
      rest: {},
    };
    expect(matched(table, 'img.example', '/i/cat.png')).toBe('images');
    expect(matched(table, 'img.example', '/i/cat.png', 'POST')).toBe('rest');
    expect(matched(table, 'img.example', '/api/1')).toBe('api');
    expect(matched(table, 'other.example', '/i/cat.png')).toBe('rest');
  });

  it('answers null when nothing matches', () => {
    expect(matched({ api: { paths: ['/api/*'] } }, 'a.example', '/apiary')).toBeNull();
    expect(matched({}, 'a.example', '/')).toBeNull();
  });

  it('compares host names without their port unless the pattern names one', () => {
    const table = {
      a: { hosts: ['a.example'] },
      b: { hosts: ['b.example:8080'] },
      six: { hosts: ['[::1]'] },
    };
    expect(matched(table, 'a.example:8787', '/')).toBe('a');
    expect(matched(table, 'b.example:8080', '/')).toBe('b');
    expect(matched(table, 'b.example:8081', '/')).toBeNull();
    expect(matched(table, '[::1]:8787', '/')).toBe('six');
  });

  it('compares hosts in lower case and paths as they came', () => {
    expect(matched({ a: { hosts: ['A.Example'] } }, 'a.example', '/')).toBe('a');
    expect(matched({ a: { paths: ['/API'] } }, 'a.example', '/api')).toBeNull();
    expect(matched({ a: { paths: ['/a/b'] } }, 'a.example', '/a%2fb')).toBeNull();
  });
});

describe('compileGlob', () => {
  it.each([
    ['*', '', true],
    ['*', 'anything/at all', true],
    ['/a/*', '/a/', true],
    ['/a/*', '/a', false],
    ['*.example', 'www.example', true],
    ['*.example', '.example', true],
    ['*.example', 'example', false],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'aXbYbZc', true],
    ['a*b*c', 'acb', false],
    // The two ends may not share a character.
    ['aba*aba', 'ababa', false],
    ['a*aa*a', 'aaa', false],
    ['a*aa*a', 'aaaa', true],
    ['a.c', 'abc', false],
    ['', '', true],
    ['', 'x', false],
  ])('%j against %j is %s', (pattern, text, expected) => {
    expect(compileGlob(pattern)(text)).toBe(expected);
  });

  it('agrees with the regular expression of the same meaning', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    const texts = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
    fc.assert(
      fc.property(letters, texts, (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
        expect(compileGlob(pattern)(text)).toBe(expression.test(text));
      }),
      { numRuns: 2_000, seed: 7 },
    );
  });

  it('answers hostile patterns without backtracking', () => {
    const glob = compileGlob(`${'*a'.repeat(200)}*b*`);
    // A backtracking matcher would try every way to place 200 pieces: that this returns at all is the test.
    expect(glob('a'.repeat(5_000))).toBe(false);
  });
});
