// The hash: fixed values, no slicing, seeds, and the evenness that the ring and the slots rely on.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { hashKey, hashKeyRange, mix32 } from '../../core/sharding/key-hash.ts';

/** Sum of (observed − expected)² / expected over equally likely cells. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** χ² of k degrees of freedom is near normal (mean k, variance 2k): six deviations are exceeded once in 10^8 or so. */
const chiSquareBound = (cells: number): number => cells - 1 + 6 * Math.sqrt(2 * (cells - 1));

const ROUTES = [
  (i: number) => `https://www.example.com/catalogue/items/${i}`,
  (i: number) => String(i),
  (i: number) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
  (i: number) => `2001:db8::${i.toString(16)}`,
  (i: number) => `/${'a'.repeat(i % 50)}/${i}`,
  (i: number) => `${i}/${'tail '.repeat(10)}`,
];

describe('hashKey', () => {
  it('has these values for ever: slots and rings on record depend on them', () => {
    expect(hashKey('')).toBe(1_202_157_994);
    expect(hashKey('a')).toBe(4_120_665_440);
    expect(hashKey('https://www.example.com/catalogue/items/1')).toBe(2_977_154_856);
    expect(hashKey('https://www.example.com/catalogue/items/1', 7)).toBe(948_382_693);
    expect(hashKey('größer 🙂')).toBe(3_343_591_780);
  });

  it('hashes a range as it hashes the slice', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 60, unit: 'binary' }),
        fc.nat(),
        fc.nat(),
        fc.integer(),
        (text, a, b, seed) => {
          const start = a % (text.length + 1);
          const end = start + (b % (text.length - start + 1));
          expect(hashKeyRange(text, start, end, seed)).toBe(hashKey(text.slice(start, end), seed));
        },
      ),
      { seed: 1 },
    );
  });

  it('tells texts apart that differ in one unit anywhere, in length, or in order', () => {
    const text = 'abcdefghijklmnopqrstuvwxyz';
    const seen = new Set([hashKey(text)]);
    for (let i = 0; i < text.length; i++) {
      for (const unit of ['A', '\u0161', '\uffff'])
        seen.add(hashKey(text.slice(0, i) + unit + text.slice(i + 1)));
      seen.add(hashKey(text.slice(0, i)));
      seen.add(hashKey(`${text.slice(i)}${text.slice(0, i)}.`));
    }
    expect(seen.size).toBe(1 + text.length * 5);
    expect(hashKey('\0')).not.toBe(hashKey('\0\0'));
  });

  it.each(ROUTES.map((route) => [route(4711), route] as const))(
    'spreads keys like %s evenly over its top, middle and low bits',
    (_example, route) => {
      const keys = Array.from({ length: 65_536 }, (_, i) => hashKey(route(i)));
      for (const shift of [22, 11, 0]) {
        const cells = Array<number>(1024).fill(0);
        for (const hash of keys) {
          const cell = (hash >>> shift) & 1023;
          cells[cell] = (cells[cell] ?? 0) + 1;
        }
        expect(chiSquare(cells)).toBeLessThan(chiSquareBound(1024));
      }
    },
  );

  it('collides no more often than chance', () => {
    const keys = new Set(ROUTES.flatMap((route) => Array.from({ length: 30_000 }, (_, i) => route(i))));
    const hashes = new Set(Array.from(keys, (key) => hashKey(key)));
    // n²/2^33 pairs are expected to meet, about 3.7: Poisson, so 20 is out of reach (10^-9).
    expect(keys.size - hashes.size).toBeLessThan(20);
  });

  it('is another function for another seed', () => {
    const cells = Array<number>(256).fill(0);
    for (let i = 0; i < 65_536; i++) {
      const cell = (hashKey(`key ${i}`, 1) ^ hashKey(`key ${i}`, 2)) >>> 24;
      cells[cell] = (cells[cell] ?? 0) + 1;
    }
    expect(chiSquare(cells)).toBeLessThan(chiSquareBound(256));
  });
});

describe('mix32', () => {
  it('is a bijection: no two inputs of a sample meet', () => {
    const outputs = new Set(Array.from({ length: 200_000 }, (_, i) => mix32(i * 20_011)));
    expect(outputs.size).toBe(200_000);
  });

  it('avalanches: every input bit flips each output bit half of the time', () => {
    const random = seededRandom(1);
    const samples = 4000;
    for (let bit = 0; bit < 32; bit++) {
      const flips = Array<number>(32).fill(0);
      for (let i = 0; i < samples; i++) {
        const value = Math.floor(random.next() * 2 ** 32);
        const difference = mix32(value) ^ mix32(value ^ (1 << bit));
        for (let out = 0; out < 32; out++) flips[out] = (flips[out] ?? 0) + ((difference >>> out) & 1);
      }
      // Binomial(4,000, ½): deviation 31.6; 1,024 cells, so six of them; the finalizer's own bias is below 1 %.
      for (const count of flips) expect(Math.abs(count - samples / 2)).toBeLessThan(6 * 31.6 + 40);
    }
  });
});
