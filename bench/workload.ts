// What the lab hashes: backends with the weights of a pattern, keys that look like addresses, and how often each
// key is asked for.
import type { Random } from '../core/random.ts';

export interface Member {
  readonly id: string;
  readonly weight: number;
}

export const WEIGHT_PATTERNS = { equal: [1], '1:2:4': [1, 2, 4] } as const;
export type WeightPattern = keyof typeof WEIGHT_PATTERNS;

/** Length of a key in characters: a typical address. */
export const KEY_LENGTH = 57;

/** Backends whose weights repeat the pattern. */
export function makeMembers(count: number, pattern: readonly number[]): Member[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `10.0.${i >> 8}.${i & 255}:8080`,
    weight: pattern[i % pattern.length] ?? 1,
  }));
}

/**
 * Distinct keys of 57 characters. Flat strings, as a parser makes them: reading a concatenation or a slice costs
 * twice as much, and would be counted against every contender.
 */
export function makeKeys(count: number, random: Random): string[] {
  return Array.from({ length: count }, (_, i) => {
    const tail = Math.floor(random.next() * 2 ** 32).toString(36);
    const text = `https://www.example.com/catalogue/${i}/${tail}/`.padEnd(
      KEY_LENGTH,
      'abcdefghijklmnopqrstuvwxyz',
    );
    return Buffer.from(text.slice(0, KEY_LENGTH), 'latin1').toString('latin1');
  });
}

/** Popularity of the keys by rank, together 1: the r-th gets a part in proportion to r^−exponent; 0 = uniform. */
export function zipf(count: number, exponent: number): Float64Array {
  const parts = Float64Array.from({ length: count }, (_, rank) => (rank + 1) ** -exponent);
  const total = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / total);
}
