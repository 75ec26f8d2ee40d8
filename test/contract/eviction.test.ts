// What every eviction policy owes to whoever holds the entries, whatever the order of calls.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Gdsf } from '../../bench/cache/gdsf.ts';
import { EVICTION_POLICIES } from '../../core/cache/eviction/policies.ts';
import type { EvictionPolicy, PolicyMaker } from '../../core/cache/eviction/policy.ts';
import { SizedCache } from '../../core/cache/eviction/sized-cache.ts';

const MAKERS: [string, PolicyMaker][] = [
  ...Object.entries<PolicyMaker>(EVICTION_POLICIES),
  ['gdsf', () => new Gdsf()],
];
const BYTES_MAX = 100;

type Call =
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'set'; readonly key: string; readonly bytes: number };

const key = fc.nat(30).map((n) => `key-${n}`);
const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('set' as const), key, bytes: fc.integer({ min: 1, max: 40 }) }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('get' as const), key }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('delete' as const), key }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('set' as const),
      key,
      bytes: fc.integer({ min: 41, max: 120 }),
    }),
  },
);
const calls = fc.array(call, { maxLength: 300 });

/** Passes everything on and notes which slots are in: a policy must never name one that is not. */
class Watched implements EvictionPolicy {
  readonly inside = new Set<number>();
  slots = 0;
  most = 0;
  readonly #policy: EvictionPolicy;

  constructor(policy: EvictionPolicy) {
    this.#policy = policy;
  }

  get remembered(): number {
    return this.#policy.remembered;
  }

  grow(slots: number): void {
    this.slots = slots;
    this.#policy.grow(slots);
  }

  insert(slot: number, name: string, bytes: number): void {
    expect(slot).toBeLessThan(this.slots);
    expect(this.inside.has(slot)).toBe(false);
    this.inside.add(slot);
    this.most = Math.max(this.most, this.inside.size);
    this.#policy.insert(slot, name, bytes);
  }

  access(slot: number): void {
    expect(this.inside.has(slot)).toBe(true);
    this.#policy.access(slot);
  }

  remove(slot: number): void {
    expect(this.inside.delete(slot)).toBe(true);
    this.#policy.remove(slot);
  }

  victim(): number {
    const slot = this.#policy.victim();
    expect(this.inside.delete(slot)).toBe(slot >= 0);
    return slot;
  }
}

describe.each(MAKERS)('the eviction policy %s', (_, make) => {
  it('keeps the table within its bytes, loses nothing without need, and answers what was stored', () => {
    fc.assert(
      fc.property(calls, (all) => {
        const policy = new Watched(make(BYTES_MAX));
        const cache = new SizedCache<string>(BYTES_MAX, policy);
        /** The last value of each key, and its size: what is held is a part of it. */
        const written = new Map<string, { value: string; bytes: number }>();
        for (const [i, one] of all.entries()) {
          const before = cache.bytes;
          if (one.type === 'get') {
            const value = cache.get(one.key);
            if (value !== undefined) expect(value).toBe(written.get(one.key)?.value);
          } else if (one.type === 'delete') {
            const wasHeld = cache.has(one.key);
            expect(cache.delete(one.key)).toBe(wasHeld);
            expect(cache.get(one.key)).toBe(undefined);
            written.delete(one.key);
          } else {
            const fits = one.bytes <= BYTES_MAX;
            const old = cache.has(one.key) ? (written.get(one.key)?.bytes ?? 0) : 0;
            const count = cache.count;
            expect(cache.set(one.key, `value-${i}`, one.bytes)).toBe(fits);
            expect(cache.has(one.key)).toBe(fits);
            written.set(one.key, { value: `value-${i}`, bytes: one.bytes });
            // Nothing had to go: nothing went.
            if (fits && before - old + one.bytes <= BYTES_MAX) {
              expect(cache.count).toBe(count + (old === 0 ? 1 : 0));
            }
          }
          const held = [...written].filter(([name]) => cache.has(name));
          expect(cache.count).toBe(held.length);
          expect(cache.bytes).toBe(held.reduce((sum, [, { bytes }]) => sum + bytes, 0));
          expect(cache.bytes).toBeLessThanOrEqual(BYTES_MAX);
          expect(policy.inside.size).toBe(cache.count);
        }
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  it('gives out each entry exactly once when all must go, and then none', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(30), { maxLength: 100 }),
        fc.integer({ min: 1, max: 20 }),
        (uses, count) => {
          const policy = make(BYTES_MAX);
          policy.grow(count);
          for (let slot = 0; slot < count; slot++) policy.insert(slot, `key-${slot}`, 1 + slot);
          for (const use of uses) policy.access(use % count);
          policy.remove(0);
          const victims = Array.from({ length: count - 1 }, () => policy.victim());
          expect(victims.sort((a, b) => a - b)).toEqual(Array.from({ length: count - 1 }, (_, i) => i + 1));
          expect(policy.victim()).toBe(-1);
        },
      ),
      { numRuns: 60, seed: 2 },
    );
  });

  it('remembers no more than a small multiple of what it held at once, however many pass through', () => {
    const policy = new Watched(make(BYTES_MAX));
    const cache = new SizedCache<number>(BYTES_MAX, policy);
    for (let i = 0; i < 5000; i++) cache.set(`key-${i}`, i, 1 + (i % 3));
    expect(policy.most).toBeGreaterThan(40);
    expect(policy.remembered).toBeLessThanOrEqual(8 * policy.most);
    expect(policy.slots).toBeLessThanOrEqual(4 * policy.most);
  });
});
