// What a dry run says of shares and moved keys.
import { describe, expect, it } from 'vitest';
import { type PreviewedPool, previewPool, sharesOf } from '../../core/load-balancing/preview-shares.ts';

type Backends = PreviewedPool['backends'];
type Strategy = PreviewedPool['strategy'];

const backends = (count: number, weight = 1): Backends =>
  Array.from({ length: count }, (_, i) => ({ id: `b${i}`, weight, state: 'active' as const }));

const pool = (of: Backends, strategy: Partial<Strategy> = {}): PreviewedPool => ({
  backends: of,
  strategy: { type: 'consistent-hash', key: ['client-ip'], maxShare: 1.1, hashSeed: 0, ...strategy },
});

describe('shares of a pool', () => {
  it('follow the weights where the strategy does', () => {
    const weighted = [3, 1, 0].map((weight, i) => ({ id: `b${i}`, weight, state: 'active' as const }));
    expect(Object.fromEntries(sharesOf(pool(weighted, { type: 'weighted-random' })))).toEqual({
      b0: 0.75,
      b1: 0.25,
    });
    expect(Object.fromEntries(sharesOf(pool(weighted, { type: 'round-robin' })))).toEqual({
      b0: 0.5,
      b1: 0.5,
    });
  });

  it('come from the arcs of the ring for consistent hashing', () => {
    const shares = [...sharesOf(pool(backends(10))).values()];
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
    for (const share of shares) expect(Math.abs(share - 0.1)).toBeLessThan(0.008);
  });

  it('count only backends that take new keys', () => {
    const some = backends(4).map((backend, i) =>
      i === 0 ? { ...backend, state: 'draining' as const } : backend,
    );
    expect([...sharesOf(pool(some)).keys()]).toEqual(['b1', 'b2', 'b3']);
  });
});

describe('the preview of a change', () => {
  it('looks at the first tier that takes anything', () => {
    const tiered = (firstState: 'active' | 'disabled') => [
      ...backends(2).map((backend) => ({ ...backend, state: firstState })),
      ...['c', 'd', 'e'].map((id) => ({ id, weight: 1, state: 'active' as const, priority: 1 })),
    ];
    expect([...sharesOf(pool(tiered('active'))).keys()]).toEqual(['b0', 'b1']);
    expect([...sharesOf(pool(tiered('disabled'))).keys()]).toEqual(['c', 'd', 'e']);
    expect(previewPool(pool(tiered('active')), pool(backends(2))).keysMovedRatio).toBe(0);
    expect(previewPool(pool(tiered('active')), pool(tiered('disabled'))).keysMovedRatio).toBe(1);
  });

  it('says that about 1/n of the keys move when a backend comes or goes', () => {
    const leaves = previewPool(pool(backends(10)), pool(backends(9)));
    // 10 % of 32,768 sampled keys, deviation 0.17 %, and an arc of 1.8 % of 10 %: five of both.
    expect(Math.abs(leaves.keysMovedRatio - 0.1)).toBeLessThan(0.018);
    expect(previewPool(pool(backends(9)), pool(backends(10))).keysMovedRatio).toBe(leaves.keysMovedRatio);
    expect(leaves.maxShareBefore).toBeGreaterThan(1);
    expect(leaves.maxShareBefore).toBeLessThan(1.06);
  });

  it('says the same of a backend that is drained or disabled as of one that is taken out', () => {
    const drained = backends(10).map((backend, i) =>
      i === 9 ? { ...backend, state: 'disabled' as const } : backend,
    );
    expect(previewPool(pool(backends(10)), pool(drained))).toEqual(
      previewPool(pool(backends(10)), pool(backends(9))),
    );
  });

  it('says that nothing moves when nothing about the keys changes', () => {
    const reversed = [...backends(5)].reverse();
    expect(previewPool(pool(backends(5)), pool(reversed)).keysMovedRatio).toBe(0);
    expect(previewPool(pool(backends(5)), pool(backends(5, 7))).keysMovedRatio).toBe(0);
  });

  it('says that nothing moves where no key is pinned', () => {
    const preview = previewPool(
      pool(backends(4), { type: 'round-robin' }),
      pool(backends(3), { type: 'weighted-random' }),
    );
    expect(preview).toEqual({ keysMovedRatio: 0, maxShareBefore: 1, maxShareAfter: 1 });
  });

  it('says that most keys move when the seed, the kind of key or the strategy changes', () => {
    const before = pool(backends(4));
    for (const strategy of [{ hashSeed: 1 }, { key: ['path'] }, { type: 'random' }]) {
      // Two independent choices among four differ three times in four.
      expect(previewPool(before, pool(backends(4), strategy)).keysMovedRatio).toBeCloseTo(0.75, 1);
    }
  });

  it('knows rendezvous by its weights, and that only the keys of the one that leaves move', () => {
    const type = 'rendezvous';
    const leaves = previewPool(pool(backends(10), { type }), pool(backends(9), { type }));
    expect(leaves).toMatchObject({ maxShareBefore: 1, maxShareAfter: 1 });
    // 10 % of 32,768 sampled keys, deviation 0.17 %: five of it.
    expect(Math.abs(leaves.keysMovedRatio - 0.1)).toBeLessThan(0.0085);
    const other = previewPool(pool(backends(4)), pool(backends(4), { type }));
    expect(other.keysMovedRatio).toBeCloseTo(0.75, 1);
  });

  it('knows that first-available sends everything to the first of the list', () => {
    const strategy = { type: 'first-available' };
    const now = pool(backends(3), strategy);
    expect(Object.fromEntries(sharesOf(now))).toEqual({ b0: 1, b1: 0, b2: 0 });
    expect(previewPool(now, pool(backends(2), strategy))).toEqual({
      keysMovedRatio: 0,
      maxShareBefore: 3,
      maxShareAfter: 2,
    });
    expect(previewPool(now, pool([...backends(3)].reverse(), strategy)).keysMovedRatio).toBe(1);
  });

  it('knows pools that begin, end, or are empty', () => {
    expect(previewPool(null, pool(backends(2), { type: 'random' }))).toEqual({
      keysMovedRatio: 0,
      maxShareBefore: null,
      maxShareAfter: 1,
    });
    expect(previewPool(pool(backends(2)), null)).toMatchObject({ keysMovedRatio: 1, maxShareAfter: null });
    expect(previewPool(pool(backends(2)), pool([]))).toMatchObject({
      keysMovedRatio: 1,
      maxShareAfter: null,
    });
    expect(previewPool(pool([]), pool(backends(2)))).toMatchObject({
      keysMovedRatio: 0,
      maxShareBefore: null,
    });
    expect(previewPool(null, null)).toEqual({ keysMovedRatio: 0, maxShareBefore: null, maxShareAfter: null });
  });

  it('measures the largest share against the average of the weights as they are', () => {
    const weighted = [1, 2, 4].map((weight, i) => ({ id: `b${i}`, weight, state: 'active' as const }));
    expect(previewPool(null, pool(weighted, { type: 'weighted-random' })).maxShareAfter).toBeCloseTo(
      12 / 7,
      12,
    );
  });
});
