// The small parts of the replication core: majorities, digests, sizes, the overlay and the log.
import { describe, expect, it } from 'vitest';
import type { Command } from '../../core/replication/commands.ts';
import { commandDigest, mixHash } from '../../core/replication/digest.ts';
import { heldByQuorum, primaryOf, quorumOf } from '../../core/replication/quorum.ts';
import { entryBytes, itemBytes } from '../../core/replication/sizes.ts';
import { kvEntryKey } from '../../core/sharding/entry-key.ts';
import { entry, fill, put, Solo, text } from '../support/solo.ts';

describe('majorities', () => {
  it.each([
    [1, 1],
    [3, 2],
    [5, 3],
  ])('of %i members are %i', (members, quorum) => {
    expect(quorumOf(members)).toBe(quorum);
  });

  it('hold what more than half of the members hold', () => {
    expect(heldByQuorum([7])).toBe(7);
    expect(heldByQuorum([9, 0, 4])).toBe(4);
    expect(heldByQuorum([9, 0, 0])).toBe(0);
    expect(heldByQuorum([9, 8, 1, 1, 3])).toBe(3);
  });

  it('primaries take turns by view', () => {
    expect([0, 1, 2, 3, 4].map((view) => primaryOf(view, 3))).toEqual([0, 1, 2, 0, 1]);
  });
});

describe('a digest', () => {
  const token = { groupId: 'g1', view: 0, op: 1, t: 2 };
  const different: Command[] = [
    put('k', 'a'),
    put('k', 'b'),
    put('kk', 'a'),
    put('k', 'a', { ttlMs: 1 }),
    put('k', 'a', { tags: ['x'] }),
    put('k', 'a', { tags: ['x', 'y'] }),
    put('k', 'a', { tags: ['x,y'] }),
    put('k', 'a', { condition: { type: 'absent' } }),
    put('k', 'a', { condition: { type: 'etag', etags: ['absent'] } }),
    put('k', 'a', { value: text('a', 5) }),
    put('k', 'a', { value: { meta: 'a', body: { type: 'inline', bytes: new Uint8Array([0, 0, 0, 1]) } } }),
    put('k', 'a', { value: { meta: 'a', body: { type: 'inline', bytes: new Uint8Array([1, 0, 0, 0]) } } }),
    put('k', 'a', { value: { meta: 'a', body: { type: 'chunks', hashes: ['h'], bytes: 4 } } }),
    { type: 'delete', key: 'k', condition: null },
    { type: 'purge', selector: { type: 'all' } },
    { type: 'purge', selector: { type: 'url', key: 'k' } },
    fill('k', 'a', token),
    fill('k', 'a', { ...token, op: 2 }),
    fill('k', 'a', token, { variant: 'a' }),
    { type: 'expire', address: { key: 'k', variant: '' }, viewstamp: { view: 0, op: 1 } },
    { type: 'evict', address: { key: 'k', variant: '' }, viewstamp: { view: 0, op: 1 } },
    { type: 'viewStart' },
  ];

  it('tells every two commands apart that differ in anything', () => {
    expect(new Set(different.map(commandDigest)).size).toBe(different.length);
  });

  it('does not depend on the order of properties', () => {
    for (const command of different) {
      const reversed = Object.fromEntries(Object.entries(command).reverse()) as Command;
      expect(commandDigest(reversed)).toBe(commandDigest(command));
    }
  });

  it('spreads: no two of 50,000 similar commands share one', () => {
    // 64 bits: the chance of any collision among n = 5e4 is n^2 / 2^65 < 1e-10.
    const digests = Array.from({ length: 50_000 }, (_, i) => commandDigest(put('k', `${i}`)));
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('the rolling hash depends on order, and stays an unsigned 32-bit number', () => {
    const ab = mixHash(mixHash(0, 'a'), 'b');
    expect(ab).not.toBe(mixHash(mixHash(0, 'b'), 'a'));
    expect(ab >>> 0).toBe(ab);
  });
});

describe('sizes', () => {
  it('an inline body counts where it travels, chunks only where the log keeps them', () => {
    const inline = put('k', '', { value: text('', 1_000) });
    const chunks = put('k', '', { value: { meta: '', body: { type: 'chunks', hashes: ['h'], bytes: 1e6 } } });
    const item = (command: Command) => ({ reqId: 'r', digest: '', command });
    expect(itemBytes(item(inline))).toBeGreaterThan(1_000);
    expect(itemBytes(item(chunks))).toBeLessThan(1_000);
    expect(entryBytes({ op: 1, view: 0, t: 0, items: [item(chunks)] })).toBeGreaterThan(1e6);
  });

  it('the log counts the same after a reboot', () => {
    const group = new Solo();
    for (let i = 0; i < 5; i++) group.command(put(kvEntryKey('ns', 'k'), `${i}`));
    const before = group.state.log.bytes;
    expect(before).toBeGreaterThan(0);
    expect(group.boot().log.bytes).toBe(before);
  });
});

describe('what is applied but not persisted', () => {
  const KEY = kvEntryKey('ns', 'k');

  it('is seen by everything that reads: rows, conditions, request ids', () => {
    const primary = new Solo({ members: 3 });
    primary.ask({ type: 'command', reqId: 'r1', command: put(KEY, 'a') });
    primary.hear(1, { type: 'prepareOk', op: 1, commit: 0 });
    expect(primary.store.rows(KEY)).toEqual([]);
    expect(primary.metas(KEY)).toEqual(['a']);
    const again = primary.ask({ type: 'command', reqId: 'r1', command: put(KEY, 'a') });
    expect(again).toMatchObject({ result: { created: true } });
    const condition = { type: 'absent' } as const;
    primary.ask({ type: 'command', reqId: 'r2', command: put(KEY, 'b', { condition }) });
    const id = primary.lastId;
    primary.hear(1, { type: 'prepareOk', op: 2, commit: 0 });
    expect(primary.answerTo(id)).toMatchObject({ result: { type: 'condition-failed', etag: '0-1-0' } });
  });

  it('is derived again from the log after a crash', () => {
    const primary = new Solo({ members: 3 });
    primary.ask({ type: 'command', reqId: 'r1', command: put(KEY, 'a') });
    primary.hear(1, { type: 'prepareOk', op: 1, commit: 0 });
    const { stateHash } = primary.state.head;
    primary.boot();
    primary.hear(1, { type: 'prepareOk', op: 1, commit: 0 });
    expect(primary.metas(KEY)).toEqual(['a']);
    expect(primary.state.head.stateHash).toBe(stateHash);
  });

  it('waits for more of its kind, so that a row which is written again is written once', () => {
    const primary = new Solo({ members: 3, limits: { overlayOpsMax: 3 } });
    const written: (readonly string[])[] = [];
    for (let op = 1; op <= 5; op++) {
      primary.ask({ type: 'command', reqId: `r${op}`, command: put(KEY, `${op}`) });
      written.push(primary.written());
      primary.hear(1, { type: 'prepareOk', op, commit: 0 });
      expect(primary.written()).toEqual([]);
    }
    const dedupe = Array.from({ length: 4 }, () => 'dedupe');
    expect(written).toEqual([
      ['append'],
      ['append'],
      ['append'],
      ['append'],
      ['append', 'putRow', ...dedupe, 'applied'],
    ]);
    // Derived from the log again, whatever did not reach the disk.
    const { stateHash } = primary.state.head;
    primary.boot();
    primary.hear(1, { type: 'prepareOk', op: 5, commit: 0 });
    expect(primary.state.head.stateHash).toBe(stateHash);
    expect(primary.metas(KEY)).toEqual(['5']);
  });

  it('does not wait when something is gone: whoever looks for rows to remove would find it again', () => {
    const primary = new Solo({ members: 3, limits: { overlayOpsMax: 3 } });
    primary.ask({ type: 'command', reqId: 'r1', command: put(KEY, 'a') });
    primary.hear(1, { type: 'prepareOk', op: 1, commit: 0 });
    primary.ask({ type: 'command', reqId: 'r2', command: { type: 'delete', key: KEY, condition: null } });
    primary.hear(1, { type: 'prepareOk', op: 2, commit: 0 });
    primary.ask({ type: 'command', reqId: 'r3', command: put(KEY, 'b') });
    expect(primary.written()).toContain('applied');
  });

  it('is written by a backup when it hears the last commit', () => {
    const backup = new Solo({ members: 3, member: 1, limits: { overlayOpsMax: 3 } });
    const prev = { view: 0, op: 0 };
    backup.hear(0, { type: 'prepare', prev, entries: [entry(1, 0, 'a')], commit: 0 });
    expect(backup.written()).toEqual(['append']);
    backup.hear(0, { type: 'prepare', prev: { view: 0, op: 1 }, entries: [], commit: 1 });
    expect(backup.written()).toEqual(['putRow', 'dedupe', 'applied']);
  });

  it('is bounded: beyond its limit it is written at once', () => {
    const primary = new Solo({ members: 3, limits: { overlayRowsMax: 3 } });
    primary.ask({ type: 'command', reqId: 'r1', command: put(KEY, 'a') });
    primary.hear(1, { type: 'prepareOk', op: 1, commit: 0 });
    expect(primary.written()).toEqual([]);
    primary.ask({ type: 'command', reqId: 'r2', command: put(KEY, 'b') });
    expect(primary.written()).toEqual(['append', 'putRow', 'dedupe', 'applied']);
    for (const reqId of ['r3', 'r4']) primary.ask({ type: 'command', reqId, command: put(KEY, reqId) });
    primary.hear(1, { type: 'prepareOk', op: 4, commit: 0 });
    expect(primary.written()).toEqual(['putRow', 'dedupe', 'dedupe', 'dedupe', 'applied']);
  });
});

describe('the alarm', () => {
  const alarms = (group: Solo): number[] =>
    group.effects.flatMap((effect) =>
      effect.type === 'setAlarm' && effect.atMs !== null ? [effect.atMs] : [],
    );

  it('is set for the soonest expiry, moved only forward, and set again by a reboot', () => {
    const group = new Solo();
    group.command(put('k1:n1:a', 'a', { ttlMs: 60_000 }));
    expect(alarms(group)).toEqual([1_060_000]);
    group.command(put('k1:n1:b', 'b', { ttlMs: 90_000 }));
    expect(alarms(group)).toEqual([]);
    group.command(put('k1:n1:c', 'c', { ttlMs: 5_500 }));
    expect(alarms(group)).toEqual([1_006_000]);
    group.boot();
    expect(alarms(group)).toEqual([1_006_000]);
  });

  it('sweeps chunks that nobody named for ten minutes, and keeps those that a row names', () => {
    const group = new Solo();
    for (const hash of ['used', 'unused']) group.ask({ type: 'stage', hash, bytes: new Uint8Array(8) });
    expect(group.state.alarmAt).toBe(1_600_000);
    const value = { meta: '', body: { type: 'chunks', hashes: ['used'], bytes: 8 } } as const;
    group.command(put('k1:n1:a', '', { value }));
    group.now = 1_600_001;
    group.run({ type: 'alarm' });
    expect(group.store.hasChunk('used')).toBe(true);
    expect(group.store.hasChunk('unused')).toBe(false);
  });

  it('is quiet once nothing is left to look after', () => {
    const group = new Solo();
    group.command(put('k1:n1:a', 'a', { ttlMs: 1_000 }));
    for (let i = 0; i < 5; i++) {
      group.now += 6_000;
      group.run({ type: 'alarm' });
    }
    expect(group.state.head.entries).toBe(0);
    expect(group.state.alarmAt).toBeNull();
  });
});

describe('a log entry', () => {
  it('that is far behind the others is read from the store, the newest from memory', () => {
    const member = new Solo({ members: 3, member: 1 });
    const entries = Array.from({ length: 100 }, (_, i) => entry(i + 1, 0, `m${i}`));
    member.hear(0, { type: 'prepare', prev: { view: 0, op: 0 }, entries, commit: 100 });
    expect(member.state.log.tail.length).toBeLessThanOrEqual(32);
    expect(member.state.head.applied).toBe(100);
  });
});
