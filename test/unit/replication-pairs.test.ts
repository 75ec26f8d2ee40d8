// Key-value data beyond put and delete: increments, what is full and what gives way, pages of a namespace, the order
// within batches, and what a level of consistency means to one group.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { wavesOf } from '../../core/replication/batch-waves.ts';
import type { Command } from '../../core/replication/commands.ts';
import { needOf, promiseOf } from '../../core/replication/read-need.ts';
import { kvEntryKey } from '../../core/sharding/entry-key.ts';
import { mergePages, type Page } from '../../core/sharding/merge-pages.ts';
import { compareTexts } from '../../core/sharding/text-order.ts';
import { put, Solo, text } from '../support/solo.ts';

const KEY = kvEntryKey('ns', 'k');
const MAX = Number.MAX_SAFE_INTEGER;

const increment = (
  by: number,
  more: Partial<Extract<Command, { type: 'increment' }>> = {},
): Extract<Command, { type: 'increment' }> => ({
  type: 'increment',
  key: KEY,
  by,
  condition: null,
  meta: 'counter',
  ttlMs: null,
  tags: [],
  ...more,
});

const putText = (value: string, more: Partial<Extract<Command, { type: 'put' }>> = {}) =>
  put(KEY, 'own', {
    value: { meta: 'own', body: { type: 'inline', bytes: new TextEncoder().encode(value) } },
    ...more,
  });

function stored(group: Solo): string | undefined {
  const body = group.read(KEY).rows[0]?.value.body;
  return body?.type === 'inline' ? new TextDecoder().decode(body.bytes) : undefined;
}

describe('an increment', () => {
  it('adds to what is there, and makes what is not', () => {
    const group = new Solo();
    expect(group.command(increment(5))).toEqual({ type: 'incremented', value: 5, etag: '0-1-0' });
    expect(group.command(increment(-7))).toEqual({ type: 'incremented', value: -2, etag: '0-2-0' });
    expect(stored(group)).toBe('-2');
    expect(group.state.head.entries).toBe(1);
  });

  it('adds up, however many share an entry', () => {
    const group = new Solo();
    const clients = [1, 2, 3].map((by, i) => ({
      id: 100 + i,
      request: { type: 'command', reqId: `q${i}`, command: increment(by) } as const,
    }));
    group.run({ type: 'clients', clients });
    expect([100, 101, 102].map((id) => group.answerTo(id))).toMatchObject([
      { result: { value: 1 } },
      { result: { value: 3 } },
      { result: { value: 6 } },
    ]);
  });

  it.each(['', '1.0', ' 1', '+1', '01', '-0', '1e3', '0x1', '９', '9007199254740992', '123456789012345678'])(
    'of "%s", which is no integer, changes nothing',
    (value) => {
      const group = new Solo();
      group.command(putText(value));
      expect(group.command(increment(1))).toEqual({ type: 'not-an-integer', etag: '0-1-0' });
      expect(stored(group)).toBe(value);
    },
  );

  it('of a large value, or one in chunks, reads none of it', () => {
    const group = new Solo();
    group.command(put(KEY, 'own', { value: text('own', 1_000_000 >> 2) }));
    expect(group.command(increment(1))).toMatchObject({ type: 'not-an-integer' });
    group.ask({ type: 'stage', hash: 'c', bytes: new Uint8Array(2) });
    group.command(
      put(KEY, 'own', { value: { meta: '', body: { type: 'chunks', hashes: ['c'], bytes: 2 } } }),
    );
    expect(group.command(increment(1))).toMatchObject({ type: 'not-an-integer' });
  });

  it('never leaves the integers that JSON keeps exactly', () => {
    const group = new Solo();
    group.command(putText(String(MAX - 1)));
    expect(group.command(increment(2))).toEqual({ type: 'out-of-range', etag: '0-1-0' });
    expect(group.command(increment(1))).toMatchObject({ value: MAX });
    expect(group.command(increment(-MAX))).toMatchObject({ value: 0 });
    expect(group.command(increment(-MAX))).toMatchObject({ value: -MAX });
    expect(group.command(increment(0))).toMatchObject({ value: -MAX });
  });

  it('leaves lifetime, tags and type as they are, and gives its own to what it makes', () => {
    const group = new Solo();
    group.command(putText('1', { ttlMs: 10_000, tags: ['a'] }));
    group.command(increment(1, { ttlMs: 99_000, tags: ['b'] }));
    const expireAt = 1_010_000;
    expect(group.read(KEY).rows).toMatchObject([{ expireAt, tags: ['a'], value: { meta: 'own' } }]);
    group.now = expireAt;
    expect(group.command(increment(1, { ttlMs: 5_000, tags: ['b'] }))).toMatchObject({ value: 1 });
    expect(group.read(KEY).rows).toMatchObject([
      { expireAt: expireAt + 5_000, tags: ['b'], value: { meta: 'counter' } },
    ]);
  });

  it('honours its condition, and counts once for one request id', () => {
    const group = new Solo();
    expect(group.command(increment(1, { condition: { type: 'exists' } }))).toEqual({
      type: 'condition-failed',
      etag: null,
    });
    const first = group.command(increment(1), 'once');
    expect(group.command(increment(1), 'once')).toEqual(first);
    expect(group.command(increment(2), 'once')).toEqual({ type: 'request-mismatch' });
    expect(stored(group)).toBe('1');
  });
});

describe('a full shard', () => {
  const limits = { kvBytesMax: 1_000 };
  const value = text('m', 600);
  const other = kvEntryKey('ns', 'other');

  it('refuses what stays for ever, increments as well', () => {
    const group = new Solo({ limits });
    group.command(put(KEY, '', { value: text('m', 900) }));
    expect(group.command(put(other, '', { value }))).toEqual({ type: 'full' });
    expect(group.command(increment(1, { key: other }))).toEqual({ type: 'full' });
    expect(group.metas(other)).toEqual([]);
  });

  it('takes what has a ttl, and lets the one that ends soonest go for it', () => {
    const group = new Solo({ limits });
    const keys = [30_000, 10_000, 20_000].map((ttlMs) => {
      const key = kvEntryKey('ns', `t${ttlMs}`);
      expect(group.command(put(key, '', { value: text('m', 300), ttlMs }))).toMatchObject({ type: 'stored' });
      group.run({ type: 'timer', name: 'follow' });
      return key;
    });
    for (let i = 0; i < 9 && group.state.primary?.batchArmed; i++)
      group.run({ type: 'timer', name: 'batch' });
    expect(keys.map((key) => group.metas(key).length)).toEqual([1, 0, 1]);
    expect(group.state.head.kvBytes).toBeLessThanOrEqual(1_000);
  });

  it('makes room for what stays by letting go of what does not, never the other way round', () => {
    const group = new Solo({ limits });
    group.command(put(KEY, '', { value, ttlMs: 99_000 }));
    group.run({ type: 'timer', name: 'follow' });
    expect(group.command(put(other, '', { value }))).toMatchObject({ type: 'stored' });
    for (let i = 0; i < 9 && group.state.primary?.batchArmed; i++)
      group.run({ type: 'timer', name: 'batch' });
    expect([group.metas(KEY).length, group.metas(other).length]).toEqual([0, 1]);
    expect(group.state.head.kvBytes).toBe(group.state.head.kvKeptBytes);
    group.command(put(other, '', { value, ttlMs: 5_000 }));
    expect(group.state.head.kvKeptBytes).toBe(0);
  });
});

describe('a page', () => {
  function page(group: Solo, wish: { prefix?: string; after?: string | null; limit?: number } = {}) {
    const { prefix = '', after = null, limit = 100 } = wish;
    const answer = group.ask({ type: 'page', namespace: 'ns', prefix, after, limit });
    if (answer?.type !== 'page') throw new Error(`No page, but ${answer?.type}`);
    return { names: answer.entries.map(({ name }) => name), upTo: answer.upTo };
  }

  it('has the names in the order of their UTF-8 bytes, on disk and in memory alike', () => {
    const group = new Solo();
    const names = ['b', 'a', 'aa', '\u{1f600}', '\uffee', 'ä', '10', '9'];
    for (const name of names) {
      group.command(put(kvEntryKey('ns', name), 'x'));
      group.command(put(kvEntryKey('other', name), 'x'));
    }
    const byBytes = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(page(group)).toEqual({ names: byBytes, upTo: null });
    group.run({ type: 'timer', name: 'follow' });
    expect(page(group)).toEqual({ names: byBytes, upTo: null });
    expect(page(group, { prefix: 'a' }).names).toEqual(['a', 'aa']);
    expect(page(group, { after: 'aa' }).names).toEqual(byBytes.slice(byBytes.indexOf('aa') + 1));
  });

  it('leaves out what was removed, has expired or was purged, and says of what is there how large it is', () => {
    const group = new Solo();
    for (const name of ['a', 'b', 'c', 'd']) group.command(put(kvEntryKey('ns', name), 'x'));
    group.run({ type: 'timer', name: 'follow' });
    group.command({ type: 'delete', key: kvEntryKey('ns', 'a'), condition: null });
    group.command(put(kvEntryKey('ns', 'b'), 'x', { ttlMs: 10 }));
    group.command(put(kvEntryKey('ns', 'c'), 'x', { tags: ['t'], value: text('x', 123) }));
    group.command(put(kvEntryKey('ns', 'd'), 'x', { tags: ['u'] }));
    group.command({ type: 'purge', selector: { type: 'tag', tag: 'u' } });
    group.now += 20;
    expect(group.ask({ type: 'page', namespace: 'ns', prefix: '', after: null, limit: 9 })).toMatchObject({
      entries: [{ name: 'c', etag: '0-7-0', bodyBytes: 123 }],
      upTo: null,
      bookmark: { view: 0, op: 9 },
    });
  });

  it('is given by a backup as well, of what is applied there; not by one whose rows are a mixture', () => {
    const backup = new Solo({ members: 3, member: 1 });
    const items = ['a', 'b'].map((name) => ({
      reqId: name,
      digest: name,
      command: put(kvEntryKey('ns', name), 'x'),
    }));
    const entries = items.map((item, i) => ({ op: i + 1, view: 0, t: 1_000_000 + i, items: [item] }));
    backup.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries, commit: 1, isHeard: true });
    const ask = { type: 'page', namespace: 'ns', prefix: '', after: null, limit: 9 } as const;
    expect(backup.ask(ask)).toMatchObject({ entries: [{ name: 'a' }], bookmark: { op: 1 } });
    backup.hear(0, { type: 'installFrom', source: 2, firstOp: 9 });
    expect(backup.ask(ask)).toEqual({ type: 'not-ready', reason: 'installing' });
  });

  it('after page has each name once, whatever the limit', () => {
    const group = new Solo();
    const names = Array.from({ length: 50 }, (_, i) => `key-${(i * 7) % 50}`);
    for (const [i, name] of names.entries()) {
      group.command(put(kvEntryKey('ns', name), 'x'));
      if (i === 30) group.run({ type: 'timer', name: 'follow' });
    }
    for (const limit of [1, 7, 50, 99]) {
      const seen: string[] = [];
      let after: string | null = null;
      do {
        const { names: some, upTo } = page(group, { after, limit });
        // More than the limit may come from memory: the reader cuts, and goes on after what it took.
        seen.push(...some.slice(0, limit));
        after = some.length > limit ? (some[limit - 1] ?? null) : upTo;
      } while (after !== null);
      expect(seen).toEqual([...names].sort(compareTexts));
    }
  });

  it('ends after a bounded number of rows, be it empty', () => {
    const group = new Solo();
    const clients = Array.from({ length: 5_000 }, (_, i) => put(kvEntryKey('ns', `k${i}`), 'x'));
    for (const command of clients) group.command(command);
    group.run({ type: 'timer', name: 'follow' });
    group.command({ type: 'purge', selector: { type: 'namespace', namespace: 'ns' } });
    const first = page(group);
    expect(first.names).toEqual([]);
    expect(first.upTo).not.toBeNull();
    expect(page(group, { after: first.upTo })).toEqual({ names: [], upTo: null });
  });
});

/** Of one to four bytes each, around the surrogates. */
const UNIT = fc.constantFrom('a', 'b', 'ä', '\ud7ff', '\ue000', '\uffee', '\u{10000}', '\u{10ffff}');

describe('pages of several shards', () => {
  it('make one, complete as far as it says, each name once and in order', () => {
    const name = fc.string({ unit: UNIT, minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, fc.nat(3)), { selector: ([text]) => text, maxLength: 24 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        (all, limit, shardLimit) => {
          const sorted = [...all].sort(([a], [b]) => compareTexts(a, b));
          const found: string[] = [];
          let after: string | null = null;
          do {
            const from = after;
            const pages = [0, 1, 2, 3].map((shard): Page<{ name: string }> => {
              const own = sorted.filter(
                ([text, of]) => of === shard && (from === null || compareTexts(text, from) > 0),
              );
              const some = own.slice(0, shardLimit).map(([text]) => ({ name: text }));
              return { entries: some, upTo: own.length >= shardLimit ? (some.at(-1)?.name ?? null) : null };
            });
            const merged = mergePages(pages, limit);
            expect(merged.entries.length).toBeLessThanOrEqual(limit);
            found.push(...merged.entries.map((entry) => entry.name));
            after = merged.upTo;
          } while (after !== null);
          expect(found).toEqual(sorted.map(([text]) => text));
        },
      ),
      { seed: 3, numRuns: 60 },
    );
  });

  it('texts are ordered as their UTF-8 bytes are', () => {
    const whole = fc.string({ unit: UNIT, maxLength: 4 });
    fc.assert(
      fc.property(whole, whole, (a, b) => {
        expect(Math.sign(compareTexts(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { seed: 5, numRuns: 500 },
    );
  });
});

describe('a batch', () => {
  const write = (key: string) => ({ key, isWrite: true });
  const read = (key: string) => ({ key, isWrite: false });

  it.each([
    ['of different keys is one wave', [write('a'), read('b'), write('c')], [0, 0, 0]],
    ['of writes of one key is one wave: the log keeps their order', [write('a'), write('a')], [0, 0]],
    ['reads after a write what that wrote', [write('a'), read('a'), read('b')], [0, 1, 0]],
    ['reads before a write what was there', [read('a'), write('a'), read('a')], [0, 1, 2]],
    ['that is empty has no waves', [], []],
  ])('%s', (_, steps, waves) => {
    expect(wavesOf(steps)).toEqual(waves);
  });
});

describe('a read of a session', () => {
  const bookmark = { g1: { view: 1, op: 7 } };

  it('needs of each group what the session has seen of it', () => {
    expect(needOf({ level: 'session', bookmark }, 'g1')).toEqual({
      level: 'session',
      seen: { view: 1, op: 7 },
    });
  });

  it.each(['g2', '__proto__', 'constructor'])(
    'is linearizable for the group "%s", which it did not see',
    (group) => {
      expect(needOf({ level: 'session', bookmark }, group)).toEqual({ level: 'linearizable' });
    },
  );

  it('asks a member for its level and its place, and for everything where nothing is said', () => {
    expect(promiseOf(needOf({ level: 'session', bookmark }, 'g1'))).toEqual({
      level: 'session',
      bookmark: { view: 1, op: 7 },
    });
    expect(promiseOf(needOf({ level: 'session', bookmark }, 'g2'))).toEqual({
      level: 'linearizable',
      bookmark: null,
    });
    expect(promiseOf(needOf({ level: 'bounded', bookmark }, 'g1'))).toEqual({
      level: 'bounded',
      bookmark: null,
    });
    expect(promiseOf(undefined)).toEqual({ level: 'linearizable', bookmark: null });
  });

  it.each(['linearizable', 'bounded', 'any'] as const)('of level %s needs nothing of a bookmark', (level) => {
    expect(needOf({ level, bookmark }, 'g1')).toEqual({ level });
  });
});
