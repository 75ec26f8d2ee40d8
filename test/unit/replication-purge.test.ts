// Purges by tag, prefix, URL, namespace and of everything, hard and soft: what they cover, what they cost, which fills
// they refuse, and how what they leave behind goes away again.
import { describe, expect, it } from 'vitest';
import { parseUrlPrefix, prefixesOf } from '../../core/http/url-prefix.ts';
import type { Command, PurgeSelector } from '../../core/replication/commands.ts';
import { scopeOf, scopesOver } from '../../core/replication/purge-scope.ts';
import { httpEntryKey, kvEntryKey, nameOf, namespaceOf, urlOf } from '../../core/sharding/entry-key.ts';
import { fill, put, Solo } from '../support/solo.ts';

const PAGE = httpEntryKey('http://o.test/shop/a?x=1');
const OTHER = httpEntryKey('http://o.test/shopping/a');
const KV = kvEntryKey('ns', 'k');
const MINUTE = 60_000;
const DAY = 86_400_000;

const purge = (selector: PurgeSelector, soft?: boolean): Command => ({
  type: 'purge',
  selector,
  ...(soft === undefined ? {} : { soft }),
});
const byTag = (tag: string, soft?: boolean) => purge({ type: 'tag', tag }, soft);

function filled(group: Solo, key: string, tags: readonly string[] = [], variant = ''): void {
  const result = group.command(
    fill(key, variant, group.takeLease(key), { tags: [...tags], variant, ttlMs: 9 * DAY }),
  );
  expect(result).toEqual({ type: 'filled' });
}

const isStored = (group: Solo, key: string) => group.metas(key).length > 0;
const staleFrom = (group: Solo, key: string) => group.read(key).rows.map((row) => row.staleFrom);

/** Lets `ms` pass, alarms and batches included, as the object's runtime would. */
function pass(group: Solo, ms: number): void {
  const until = group.now + ms;
  while (group.now < until) {
    group.now += 1_000;
    for (let i = 0; i < 20 && group.state.primary?.batchArmed; i++)
      group.run({ type: 'timer', name: 'batch' });
    if (group.state.alarmAt !== null && group.state.alarmAt <= group.now) group.run({ type: 'alarm' });
  }
}

describe('keys and scopes', () => {
  it('are taken apart as they were put together, whatever they hold', () => {
    for (const [namespace, name] of [
      ['ns', 'k'],
      ['n1', '2:3:é\u{1f600}'],
      ['1-2', ':'],
    ] as const) {
      const key = kvEntryKey(namespace, name);
      expect([namespaceOf(key), nameOf(key), urlOf(key)]).toEqual([namespace, name, '']);
    }
    expect([urlOf(PAGE), namespaceOf(PAGE), nameOf(PAGE)]).toEqual(['http://o.test/shop/a?x=1', '', '']);
  });

  it('prefixes end where path segments end, never in the query, and are bounded in number', () => {
    expect(prefixesOf('http://h/a//b/c?d=/e/')).toEqual([
      'http://h/',
      'http://h/a/',
      'http://h/a//',
      'http://h/a//b/',
    ]);
    expect(prefixesOf('http://h:81/?/')).toEqual(['http://h:81/']);
    expect(prefixesOf(`http://h/${'x/'.repeat(100)}`).length).toBe(32);
  });

  it.each([
    ['http://H.test', 'http://h.test/'],
    ['https://h.test:443/a/', 'https://h.test/a/'],
    ['http://h/a//', 'http://h/a//'],
  ])('the prefix %s stands for %s', (text, prefix) => {
    expect(parseUrlPrefix(text)).toEqual({ type: 'prefix', prefix });
  });

  it.each([
    ['/a/', 'not-absolute-http'],
    ['http://h/a', 'not-at-segment-end'],
    ['http://h/a/?b', 'query'],
    ['http://h/?', 'query'],
    ['http://h/../', 'dot-segment'],
    ['http://h/a b/', 'forbidden-character'],
    ['http://h/#', 'fragment'],
    [`http://h/${'a/'.repeat(32)}`, 'too-deep'],
    [`http://h/${'a'.repeat(17_000)}/`, 'too-long'],
  ])('the prefix %s is refused', (text, reason) => {
    expect(parseUrlPrefix(text)).toEqual({ type: 'refused', reason });
  });

  it('ask only for the kinds of which there are any', () => {
    const row = { key: PAGE, tags: ['a', 'b'] };
    expect(scopesOver(row, () => false)).toEqual([]);
    expect(scopesOver(row, (kind) => kind === 'tag')).toEqual(['tag:a', 'tag:b']);
    expect(scopesOver(row, () => true)).toEqual([
      'tag:a',
      'tag:b',
      'all:',
      'url:http://o.test/shop/a?x=1',
      'prefix:http://o.test/',
      'prefix:http://o.test/shop/',
    ]);
    expect(scopesOver({ key: KV, tags: ['a'] }, () => true)).toEqual(['tag:a', 'namespace:ns']);
    expect(scopeOf({ type: 'url', key: PAGE })).toBe('url:http://o.test/shop/a?x=1');
  });
});

describe('a hard purge', () => {
  it.each<[string, PurgeSelector, boolean]>([
    ['its tag', { type: 'tag', tag: 'a' }, true],
    ['another tag', { type: 'tag', tag: 'b' }, false],
    ['a prefix of it', { type: 'prefix', prefix: 'http://o.test/shop/' }, true],
    ['its host', { type: 'prefix', prefix: 'http://o.test/' }, true],
    ['another prefix', { type: 'prefix', prefix: 'http://o.test/shopping/' }, false],
    ['another scheme', { type: 'prefix', prefix: 'https://o.test/' }, false],
    ['everything', { type: 'all' }, true],
    ['its URL', { type: 'url', key: PAGE }, true],
    ['another URL', { type: 'url', key: OTHER }, false],
    ['a namespace', { type: 'namespace', namespace: 'ns' }, false],
  ])('by %s hides a response exactly if it covers it, also after a reboot', (_, selector, isCovered) => {
    const group = new Solo();
    filled(group, PAGE, ['a', 'c']);
    expect(group.command(purge(selector))).toEqual({ type: 'purged' });
    expect(isStored(group, PAGE)).toBe(!isCovered);
    group.boot();
    expect(isStored(group, PAGE)).toBe(!isCovered);
  });

  it('touches no row: it writes one stamp, whatever it covers', () => {
    const group = new Solo();
    for (let i = 0; i < 100; i++) filled(group, httpEntryKey(`http://o.test/${i}`), ['a']);
    group.run({ type: 'timer', name: 'follow' });
    group.command(byTag('a'), 'once');
    expect(group.written()).toEqual(['append', 'invalidation', 'applied']);
    expect(group.state.head.entries).toBe(100);
  });

  it('takes a key-value pair only by a tag that it carries or by its namespace', () => {
    const selectors: [PurgeSelector, boolean][] = [
      [{ type: 'all' }, true],
      [{ type: 'prefix', prefix: 'http://o.test/' }, true],
      [{ type: 'tag', tag: 'b' }, true],
      [{ type: 'namespace', namespace: 'n' }, true],
      [{ type: 'tag', tag: 'a' }, false],
      [{ type: 'namespace', namespace: 'ns' }, false],
    ];
    for (const [selector, stays] of selectors) {
      const group = new Solo();
      group.command(put(KV, 'x', { tags: ['a'] }));
      group.command(purge(selector));
      expect(isStored(group, KV), JSON.stringify(selector)).toBe(stays);
    }
  });

  it('of a namespace makes its keys absent for conditions, and what is put later stays', () => {
    const group = new Solo();
    group.command(put(KV, 'old'));
    group.command(purge({ type: 'namespace', namespace: 'ns' }));
    expect(group.command({ type: 'delete', key: KV, condition: null })).toEqual({
      type: 'deleted',
      existed: false,
    });
    group.command(put(KV, 'old'));
    group.command(purge({ type: 'namespace', namespace: 'ns' }));
    expect(group.command(put(KV, 'new', { condition: { type: 'absent' } }))).toMatchObject({ created: true });
    expect(group.metas(KV)).toEqual(['new']);
    expect(group.state.head.entries).toBe(1);
  });

  it('takes of one entry what stands before it, not what stands behind it', () => {
    const group = new Solo();
    const [before, behind] = [kvEntryKey('ns', 'before'), kvEntryKey('ns', 'behind')];
    const commands = [put(before, 'x'), purge({ type: 'namespace', namespace: 'ns' }), put(behind, 'x')];
    const clients = commands.map((command, i) => ({
      id: 100 + i,
      request: { type: 'command', reqId: `q${i}`, command } as const,
    }));
    group.run({ type: 'clients', clients });
    expect(group.state.log.last.op).toBe(1);
    expect([isStored(group, before), isStored(group, behind)]).toEqual([false, true]);
  });

  it.each<[string, PurgeSelector]>([
    ['one of its tags', { type: 'tag', tag: 'a' }],
    ['a prefix', { type: 'prefix', prefix: 'http://o.test/shop/' }],
    ['everything', { type: 'all' }],
    ['its URL', { type: 'url', key: PAGE }],
  ])(
    'by %s refuses the fill of a fetch that began before it, soft as well; not of a later one',
    (_, selector) => {
      for (const soft of [false, true]) {
        const group = new Solo();
        const token = group.takeLease(PAGE);
        group.command(purge(selector, soft));
        expect(group.command(fill(PAGE, 'old', token, { tags: ['x', 'a'] }))).toEqual({
          type: 'fill-refused',
          reason: 'purged-since-token',
        });
        filled(group, PAGE, ['a']);
        expect(staleFrom(group, PAGE)).toEqual([null]);
      }
    },
  );

  it('lets a fill pass that carries none of the tags, however old its token', () => {
    const group = new Solo();
    const token = group.takeLease(PAGE);
    group.command(byTag('a'));
    expect(group.command(fill(PAGE, 'x', token, { tags: ['b'] }))).toEqual({ type: 'filled' });
  });

  it.each<[string, PurgeSelector, boolean]>([
    ['a tag', { type: 'tag', tag: 'unrelated' }, true],
    ['a prefix', { type: 'prefix', prefix: 'http://elsewhere/' }, true],
    ['everything', { type: 'all' }, true],
    ['a namespace', { type: 'namespace', namespace: 'ns' }, false],
    ['another URL', { type: 'url', key: OTHER }, false],
  ])(
    'by %s ends leases under way where it may concern them: nobody waits for a flight it overtook',
    (_, selector, ends) => {
      const group = new Solo();
      group.takeLease(PAGE);
      group.command(purge(selector));
      expect(group.read(PAGE, 'always').lease?.type).toBe(ends ? 'granted' : 'taken');
    },
  );

  it('sent again with its id does nothing, even after others of the same scope and a reboot', () => {
    const group = new Solo();
    group.command(put(KV, 'x', { tags: ['a'] }));
    group.command(byTag('a'), 'first');
    group.command(byTag('a'), 'second');
    group.command(put(KV, 'y', { tags: ['a'] }));
    group.boot();
    expect(group.command(byTag('a'), 'first')).toEqual({ type: 'purged' });
    expect(group.metas(KV)).toEqual(['y']);
    group.command(byTag('a'), 'third');
    expect(group.metas(KV)).toEqual([]);
  });

  it('of a log that an older version wrote is as hard as it was', () => {
    const group = new Solo();
    filled(group, PAGE);
    group.command({ type: 'purge', selector: { type: 'all' } });
    expect(isStored(group, PAGE)).toBe(false);
  });

  it('is put off while too many others are not carried out for good', () => {
    const group = new Solo({ limits: { invalidationsMax: 2 } });
    group.command(byTag('a'));
    group.command(byTag('b'));
    expect(group.ask({ type: 'command', reqId: 'x', command: byTag('c') })).toEqual({ type: 'overloaded' });
    expect(group.command(purge({ type: 'url', key: PAGE }))).toEqual({ type: 'purged' });
  });
});

describe('a soft purge', () => {
  it.each<[string, PurgeSelector]>([
    ['tag', { type: 'tag', tag: 'a' }],
    ['prefix', { type: 'prefix', prefix: 'http://o.test/' }],
    ['URL', { type: 'url', key: PAGE }],
    ['everything', { type: 'all' }],
  ])('by %s leaves the response, stale from then on', (_, selector) => {
    const group = new Solo();
    filled(group, PAGE, ['a'], 'v1');
    filled(group, PAGE, ['a'], 'v2');
    filled(group, httpEntryKey('http://p.test/'), ['b']);
    group.now += 5_000;
    const at = group.now;
    group.command(purge(selector, true));
    group.now += 5_000;
    expect(staleFrom(group, PAGE)).toEqual([at, at]);
    expect(staleFrom(group, httpEntryKey('http://p.test/'))).toEqual([selector.type === 'all' ? at : null]);
    filled(group, PAGE, ['a'], 'v1');
    expect(staleFrom(group, PAGE)).toEqual([null, at]);
  });

  it('does not weaken a hard one, before or after it', () => {
    for (const order of [
      [false, true],
      [true, false],
    ]) {
      const group = new Solo();
      filled(group, PAGE, ['a']);
      for (const soft of order) group.command(byTag('a', soft));
      expect(isStored(group, PAGE)).toBe(false);
    }
  });

  it('does not concern key-value data, which is there or is not', () => {
    const group = new Solo();
    group.command(put(KV, 'x', { tags: ['a'] }));
    group.command(byTag('a', true));
    expect(staleFrom(group, KV)).toEqual([null]);
  });
});

describe('what a purge made unusable', () => {
  it('is removed in the background, through the log, with right totals, and then the stamps go', () => {
    const group = new Solo();
    for (let i = 0; i < 300; i++) group.command(put(kvEntryKey('ns', `k${i}`), 'x'));
    group.command(put(kvEntryKey('kept', 'k'), 'x'));
    for (let i = 0; i < 300; i++)
      filled(group, httpEntryKey(`http://o.test/${i}`), i % 2 === 0 ? ['even'] : []);
    group.command(purge({ type: 'namespace', namespace: 'ns' }));
    group.command(byTag('even'));
    pass(group, 50_000);
    expect(group.state.head.entries).toBe(601);
    pass(group, 40_000);
    expect(group.state.head.entries).toBe(151);
    expect(group.store.rowHeads(kvEntryKey('kept', 'k'))).toHaveLength(1);
    expect(group.state.head.kvBytes).toBe(group.store.rowHeads(kvEntryKey('kept', 'k'))[0]?.bytes);
    expect(group.store.invalidationCounts()).toMatchObject({ tag: 1, namespace: 1 });
    pass(group, 13 * MINUTE);
    expect(group.store.invalidationCounts()).toMatchObject({ tag: 0, namespace: 0 });
    expect(isStored(group, httpEntryKey('http://o.test/1'))).toBe(true);

    const ops = group.state.log.last.op;
    pass(group, 60 * MINUTE);
    expect(group.state.log.last.op).toBe(ops);
    expect(group.state.primary?.discards.dueAt).toBeNull();
  });

  it('softly is kept for a day, never fresh again, and gone before its stamp is', () => {
    const group = new Solo();
    filled(group, PAGE, ['a']);
    filled(group, OTHER, ['b']);
    group.now += 1_000;
    const at = group.now;
    group.command(byTag('a', true));
    pass(group, 23 * 60 * MINUTE);
    expect(staleFrom(group, PAGE)).toEqual([at]);
    pass(group, 2 * 60 * MINUTE);
    expect([isStored(group, PAGE), isStored(group, OTHER)]).toEqual([false, true]);
    expect(group.state.head.entries).toBe(1);
    expect(group.store.invalidationCounts().tag).toBe(0);
    expect(group.state.primary?.discards.dueAt).toBeNull();
  });

  it('stays hidden when the stamps go, and no older fill brings it back', () => {
    const group = new Solo();
    filled(group, PAGE, ['a']);
    const token = group.takeLease(OTHER);
    group.command(byTag('a'));
    pass(group, 13 * MINUTE);
    expect(group.store.invalidationCounts().tag).toBe(0);
    expect(isStored(group, PAGE)).toBe(false);
    const late = { ...token, t: group.now };
    expect(group.command(fill(OTHER, 'x', late, { tags: ['a'] }))).toMatchObject({
      reason: 'token-below-floor',
    });
  });

  it('is found by a new primary that never heard the purge', () => {
    const group = new Solo();
    filled(group, PAGE, ['a']);
    group.command(byTag('a'));
    group.run({ type: 'timer', name: 'follow' });
    group.boot();
    pass(group, 2 * MINUTE);
    expect(group.state.head.entries).toBe(0);
  });

  it('goes when its key is written again, and counts no more', () => {
    const group = new Solo();
    filled(group, PAGE, ['a'], 'v1');
    filled(group, PAGE, ['a'], 'v2');
    group.command(byTag('a'));
    filled(group, PAGE, ['a'], 'v3');
    expect(group.state.head.entries).toBe(1);
  });

  it('is named by a discard; one of a row that may be used does nothing', () => {
    const group = new Solo();
    filled(group, PAGE, ['a']);
    const address = { key: PAGE, variant: '' };
    const viewstamp = { view: 0, op: 1 };
    group.command({ type: 'discard', address, viewstamp });
    group.command(byTag('a', true));
    group.command({ type: 'discard', address, viewstamp });
    expect(isStored(group, PAGE)).toBe(true);
    group.command(byTag('a'));
    group.command({ type: 'discard', address, viewstamp: { view: 0, op: 9 } });
    expect(group.state.head.entries).toBe(1);
    group.command({ type: 'discard', address, viewstamp });
    expect(group.state.head).toMatchObject({ entries: 0, httpBytes: 0 });
  });

  it('a floor never rises above what tokens in their time may name', () => {
    const group = new Solo();
    filled(group, PAGE, ['a']);
    group.command(byTag('a'));
    const token = group.takeLease(PAGE);
    group.command({ type: 'floor', upTo: { view: 0, op: 99 }, t: group.now });
    expect(group.command(fill(PAGE, 'x', token))).toEqual({ type: 'filled' });
    expect(group.store.invalidationCounts().tag).toBe(1);
  });
});
