// What the control plane reads from requests before any object is asked: strict JSON, entity tags, key-value
// addresses, conditions and query values.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesStrongly, matchesWeakly, tagCondition } from '../../worker/control-plane/entity-tags.ts';
import { decodeCursor, encodeCursor } from '../../worker/control-plane/kv-cursor.ts';
import {
  kvAddress,
  kvReadQuery,
  kvWriteQuery,
  refuseForeignRepresentation,
  writeCondition,
  writeRequestId,
} from '../../worker/control-plane/kv-request.ts';
import { pathValues } from '../../worker/control-plane/path-values.ts';
import { Problem } from '../../worker/control-plane/problem.ts';
import { readBytes } from '../../worker/control-plane/read-body.ts';
import { parseStrictJson } from '../../worker/control-plane/read-json.ts';
import { queryValues, validated } from '../../worker/control-plane/validate.ts';

const parse = (text: string) => parseStrictJson(new TextEncoder().encode(text));

/** The paths that the refusal names, or its code where it names none. */
function refusal(attempt: () => unknown): string[] {
  try {
    attempt();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return [error.code, ...(error.extras.errors ?? []).map(({ path }) => path)];
  }
  return ['accepted'];
}

describe('strict JSON', () => {
  it('is what JSON.parse reads, for every value without doubtful members', () => {
    const safe = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'));
    fc.assert(
      fc.property(safe, fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(parse(text)).toEqual({ type: 'json', value: JSON.parse(text) });
      }),
    );
  });

  it('never throws, and never takes what JSON.parse refuses', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"\\"',
      '1',
      'null',
      ' ',
      '__proto__',
      '"',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        const result = parse(text);
        const accepted = result.type !== 'bad-json';
        let parses = true;
        try {
          JSON.parse(text);
        } catch {
          parses = false;
        }
        expect(accepted).toBe(parses);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', ['a']],
    ['{"pools":{"web":{"backends":[{"id":"a"},{"id":"b","id":"c"}]}}}', ['pools.web.backends[1].id']],
    ['{"a":1,"\\u0061":2}', ['a']],
    ['{"a":{"b":1},"c":[1,2],"a":3}', ['a']],
    ['{"__proto__":{"x":1}}', ['__proto__']],
    ['[{"x":{"\\u005f_proto__":1}}]', ['[0].x.__proto__']],
  ])('names the doubtful member of %s', (text, paths) => {
    const result = parse(text);
    expect(result.type === 'invalid' && result.errors.map(({ path }) => path)).toEqual(paths);
  });

  it('takes equal names in different objects, and names inside strings', () => {
    expect(parse('[{"a":1},{"a":2}]').type).toBe('json');
    expect(parse('{"a":"{\\"a\\":1,\\"a\\":2}","b":"__proto__"}').type).toBe('json');
  });

  it('refuses what is nested deeper than anything valid, without walking it', () => {
    expect(parse(`${'['.repeat(64)}${']'.repeat(64)}`).type).toBe('json');
    expect(parse(`${'['.repeat(65)}${']'.repeat(65)}`).type).toBe('invalid');
    expect(parse(`${'['.repeat(500_000)}${']'.repeat(500_000)}`).type).toBe('invalid');
  });

  it.each(['', '  ', '{', '{"a":1,}', 'NaN', "{'a':1}", '{"a":1}x', 'undefined'])(
    'calls %j bad JSON',
    (text) => {
      expect(parse(text).type).toBe('bad-json');
    },
  );

  it('calls bytes that are no UTF-8 bad JSON', () => {
    expect(parseStrictJson(new Uint8Array([0x22, 0xff, 0x22])).type).toBe('bad-json');
  });
});

describe('bodies', () => {
  const request = (body: string | ReadableStream, headers: Record<string, string> = {}) =>
    new Request('http://edge/', { method: 'PUT', body, headers, duplex: 'half' } as RequestInit);

  it('are read whole up to the limit', async () => {
    expect((await readBytes(request('x'.repeat(10)), 10)).byteLength).toBe(10);
  });

  it('are refused one byte beyond it, whether or not the length was announced', async () => {
    const chunks = () =>
      new ReadableStream({
        start(controller) {
          for (let i = 0; i < 11; i++) controller.enqueue(new Uint8Array(1));
          controller.close();
        },
      });
    await expect(readBytes(request('x'.repeat(11)), 10)).rejects.toMatchObject({ code: 'too-large' });
    await expect(readBytes(request(chunks()), 10)).rejects.toMatchObject({ code: 'too-large' });
    await expect(readBytes(request(chunks()), 11)).resolves.toHaveLength(11);
  });

  it('beyond the limit are thrown away only so far', async () => {
    let pulled = 0;
    let cancelled = false;
    const endless = new ReadableStream({
      pull(controller) {
        pulled += 1 << 20;
        controller.enqueue(new Uint8Array(1 << 20));
      },
      cancel() {
        cancelled = true;
      },
    });
    await expect(readBytes(request(endless), 10)).rejects.toMatchObject({ code: 'too-large' });
    expect(cancelled).toBe(true);
    expect(pulled).toBeLessThan(40 << 20);
  });
});

describe('conditions (RFC 9110 §13.1)', () => {
  const ifMatch = (value: string) => tagCondition(new Headers({ 'if-match': value }), 'If-Match');

  it.each(['a', '"a', '*, "a"', ',', 'W/a'])('refuse %s', (value) => {
    expect(refusal(() => ifMatch(value))).toEqual(['bad-header', 'If-Match']);
  });

  it('compare strongly for If-Match and weakly for If-None-Match', () => {
    const weak = ifMatch('W/"a"') ?? [];
    expect(matchesStrongly(weak, 'a')).toBe(false);
    expect(matchesWeakly(weak, 'a')).toBe(true);
    expect(matchesStrongly('*', 'a')).toBe(true);
    expect(matchesStrongly('*', null)).toBe(false);
    expect(matchesWeakly('*', null)).toBe(false);
  });
});

describe('key-value requests', () => {
  it.each([
    [{ namespace: 'ns', key: 'a/b' }, ['accepted']],
    [{ namespace: 'ns', key: '..a' }, ['accepted']],
    [{ namespace: 'ns', key: '\u0000' }, ['accepted']],
    [{ namespace: 'ns', key: 'é'.repeat(256) }, ['accepted']],
    [{ namespace: 'ns', key: 'é'.repeat(257) }, ['invalid', 'key']],
    [{ namespace: 'ns', key: '.' }, ['invalid', 'key']],
    [{ namespace: 'ns', key: '..' }, ['invalid', 'key']],
    [{ namespace: 'ns', key: '' }, ['invalid', 'key']],
    [{ namespace: 'NS', key: 'a' }, ['invalid', 'namespace']],
    [{ namespace: 'n_s', key: '..' }, ['invalid', 'namespace', 'key']],
    [{ namespace: 'n'.repeat(65), key: 'a' }, ['invalid', 'namespace']],
  ])('judge the address %j', (path, expected) => {
    expect(refusal(() => kvAddress(path))).toEqual(expected);
  });

  it.each([
    ['ttl=1', ['accepted']],
    ['ttl=60&tags=a,b', ['accepted']],
    ['tags=', ['accepted']],
    ['', ['accepted']],
    ['ttl=0', ['invalid', 'ttl']],
    ['ttl=-1', ['invalid', 'ttl']],
    ['ttl=1.5', ['invalid', 'ttl']],
    ['ttl=1e3', ['invalid', 'ttl']],
    ['ttl=', ['invalid', 'ttl']],
    ['ttl=9999999999', ['invalid', 'ttl']],
    ['ttl=1&ttl=2', ['invalid', 'ttl']],
    ['tags=a,,b', ['invalid', 'tags']],
    ['tags=a%20b', ['invalid', 'tags']],
    [`tags=${Array.from({ length: 65 }, (_, i) => i)}`, ['invalid', 'tags']],
    ['tll=60', ['invalid', 'tll']],
    ['ttl=x&tags=,&y=', ['invalid', 'ttl', 'tags', 'y']],
  ])('judge the query %s of a write', (query, expected) => {
    const url = `http://edge/_roundel/v1/kv/ns/key?${query}`;
    expect(refusal(() => validated(kvWriteQuery, queryValues(url)))).toEqual(expected);
  });

  it('know the four levels of consistency', () => {
    for (const consistency of ['linearizable', 'session', 'bounded', 'any']) {
      expect(validated(kvReadQuery, { consistency })).toEqual({ consistency });
    }
    expect(refusal(() => validated(kvReadQuery, { consistency: 'strong' }))).toEqual([
      'invalid',
      'consistency',
    ]);
  });

  it.each([
    [{}, null],
    [{ 'if-none-match': '*' }, { type: 'absent' }],
    [{ 'if-match': '*' }, { type: 'exists' }],
    [{ 'if-match': '"a", W/"b"' }, { type: 'etag', etags: ['a'] }],
    [{ 'if-match': 'W/"b"' }, { type: 'etag', etags: [] }],
  ])('make %j a condition of the write', (headers, expected) => {
    expect(writeCondition(new Headers(headers as Record<string, string>))).toEqual(expected);
  });

  it('refuse conditions that a write cannot have', () => {
    expect(refusal(() => writeCondition(new Headers({ 'if-none-match': '"a"' })))).toEqual([
      'invalid',
      'If-None-Match',
    ]);
    expect(refusal(() => writeCondition(new Headers({ 'if-none-match': '*', 'if-match': '*' })))).toEqual([
      'invalid',
      'If-None-Match',
    ]);
  });

  it('refuse representations that would be stored as something else', () => {
    const judge = (headers: Record<string, string>) =>
      refusal(() => refuseForeignRepresentation(new Headers(headers)));
    expect(judge({ 'content-range': 'bytes 0-1/2' })).toEqual(['bad-header', 'Content-Range']);
    expect(judge({ 'content-encoding': 'gzip' })).toEqual(['unsupported-media-type']);
    expect(judge({ 'content-encoding': 'identity' })).toEqual(['accepted']);
  });

  it('give a repeated write the same id, and only that', async () => {
    const id = (key: string, idempotencyKey: string | null, namespace = 'ns', place?: number) =>
      writeRequestId(
        new Headers(idempotencyKey === null ? {} : { 'idempotency-key': idempotencyKey }),
        namespace,
        key,
        () => 'fresh',
        place,
      );
    expect(await id('a', null)).toBe('fresh');
    expect(await id('a', 'once')).toBe(await id('a', 'once'));
    const ids = [
      id('a', 'once'),
      id('b', 'once'),
      id('a', 'twice'),
      id('a', 'once', 'other'),
      id('a","once', 'x'),
      id('a', 'once', 'ns', 0),
      id('a', 'once', 'ns', 1),
    ];
    expect(new Set(await Promise.all(ids)).size).toBe(7);
    await expect(id('a', 'x'.repeat(257))).rejects.toMatchObject({ code: 'bad-header' });
  });
});

describe('cursors of listings', () => {
  it('come back as they were given, whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (name) => {
        const cursor = encodeCursor('ns', '', name);
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(decodeCursor(cursor, 'ns', '')).toEqual({ type: 'cursor', name });
      }),
      { seed: 1 },
    );
  });

  it('are refused for another listing than their own', () => {
    const cursor = encodeCursor('ns', 'a', 'ab');
    for (const [namespace, prefix] of [
      ['other', 'a'],
      ['ns', ''],
      ['ns', 'ab'],
    ] as const) {
      expect(decodeCursor(cursor, namespace, prefix)).toEqual({
        type: 'refused',
        reason: 'of-another-listing',
      });
    }
  });

  it.each([
    '',
    'x',
    '!',
    'W10',
    'WzEsIm5zIiwiIl0',
    'WzIsIm5zIiwiIiwiYSJd',
    'WzEsIm5zIiwiIiwxXQ',
    '_w',
    'a'.repeat(5_000),
  ])('that nobody gave are refused: %s', (cursor) => {
    expect(decodeCursor(cursor, 'ns', '')).toEqual({ type: 'refused', reason: 'malformed' });
  });
});

describe('paths', () => {
  it('keep an escaped slash inside its segment and decode once', () => {
    const template = '/v1/kv/{namespace}/{key}';
    expect(pathValues(template, '/v1/kv/ns/a%2Fb')).toEqual({ namespace: 'ns', key: 'a/b' });
    expect(pathValues(template, '/v1/kv/ns/%252F')).toEqual({ namespace: 'ns', key: '%2F' });
    expect(pathValues(template, '/v1/kv/ns/a+b')).toEqual({ namespace: 'ns', key: 'a+b' });
  });

  it.each(['%', '%zz', '%ff', '%c3%28', '%ed%a0%80'])(
    'refuse %s, which is no percent-encoded UTF-8',
    (key) => {
      expect(refusal(() => pathValues('/v1/kv/{namespace}/{key}', `/v1/kv/ns/${key}`))).toEqual([
        'invalid',
        'key',
      ]);
    },
  );
});
