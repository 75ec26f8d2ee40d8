// What the coordinator decides about purges: done is what every shard has committed, and nothing before that.
import { describe, expect, it } from 'vitest';
import { mustBePurged, OPEN_MAX, PurgeBook, REMEMBERED_MS } from '../../core/purging/purge-book.ts';
import type { PurgeSelection } from '../../core/purging/purge-selection.ts';
import { strictAfterMs } from '../../core/replication/strict-purge.ts';
import { targetSlotMap } from '../../core/sharding/slot-map.ts';
import { MemoryIntents } from '../../simulate/memory-intents.ts';

const ALL: PurgeSelection = { keys: [], tags: [], prefixes: [], all: true, namespaces: [], soft: false };
const P = { purgeId: 'p', by: 'me', digest: 'd' };
const map = {
  slots: targetSlotMap(2),
  groups: [0, 1].map((shard) => ({ shard, groupId: `g${shard}` })),
};
const at = (op: number) => ({ view: 1, op });
const by = (op: number, limitMs = 5_000) => ({ bookmark: at(op), limitMs });

function roundOf(book: PurgeBook, on = map) {
  const round = book.round('p', on);
  if (round === null) throw new Error('nothing is open');
  return round;
}

describe('a purge by way of the coordinator', () => {
  it('is taken on once, joined while it is open, and refused by its id with another selection', () => {
    const book = new PurgeBook(new MemoryIntents());
    expect(book.take(P, ALL, 5)).toBe('new');
    expect(book.take(P, ALL, 6)).toBe('open');
    expect(book.take({ ...P, digest: 'other' }, ALL, 6)).toBe('mismatch');
    for (let i = 1; i < OPEN_MAX; i++) book.take({ ...P, purgeId: `p${i}` }, ALL, 6);
    expect(book.take({ ...P, purgeId: 'one more' }, ALL, 6)).toBe('full');
    expect(book.take(P, ALL, 6)).toBe('open');
  });

  it('is done when every shard has committed it, in whichever round', () => {
    const store = new MemoryIntents();
    const book = new PurgeBook(store);
    book.take(P, ALL, 5);
    const first = roundOf(book);
    expect(first.open.map(({ group }) => group.shard)).toEqual([0, 1]);
    first.committed(1, by(7));
    expect(book.report('p', 10)).toMatchObject({ type: 'pending', missing: [0], tookMs: 5 });
    expect(first.end(10)).toBe(false);
    // A restart: only what was written is left.
    const next = new PurgeBook(store.clone());
    expect(next.take(P, ALL, 20)).toBe('open');
    const second = roundOf(next);
    expect(second.open.map(({ group }) => group.shard)).toEqual([0]);
    second.committed(0, by(9));
    expect(second.end(30)).toBe(true);
    expect(next.take(P, ALL, 40)).toBe('done');
    expect(next.round('p', map)).toBeNull();
    expect(next.report('p', 40)).toEqual({
      type: 'done',
      purgeId: 'p',
      shards: { acked: 2, total: 2 },
      missing: [],
      tookMs: 25,
      bookmarks: { g0: at(9), g1: at(7) },
    });
  });

  it('counts nothing that a group committed which is no longer the shard', () => {
    const book = new PurgeBook(new MemoryIntents());
    book.take(P, ALL, 5);
    const first = roundOf(book);
    first.committed(0, by(1));
    expect(first.end(6)).toBe(false);
    const reborn = {
      ...map,
      groups: map.groups.map((group) => ({ ...group, groupId: `new-${group.shard}` })),
    };
    expect(roundOf(book, reborn).open.map(({ group }) => group.groupId)).toEqual(['new-0', 'new-1']);
  });

  it('is strict the largest limit of its shards after this life of the object learnt that it is done', () => {
    const store = new MemoryIntents();
    const book = new PurgeBook(store);
    book.take(P, ALL, 0);
    const round = roundOf(book);
    round.committed(0, by(1, 5_000));
    round.committed(1, by(1, 1_000));
    round.end(1_000);
    expect(book.untilStrictMs('p', 1_100)).toBe(strictAfterMs(5_000) - 100);
    expect(book.untilStrictMs('p', 60_000)).toBe(0);
    const restarted = new PurgeBook(store.clone());
    expect(restarted.untilStrictMs('p', 60_000)).toBe(strictAfterMs(5_000));
    expect(restarted.untilStrictMs('p', 60_100)).toBe(strictAfterMs(5_000) - 100);
  });

  it('that takes longer to be strict than a call may says how much is left', () => {
    const book = new PurgeBook(new MemoryIntents());
    book.take(P, ALL, 0);
    const round = roundOf(book);
    round.committed(0, by(1, 60_000));
    round.committed(1, by(1));
    round.end(1_000);
    const strictMs = strictAfterMs(60_000);
    const ask = (nowMs: number) => {
      const report = book.report('p', nowMs);
      if (report === null) throw new Error('There is no report');
      return book.strictly(report, nowMs);
    };
    expect(ask(1_000)).toMatchObject({
      waitMs: 12_000,
      answer: { type: 'pending', missing: [], strictInMs: strictMs - 12_000 },
    });
    expect(ask(1_000 + strictMs - 12_000)).toMatchObject({
      waitMs: 12_000,
      answer: { type: 'done', tookMs: 1_000 + strictMs },
    });
    expect(ask(1_000 + strictMs)).toMatchObject({ waitMs: 0, answer: { type: 'done' } });
  });

  it('is tried again after those that waited longer, and given up after a day', () => {
    const book = new PurgeBook(new MemoryIntents());
    for (const purgeId of ['a', 'b', 'c']) book.take({ ...P, purgeId }, ALL, 1);
    expect(book.nextOpen(2, 10)).toEqual(['a', 'b']);
    expect(book.nextOpen(2, 20)).toEqual(['c', 'a']);
    expect(book.hasOpen).toBe(true);
    expect(book.forgetsAt).toBe(1 + REMEMBERED_MS);
    expect(book.forget(REMEMBERED_MS)).toEqual([]);
    expect(book.forget(REMEMBERED_MS + 2).map(({ purgeId }) => purgeId)).toEqual(['a', 'b', 'c']);
    expect([book.hasOpen, book.forgetsAt, book.report('a', 0)]).toEqual([false, null, null]);
  });

  it('takes no other answer for a purge', () => {
    expect(() => mustBePurged(3, [{ type: 'purged' }])).not.toThrow();
    expect(() => mustBePurged(3, [{ type: 'purged' }, { type: 'request-mismatch' }])).toThrow(
      'shard 3 answered a purge with "request-mismatch"',
    );
  });
});
