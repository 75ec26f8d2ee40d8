// Spreading hot keys: how even it gets, what it costs, and what must not be touched by it.
import { describe, expect, it } from 'vitest';
import { measureSpreading } from '../../bench/distribution/hot-key-numbers.ts';
import { createBalancer } from '../../core/load-balancing/create-balancer.ts';
import { FrequentKeys } from '../../core/load-balancing/frequent-keys.ts';
import { spreadHotKeys } from '../../core/load-balancing/hot-keys.ts';
import { seededRandom } from '../../core/random.ts';

const IDLE = { inFlight: () => 0 };
const membersOf = (...weights: number[]) => weights.map((weight, i) => ({ id: `b${i}`, weight }));
const hashing = (type: string, members: ReturnType<typeof membersOf>) =>
  createBalancer({ type, maxShare: 1.1, hashSeed: 0 }, members, seededRandom(1));
const pickWith = (balancer: ReturnType<typeof hashing>) => (key: string) => {
  for (const index of balancer.order(key, IDLE)) return index;
  return -1;
};

describe('spreading hot keys', () => {
  it.each(['consistent-hash', 'maglev', 'rendezvous'])(
    'leaves the busiest of 100 backends hardly more than its bound, for two keys in a hundred: %s',
    (type) => {
      const members = membersOf(...new Array<number>(100).fill(1));
      const plain = measureSpreading(hashing(type, members), 40_000, seededRandom(1));
      const spread = spreadHotKeys(hashing(type, members), members, 1.25);
      const { maxShare, extraCopies } = measureSpreading(spread, 40_000, seededRandom(1));
      expect(plain.maxShare).toBeGreaterThan(6);
      // 320 requests each count: by chance alone they scatter by 1/√320.
      expect(maxShare).toBeLessThan(1.25 + 3 / Math.sqrt(320));
      expect(extraCopies).toBeLessThan(0.02);
    },
    20_000,
  );

  it('gives each backend its part by weight of the hottest key there can be', () => {
    const members = membersOf(1, 2, 5, 0);
    const pick = pickWith(spreadHotKeys(hashing('consistent-hash', members), members, 1.1));
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 8_000; i++) {
      const index = pick('the only one');
      counts[index] = (counts[index] ?? 0) + 1;
    }
    expect(counts[3]).toBe(0);
    for (const [i, part] of [1, 2, 5].entries()) {
      expect((counts[i] ?? 0) / 8_000).toBeLessThanOrEqual((1.1 * part) / 8 + 0.01);
    }
  });

  it('moves no key that is not hot', () => {
    const members = membersOf(...new Array<number>(10).fill(1));
    const plain = pickWith(hashing('consistent-hash', members));
    const spread = pickWith(spreadHotKeys(hashing('consistent-hash', members), members, 1.05));
    for (let i = 0; i < 20_000; i++) {
      const key = `key ${i % 5_000}`;
      expect(spread(key)).toBe(plain(key));
      if (i % 2 === 0) spread('hot');
    }
  });

  it('names every alternative once, and forgets a pick that is refused', () => {
    // More than are remembered of a key at first.
    const members = membersOf(...new Array<number>(9).fill(1));
    const walked = spreadHotKeys(hashing('consistent-hash', members), members, 1.05);
    const untouched = spreadHotKeys(hashing('consistent-hash', members), members, 1.05);
    for (let i = 0; i < 500; i++) {
      expect([...walked.order('hot', IDLE)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
    // As if nobody had asked.
    const after = Array.from({ length: 50 }, () => pickWith(walked)('hot'));
    expect(after).toEqual(Array.from({ length: 50 }, () => pickWith(untouched)('hot')));
  });
});

describe('FrequentKeys', () => {
  it('holds whoever makes up more than its part, and counts short by no more than that', () => {
    const frequent = new FrequentKeys(10);
    const random = seededRandom(1);
    let hot = 0;
    for (let i = 0; i < 5_000; i++) {
      const isHot = random.next() < 0.3;
      if (isHot) hot++;
      frequent.add(isHot ? 'hot' : `cold ${i}`);
    }
    expect(frequent.countOf('hot')).toBeLessThanOrEqual(hot);
    expect(frequent.countOf('hot')).toBeGreaterThanOrEqual(hot - 5_000 / 10);
    frequent.halve();
    expect(frequent.countOf('hot')).toBeGreaterThan(0);
    expect(frequent.countOf('hot')).toBeLessThanOrEqual(hot / 2);
  });
});
