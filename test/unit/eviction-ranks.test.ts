// What a member knows of its stored rows for eviction: which it names, and that none is lost sight of.
import { describe, expect, it } from 'vitest';
import { EvictionRanks, type RankedRow } from '../../durable-objects/storage/eviction-ranks.ts';

const row = (name: string, bytes = 10): RankedRow => ({ key: name, variant: '', bytes });
const names = (rows: readonly RankedRow[]): string[] => rows.map(({ key }) => key);

/** Rows by id, from 1 on, as a store would read them. */
function stored(count: number) {
  const rows = new Map(Array.from({ length: count }, (_, i) => [i + 1, row(`row-${i + 1}`)]));
  let reads = 0;
  const read = (afterId: number, limit: number) => {
    reads += 1;
    const found = [...rows].filter(([id]) => id > afterId).slice(0, limit);
    return { rows: found.map(([, one]) => one), lastId: found.at(-1)?.[0] ?? afterId };
  };
  const bytes = (): number => 10 * rows.size;
  const remove = (ranks: EvictionRanks, gone: readonly RankedRow[]) => {
    for (const one of gone) {
      for (const [id, { key }] of rows) if (key === one.key) rows.delete(id);
      ranks.remove(one);
    }
  };
  return { rows, read, bytes, remove, reads: () => reads };
}

const nothing = () => ({ rows: [], lastId: 0 });

describe('the ranks of stored rows', () => {
  it('name what frees the bytes and no more, at most so many, the oldest and unused first', () => {
    const ranks = new EvictionRanks(nothing);
    for (const name of ['a', 'b', 'c', 'd', 'e']) ranks.put(row(name));
    ranks.use(row('a'));
    expect(names(ranks.victims(11, 9, 50))).toEqual(['b', 'c']);
    expect(names(ranks.victims(99, 1, 50))).toEqual(['d']);
    expect(ranks.victims(0, 9, 50)).toEqual([]);
  });

  it('name no row again while it is on its way out, but do after a while if it never went', () => {
    const ranks = new EvictionRanks(nothing);
    ranks.put(row('a'));
    expect(names(ranks.victims(5, 9, 10))).toEqual(['a']);
    const later = Array.from({ length: 16 }, () => names(ranks.victims(5, 9, 10)));
    expect(later.slice(0, 15).flat()).toEqual([]);
    expect(later[15]).toEqual(['a']);
  });

  it('take a row that is written or used on its way out for one that stays', () => {
    const ranks = new EvictionRanks(nothing);
    for (const name of ['a', 'b', 'c']) ranks.put(row(name));
    expect(names(ranks.victims(20, 9, 30))).toEqual(['a', 'b']);
    ranks.use(row('a'));
    ranks.put(row('b', 20));
    expect(ranks.count).toBe(3);
    ranks.remove(row('b'));
    expect(ranks.count).toBe(2);
    ranks.put(row('b', 20));
    expect(names(ranks.victims(5, 9, 40))).toEqual(['c']);
  });

  it('know variants of one key apart', () => {
    const ranks = new EvictionRanks(nothing);
    ranks.put({ key: 'a', variant: '', bytes: 10 });
    ranks.put({ key: '', variant: 'a', bytes: 10 });
    ranks.remove({ key: 'a', variant: '' });
    expect(ranks.victims(99, 9, 10)).toEqual([{ key: '', variant: 'a', bytes: 10 }]);
  });

  it('learn of the rows from before the start when space is needed, the oldest first', () => {
    const store = stored(3);
    const ranks = new EvictionRanks(store.read);
    ranks.use(row('row-1'));
    expect(store.reads()).toBe(0);
    expect(names(ranks.victims(15, 9, store.bytes()))).toEqual(['row-2', 'row-3']);
    expect(store.reads()).toBe(1);
  });

  it('read nothing once all that is stored is known', () => {
    const store = stored(3);
    const ranks = new EvictionRanks(store.read);
    for (let i = 0; i < 5; i++) ranks.victims(0, 9, store.bytes());
    expect(store.reads()).toBe(1);
  });

  it('keep track of a bounded number of rows, and come to all others in time', () => {
    const store = stored(5_000);
    const ranks = new EvictionRanks(store.read, 100);
    const gone = new Set<string>();
    for (let round = 0; round < 2_000 && store.rows.size > 0; round++) {
      const victims = ranks.victims(100, 20, store.bytes());
      for (const name of names(victims)) {
        expect(gone.has(name)).toBe(false);
        gone.add(name);
      }
      store.remove(ranks, victims);
      expect(ranks.count).toBeLessThanOrEqual(100);
    }
    expect(gone.size).toBe(5_000);
  });
});
