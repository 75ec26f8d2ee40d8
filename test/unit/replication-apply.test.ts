// What commands do when they are applied: conditions, times, request ids, fills and everything that removes.
import { describe, expect, it } from 'vitest';
import type { CommandResult, FillToken } from '../../core/replication/commands.ts';
import { httpEntryKey, kvEntryKey } from '../../core/sharding/entry-key.ts';
import { fill, put, Solo, text } from '../support/solo.ts';

const KEY = kvEntryKey('ns', 'k');
const URL_KEY = httpEntryKey('http://o.test/');
const MINUTE = 60_000;

function etagIn(result: CommandResult): string {
  if (result.type !== 'stored') throw new Error(`Not stored: ${result.type}`);
  return result.etag;
}

describe('put and delete', () => {
  it('create, replace and remove, each put with an etag of its own', () => {
    const group = new Solo();
    const first = group.command(put(KEY, 'one'));
    const second = group.command(put(KEY, 'two'));
    expect(first).toMatchObject({ type: 'stored', created: true });
    expect(second).toMatchObject({ type: 'stored', created: false });
    expect(etagIn(first)).not.toBe(etagIn(second));
    expect(group.metas(KEY)).toEqual(['two']);
    expect(group.command({ type: 'delete', key: KEY, condition: null })).toEqual({
      type: 'deleted',
      existed: true,
    });
    expect(group.command({ type: 'delete', key: KEY, condition: null })).toEqual({
      type: 'deleted',
      existed: false,
    });
    expect(group.metas(KEY)).toEqual([]);
  });

  it('two puts in one entry have different etags, and the later one counts', () => {
    const group = new Solo();
    const request = (reqId: string) => ({ type: 'command', reqId, command: put(KEY, reqId) }) as const;
    const clients = ['x', 'y'].map((reqId, id) => ({ id: 100 + id, request: request(reqId) }));
    group.run({ type: 'clients', clients });
    const results = [100, 101].map((id) => group.answerTo(id));
    expect(group.state.log.last.op).toBe(1);
    expect(results).toMatchObject([
      { result: { created: true, etag: '0-1-0' } },
      { result: { created: false, etag: '0-1-1' } },
    ]);
    expect(group.metas(KEY)).toEqual(['y']);
  });

  it.each([
    ['absent on an absent key', { type: 'absent' }, false, 'stored'],
    ['absent on a present key', { type: 'absent' }, true, 'condition-failed'],
    ['exists on an absent key', { type: 'exists' }, false, 'condition-failed'],
    ['exists on a present key', { type: 'exists' }, true, 'stored'],
    ['another etag', { type: 'etag', etags: ['0-zz-0'] }, true, 'condition-failed'],
    ['an etag of an absent key', { type: 'etag', etags: ['0-1-0'] }, false, 'condition-failed'],
    ['one etag of several', { type: 'etag', etags: ['0-zz-0', '0-1-0'] }, true, 'stored'],
  ] as const)('condition: %s', (_, condition, present, outcome) => {
    const group = new Solo();
    if (present) group.command(put(KEY, 'old'));
    const result = group.command(put(KEY, 'new', { condition }));
    expect(result.type).toBe(outcome);
    if (outcome === 'condition-failed')
      expect(result).toEqual({ type: outcome, etag: present ? '0-1-0' : null });
    expect(group.metas(KEY)).toEqual(outcome === 'stored' ? ['new'] : present ? ['old'] : []);
  });

  it('a delete honours its condition', () => {
    const group = new Solo();
    group.command(put(KEY, 'a'));
    const condition = { type: 'etag', etags: ['no'] } as const;
    expect(group.command({ type: 'delete', key: KEY, condition })).toEqual({
      type: 'condition-failed',
      etag: '0-1-0',
    });
    expect(group.metas(KEY)).toEqual(['a']);
  });

  it('a value is gone at its expiry to the millisecond, for reads and for conditions', () => {
    const group = new Solo();
    group.command(put(KEY, 'a', { ttlMs: 1_000 }));
    group.now += 999;
    expect(group.metas(KEY)).toEqual(['a']);
    group.now += 1;
    expect(group.metas(KEY)).toEqual([]);
    expect(group.command(put(KEY, 'b', { condition: { type: 'exists' } }))).toEqual({
      type: 'condition-failed',
      etag: null,
    });
    expect(group.command(put(KEY, 'c', { condition: { type: 'absent' } }))).toMatchObject({ created: true });
  });

  it('a read by a clock that lags goes by logged time', () => {
    const group = new Solo();
    group.command(put(KEY, 'a', { ttlMs: 1_000 }));
    group.now += 5_000;
    group.command(put(kvEntryKey('ns', 'other'), 'b'));
    group.now -= 4_900;
    expect(group.metas(KEY)).toEqual([]);
  });

  it('a full shard refuses what would make it grow, and nothing else', () => {
    const group = new Solo({ limits: { kvBytesMax: 1_000 } });
    const value = text('m', 600);
    expect(group.command(put(KEY, '', { value }))).toMatchObject({ type: 'stored' });
    const other = kvEntryKey('ns', 'other');
    expect(group.command(put(other, '', { value }))).toEqual({ type: 'full' });
    expect(group.metas(other)).toEqual([]);
    expect(group.command(put(KEY, '', { value }))).toMatchObject({ type: 'stored', created: false });
    group.command({ type: 'delete', key: KEY, condition: null });
    expect(group.state.head).toMatchObject({ kvBytes: 0, entries: 0 });
    expect(group.command(put(other, '', { value }))).toMatchObject({ type: 'stored' });
  });
});

describe('request ids', () => {
  it('the same one again does nothing and has the first result', () => {
    const group = new Solo();
    const first = group.command(put(KEY, 'a'), 'id');
    group.command(put(KEY, 'b'));
    const logged = group.state.log.last.op;
    expect(group.command(put(KEY, 'a'), 'id')).toEqual(first);
    expect(group.state.log.last.op).toBe(logged);
    expect(group.metas(KEY)).toEqual(['b']);
  });

  it('with another command it is a mismatch', () => {
    const group = new Solo();
    group.command(put(KEY, 'a'), 'id');
    expect(group.command(put(KEY, 'b'), 'id')).toEqual({ type: 'request-mismatch' });
    expect(group.metas(KEY)).toEqual(['a']);
  });

  it('logged twice, even in one entry, it takes effect once', () => {
    const group = new Solo({ members: 3, member: 1 });
    const item = (meta: string) => ({ reqId: 'id', digest: meta, command: put(KEY, meta) });
    const entries = [
      { op: 1, view: 0, t: 10, items: [item('a'), item('a'), item('b')] },
      { op: 2, view: 0, t: 20, items: [item('a')] },
    ];
    group.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries, commit: 2 });
    expect(group.store.rows(KEY)).toMatchObject([{ viewstamp: { op: 1 }, item: 0, value: { meta: 'a' } }]);
    expect(group.state.head.entries).toBe(1);
  });

  it('is remembered for ten minutes and a thousand ops, whichever ends later', () => {
    const group = new Solo();
    group.command(put(KEY, 'a'), 'id');
    group.now += 11 * MINUTE;
    group.command(put(KEY, 'b'));
    expect(group.command(put(KEY, 'a'), 'id')).toMatchObject({ created: true });
    for (let i = 0; i < 1_000; i++) group.command(put(KEY, 'c'));
    group.now += 1;
    expect(group.command(put(KEY, 'a'), 'id')).toMatchObject({ created: false });
    expect(group.metas(KEY)).toEqual(['a']);
  });

  it('is still remembered after a reboot', () => {
    const group = new Solo();
    const first = group.command(put(KEY, 'a'), 'id');
    group.command(put(KEY, 'b'));
    group.boot();
    expect(group.command(put(KEY, 'a'), 'id')).toEqual(first);
    expect(group.metas(KEY)).toEqual(['b']);
  });
});

describe('fills', () => {
  it('are stored under their token: born when the fetch began', () => {
    const group = new Solo();
    const token = group.takeLease(URL_KEY);
    group.command(put(KEY, 'other'));
    expect(group.command(fill(URL_KEY, 'response', token))).toEqual({ type: 'filled' });
    const [row] = group.read(URL_KEY).rows;
    expect(row).toMatchObject({ born: { view: token.view, op: token.op }, viewstamp: { op: 2 } });
  });

  it.each([
    ['a purge of the URL', { type: 'purge', selector: { type: 'url', key: URL_KEY } }],
    ['a purge of everything', { type: 'purge', selector: { type: 'all' } }],
    ['a delete', { type: 'delete', key: URL_KEY, condition: null }],
  ] as const)('that began before %s are refused, those that began after it are not', (_, removal) => {
    const group = new Solo();
    const token = group.takeLease(URL_KEY);
    group.command(removal);
    expect(group.command(fill(URL_KEY, 'old', token))).toEqual({
      type: 'fill-refused',
      reason: 'purged-since-token',
    });
    const later = group.takeLease(URL_KEY);
    expect(group.command(fill(URL_KEY, 'new', later))).toEqual({ type: 'filled' });
    expect(group.metas(URL_KEY)).toEqual(['new']);
  });

  it('that are what a change has made of the URL purge it, and are refused by what came between', () => {
    const group = new Solo();
    group.command(fill(URL_KEY, 'de', group.takeLease(URL_KEY), { variant: 'lang=de' }));
    const slow = group.takeLease(URL_KEY);
    const [first, second] = [group.takeToken(URL_KEY), group.takeToken(URL_KEY)];
    const changed = (meta: string, token: FillToken) =>
      group.command(fill(URL_KEY, meta, token, { purges: true }));
    expect(changed('second', second)).toEqual({ type: 'filled' });
    expect(group.metas(URL_KEY)).toEqual(['second']);
    // A fetch that began before the change, and another change that did: neither stays, and the URL is purged.
    expect(group.command(fill(URL_KEY, 'old', slow))).toMatchObject({ reason: 'purged-since-token' });
    expect(group.metas(URL_KEY)).toEqual(['second']);
    expect(changed('first', first)).toMatchObject({ type: 'fill-refused', reason: 'purged-since-token' });
    expect(group.metas(URL_KEY)).toEqual([]);
    expect(changed('third', group.takeToken(URL_KEY))).toEqual({ type: 'filled' });
    group.command({ type: 'purge', selector: { type: 'all' } });
    expect(group.metas(URL_KEY)).toEqual([]);
  });

  it('a purge of one URL covers variants that were not stored yet', () => {
    const group = new Solo();
    const token = group.takeLease(URL_KEY);
    group.command({ type: 'purge', selector: { type: 'url', key: URL_KEY } });
    const refused = group.command(fill(URL_KEY, 'de', token, { variant: 'lang=de' }));
    expect(refused).toMatchObject({ reason: 'purged-since-token' });
  });

  it('that began before a newer response, or a put, are refused', () => {
    const group = new Solo();
    const slow = group.takeLease(URL_KEY);
    group.command(put(KEY, 'time passes'));
    group.now += 10_001;
    const fast = group.takeLease(URL_KEY);
    expect(group.command(fill(URL_KEY, 'new', fast))).toEqual({ type: 'filled' });
    expect(group.command(fill(URL_KEY, 'old', slow))).toMatchObject({ reason: 'written-since-token' });
    expect(group.metas(URL_KEY)).toEqual(['new']);
  });

  it('take at most 60 s of logged time', () => {
    const group = new Solo();
    const token = group.takeLease(URL_KEY);
    group.now = token.t + MINUTE;
    expect(group.command(fill(URL_KEY, 'slow', token))).toEqual({ type: 'filled' });
    group.now += 1;
    expect(group.command(fill(URL_KEY, 'slower', token))).toMatchObject({ reason: 'token-expired' });
  });

  it('of a time that has not come, or of another group, are refused', () => {
    const group = new Solo();
    const token = group.takeLease(URL_KEY);
    const ahead = { ...token, t: group.now + 1_000 };
    expect(group.command(fill(URL_KEY, 'x', ahead))).toMatchObject({ reason: 'time-went-back' });
    const foreign = { ...token, groupId: 'g2' };
    expect(group.command(fill(URL_KEY, 'x', foreign))).toMatchObject({ reason: 'foreign-group' });
  });

  it('a clock set back between token, purge and fill does not let an old one in', () => {
    const group = new Solo();
    group.command(put(KEY, 'a'));
    group.now += 10 * MINUTE;
    const token = group.takeLease(URL_KEY);
    // The primary comes back with a clock ten minutes behind: the purge is logged before the token's time.
    group.now -= 9 * MINUTE;
    group.boot();
    group.command({ type: 'purge', selector: { type: 'url', key: URL_KEY } });
    for (let i = 0; i < 90; i++) {
      group.now += 6_000;
      group.command(put(KEY, 'b'));
    }
    expect(group.store.tombstone(URL_KEY)).toBeUndefined();
    group.now = token.t + 30_000;
    expect(group.command(fill(URL_KEY, 'old', token))).toMatchObject({
      type: 'fill-refused',
      reason: 'token-below-floor',
    });
  });

  it('keep the variants of one URL bounded: the one written longest ago goes', () => {
    const group = new Solo({ limits: { variantsMax: 2 } });
    for (const variant of ['a', 'b', 'c']) {
      const token = group.takeLease(URL_KEY);
      group.command(fill(URL_KEY, variant, token, { variant }));
    }
    expect(group.metas(URL_KEY)).toEqual(['b', 'c']);
    expect(group.state.head.entries).toBe(2);
  });
});

describe('purges', () => {
  it('by URL take every variant, and leave other URLs and key-value data', () => {
    const group = new Solo();
    const other = httpEntryKey('http://o.test/other');
    for (const [key, variant] of [
      [URL_KEY, 'a'],
      [URL_KEY, 'b'],
      [other, ''],
    ] as const) {
      group.command(fill(key, variant, group.takeLease(key), { variant }));
    }
    group.command(put(KEY, 'data'));
    group.command({ type: 'purge', selector: { type: 'url', key: URL_KEY } });
    expect([URL_KEY, other, KEY].map((key) => group.metas(key).length)).toEqual([0, 1, 1]);
  });

  it('of everything hide all responses at once, and no key-value data', () => {
    const group = new Solo();
    group.command(fill(URL_KEY, 'a', group.takeLease(URL_KEY)));
    group.command(put(KEY, 'data'));
    group.command({ type: 'purge', selector: { type: 'all' } });
    expect(group.metas(URL_KEY)).toEqual([]);
    expect(group.metas(KEY)).toEqual(['data']);
    group.boot();
    expect(group.metas(URL_KEY)).toEqual([]);
  });
});

describe('expiry and eviction', () => {
  it('by alarm removes what has expired, in the log, and leaves the rest', () => {
    const group = new Solo();
    const kept = kvEntryKey('ns', 'kept');
    group.command(put(KEY, 'a', { ttlMs: 500 }));
    group.command(put(kept, 'b', { ttlMs: 500_000 }));
    group.now += 2_000;
    group.run({ type: 'alarm' });
    expect(group.store.rowHead({ key: KEY, variant: '' })).toBeUndefined();
    expect(group.store.rowHead({ key: kept, variant: '' })).toBeDefined();
    expect(group.state.head.entries).toBe(1);
  });

  it.each(['expire', 'evict'] as const)('%s of a row that was written again does nothing', (type) => {
    const group = new Solo();
    group.command(put(KEY, 'a', { ttlMs: 1 }));
    group.command(put(KEY, 'b', { ttlMs: 1 }));
    group.now += 10;
    const address = { key: KEY, variant: '' };
    group.command({ type, address, viewstamp: { view: 0, op: 1 } });
    expect(group.state.head.entries).toBe(1);
    group.command({ type, address, viewstamp: { view: 0, op: 2 } });
    expect(group.state.head.entries).toBe(0);
  });

  it('expire does nothing before the row has expired by logged time', () => {
    const group = new Solo();
    group.command(put(KEY, 'a', { ttlMs: 1_000 }));
    group.command({ type: 'expire', address: { key: KEY, variant: '' }, viewstamp: { view: 0, op: 1 } });
    expect(group.metas(KEY)).toEqual(['a']);
  });

  it('key-value data without a ttl is never evicted', () => {
    const group = new Solo();
    group.command(put(KEY, 'a'));
    group.command({ type: 'evict', address: { key: KEY, variant: '' }, viewstamp: { view: 0, op: 1 } });
    expect(group.metas(KEY)).toEqual(['a']);
  });

  it('a young row that is evicted still refuses fills older than itself', () => {
    const group = new Solo();
    const slow = group.takeLease(URL_KEY);
    group.command(put(KEY, 'time passes'));
    group.now += 10_001;
    group.command(fill(URL_KEY, 'new', group.takeLease(URL_KEY)));
    group.command({ type: 'evict', address: { key: URL_KEY, variant: '' }, viewstamp: { view: 0, op: 2 } });
    expect(group.metas(URL_KEY)).toEqual([]);
    expect(group.command(fill(URL_KEY, 'old', slow))).toMatchObject({ reason: 'purged-since-token' });
    expect(group.command(fill(URL_KEY, 'newest', group.takeLease(URL_KEY)))).toEqual({ type: 'filled' });
  });

  it('responses over the limit are evicted, oldest first, until the rest fits', () => {
    const group = new Solo({ limits: { httpBytesMax: 700 } });
    const urls = Array.from({ length: 5 }, (_, i) => httpEntryKey(`http://o.test/${i}`));
    for (const key of urls) {
      group.now += 1;
      group.command(fill(key, 'r', group.takeLease(key), { value: text('r', 200) }));
      while (group.state.primary?.batchArmed) group.run({ type: 'timer', name: 'batch' });
    }
    expect(group.state.head.httpBytes).toBeLessThanOrEqual(700);
    expect(urls.map((key) => group.metas(key).length)).toEqual([0, 0, 0, 1, 1]);
  });
});
