// Edits of the configuration: merge patch by its RFC, pieces by pool and backend, roll back; and the diff and preview
// that people see first.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffConfigs } from '../../core/config/diff.ts';
import type { ConfigEdit } from '../../core/config/edit.ts';
import { applyEdit } from '../../core/config/edit.ts';
import { jsonEquals } from '../../core/config/json.ts';
import { mergePatch } from '../../core/config/merge-patch.ts';
import { parseConfig } from '../../core/config/parse-config.ts';
import { previewConfig } from '../../core/config/preview.ts';
import type { Config, ConfigDocument } from '../../core/config/schema.ts';

describe('a merge patch (RFC 7396, appendix A)', () => {
  it.each([
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ])('%s patched with %s is %s', (target, patch, result) => {
    expect(mergePatch(JSON.parse(target), JSON.parse(patch))).toEqual(JSON.parse(result));
  });

  it('is idempotent and leaves its arguments alone', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
        const before = JSON.stringify([target, patch]);
        const once = mergePatch(target, patch);
        expect(jsonEquals(mergePatch(once, patch), once)).toBe(true);
        expect(JSON.stringify([target, patch])).toBe(before);
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it('keeps "__proto__" a plain member', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true},"a":{"__proto__":{"b":1}}}'));
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
    expect(Object.hasOwn(merged as object, '__proto__')).toBe(true);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

const base: ConfigDocument = {
  pools: {
    web: {
      backends: [
        { id: 'a', url: 'http://a.example', weight: 2 },
        { id: 'b', url: 'http://b.example' },
      ],
    },
    api: { backends: [] },
  },
  routes: [{ id: 'all', pool: 'web' }],
};

const never = (): null => null;
const apply = (edit: ConfigEdit, lookup: (version: number) => ConfigDocument | null = never) => {
  const frozen = JSON.stringify(base);
  const result = applyEdit(base, edit, lookup);
  expect(JSON.stringify(base)).toBe(frozen);
  return result;
};
const backendsAfter = (edit: ConfigEdit) => {
  const result = apply(edit);
  if (result.type !== 'edited') throw new Error(JSON.stringify(result));
  return (result.document as ConfigDocument).pools?.web?.backends;
};

describe('an edit', () => {
  it('puts a pool whole, new or not', () => {
    expect(apply({ type: 'putPool', pool: 'new', value: {} })).toEqual({
      type: 'edited',
      document: { ...base, pools: { ...base.pools, new: {} } },
    });
    expect(apply({ type: 'putPool', pool: 'web', value: { backends: [] } })).toMatchObject({
      document: { pools: { web: { backends: [] }, api: {} } },
    });
    expect(applyEdit({}, { type: 'putPool', pool: 'p', value: {} }, never)).toMatchObject({
      document: { pools: { p: {} } },
    });
  });

  it('keeps a backend at its place and appends a new one, with the id of the address', () => {
    expect(
      backendsAfter({ type: 'putBackend', pool: 'web', backend: 'a', value: { url: 'http://x.example' } }),
    ).toEqual([
      { id: 'a', url: 'http://x.example' },
      { id: 'b', url: 'http://b.example' },
    ]);
    expect(
      backendsAfter({
        type: 'putBackend',
        pool: 'web',
        backend: 'c',
        value: { id: 'c', url: 'http://c.example' },
      })?.map(({ id }) => id),
    ).toEqual(['a', 'b', 'c']);
  });

  it('refuses a backend whose id is not that of the address', () => {
    const errors = [{ path: 'pools.web.backends[1].id', message: 'must be "b", as in the address' }];
    const put = {
      type: 'putBackend',
      pool: 'web',
      backend: 'b',
      value: { id: 'x', url: 'http://x' },
    } as const;
    expect(apply(put)).toEqual({ type: 'invalid', errors });
    const merge = { type: 'mergeBackend', pool: 'web', backend: 'b', patch: { id: 'x' } } as const;
    expect(apply(merge)).toEqual({ type: 'invalid', errors });
  });

  it('merges, removes and drains backends', () => {
    expect(
      backendsAfter({ type: 'mergeBackend', pool: 'web', backend: 'a', patch: { weight: null } }),
    ).toMatchObject([{ id: 'a', url: 'http://a.example' }, {}]);
    expect(backendsAfter({ type: 'deleteBackend', pool: 'web', backend: 'a' })).toEqual([
      { id: 'b', url: 'http://b.example' },
    ]);
    expect(
      backendsAfter({ type: 'setBackendState', pool: 'web', backend: 'b', state: 'draining' })?.[1],
    ).toEqual({ id: 'b', url: 'http://b.example', state: 'draining' });
  });

  it('changes nothing when the state asked for is the default that holds', () => {
    const result = apply({ type: 'setBackendState', pool: 'web', backend: 'b', state: 'active' });
    expect(result).toEqual({ type: 'edited', document: base });
  });

  it('takes the content of an earlier version for a roll back', () => {
    const earlier = { pools: {} };
    const lookup = (version: number) => (version === 3 ? earlier : null);
    expect(apply({ type: 'rollback', version: 3 }, lookup)).toEqual({ type: 'edited', document: earlier });
    expect(apply({ type: 'rollback', version: 4 }, lookup)).toEqual({
      type: 'not-found',
      what: 'configuration version 4',
    });
  });

  it.each<ConfigEdit>([
    { type: 'mergePool', pool: 'none', patch: {} },
    { type: 'deletePool', pool: 'none' },
    { type: 'deletePool', pool: 'constructor' },
    { type: 'putBackend', pool: 'none', backend: 'a', value: {} },
    { type: 'mergeBackend', pool: 'web', backend: 'z', patch: {} },
    { type: 'deleteBackend', pool: 'web', backend: 'z' },
    { type: 'setBackendState', pool: 'web', backend: 'z', state: 'active' },
  ])('finds nothing to change for $type of what is not there', (edit) => {
    expect(apply(edit)).toMatchObject({ type: 'not-found' });
  });

  it('refuses a patch nested without bound instead of running out of stack', () => {
    const patch = JSON.parse(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`);
    expect(apply({ type: 'merge', patch })).toMatchObject({ type: 'invalid' });
    expect(apply({ type: 'mergePool', pool: 'web', patch })).toMatchObject({ type: 'invalid' });
    expect(apply({ type: 'mergeBackend', pool: 'web', backend: 'a', patch })).toMatchObject({
      type: 'invalid',
    });
  });

  it('that names a pool "__proto__" ends as a field that validation refuses', () => {
    const result = apply({ type: 'putPool', pool: '__proto__', value: {} });
    expect(result.type === 'edited' && parseConfig(result.document)).toMatchObject({
      ok: false,
      errors: [{ path: 'pools.__proto__' }],
    });
  });
});

describe('equality', () => {
  it('does not see the order of members, but that of lists', () => {
    expect(jsonEquals({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 })).toBe(true);
    expect(jsonEquals({ b: [1, 2] }, { b: [2, 1] })).toBe(false);
    expect(jsonEquals({ a: undefined }, {})).toBe(false);
    expect(jsonEquals([], {})).toBe(false);
    expect(jsonEquals({ a: 1 }, JSON.parse('{"__proto__":1}'))).toBe(false);
  });
});

describe('a diff', () => {
  it('names the smallest places, backends by their ids', () => {
    const after = {
      pools: {
        web: {
          backends: [
            { id: 'b', url: 'http://b.example', weight: 3 },
            { id: 'c', url: 'http://c.example' },
            { id: 'a', url: 'http://a.example', weight: 1 },
          ],
        },
      },
      routes: [{ id: 'all', pool: 'web' }],
    };
    expect(diffConfigs(base, after)).toEqual([
      { path: 'pools.web.backends[a].weight', before: 2, after: 1 },
      { path: 'pools.web.backends[b].weight', after: 3 },
      { path: 'pools.web.backends[c]', after: { id: 'c', url: 'http://c.example' } },
      { path: 'pools.web.backends', before: ['a', 'b'], after: ['b', 'a'] },
      { path: 'pools.api', before: { backends: [] } },
    ]);
  });

  it('is empty exactly when the documents are equal', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(diffConfigs(a, a)).toEqual([]);
        expect(diffConfigs(a, b).length === 0).toBe(jsonEquals(a, b));
      }),
      { seed: 5, numRuns: 500 },
    );
  });
});

describe('a preview', () => {
  it('asks about every pool that is there before or after', () => {
    const configOf = (document: unknown): Config => {
      const parsed = parseConfig(document);
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
      return parsed.config;
    };
    const asked: [number | null, number | null][] = [];
    const preview = previewConfig(
      configOf(base),
      configOf({ pools: { web: {}, new: {} } }),
      (before, after) => {
        asked.push([before?.backends.length ?? null, after?.backends.length ?? null]);
        return { keysMovedRatio: 0, maxShareBefore: null, maxShareAfter: null };
      },
    );
    expect(Object.keys(preview.pools)).toEqual(['web', 'api', 'new']);
    expect(asked).toEqual([
      [2, 0],
      [0, null],
      [null, 0],
    ]);
  });
});
