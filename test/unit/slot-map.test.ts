// Slots of keys, and the map from slots to shards.
import { describe, expect, it } from 'vitest';
import { SLOT_COUNT, slotOfKey, targetSlotMap } from '../../core/sharding/slot-map.ts';

const countsOf = (values: readonly number[], size: number): number[] => {
  const counts = Array<number>(size).fill(0);
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};

describe('slots', () => {
  it('never change for a key', () => {
    expect(['h5:abcde', 'k2:ns3:key', ''].map(slotOfKey)).toEqual([670, 178, 79]);
  });

  it('are all used, evenly', () => {
    const counts = countsOf(
      Array.from({ length: 102_400 }, (_, i) => slotOfKey(`h30:https://example.com/items/${i}`)),
      SLOT_COUNT,
    );
    expect(counts).toHaveLength(1024);
    // 100 expected, deviation 10, 1,024 of them: six deviations.
    for (const count of counts) expect(Math.abs(count - 100)).toBeLessThan(60);
  });
});

describe('the target slot map', () => {
  it.each([1, 2, 4, 8, 16])('gives each of %i shards about as many slots', (shards) => {
    const counts = countsOf(targetSlotMap(shards), shards);
    const expected = SLOT_COUNT / shards;
    // Binomial, and the ring's arcs of 1.8 %.
    for (const count of counts) {
      expect(Math.abs(count - expected)).toBeLessThanOrEqual(4 * Math.sqrt(expected) + 0.07 * expected);
    }
  });

  it('moves only slots of the shard that leaves', () => {
    const before = targetSlotMap(['a', 'b', 'c', 'd']);
    const after = targetSlotMap(['a', 'b', 'd']);
    const names = ['a', 'b', 'd'];
    for (const [slot, shard] of before.entries()) {
      if (shard !== 2) expect(names[after[slot] ?? -1]).toBe(['a', 'b', 'c', 'd'][shard]);
    }
  });

  it('names shards by their place in the list, whatever the order', () => {
    const one = targetSlotMap(['a', 'b', 'c']).map((shard) => ['a', 'b', 'c'][shard]);
    const other = targetSlotMap(['c', 'a', 'b']).map((shard) => ['c', 'a', 'b'][shard]);
    expect(other).toEqual(one);
    expect(targetSlotMap(3)).toEqual(targetSlotMap(['0', '1', '2']));
  });

  it('refuses to divide slots among no shards', () => {
    expect(() => targetSlotMap(0)).toThrow(/0 shards/);
  });
});
