// Chance that a key has once and for all: what is decided by it for a key is decided the same way everywhere, and a
// threshold that moves changes the decision for no more keys than it passes.
import type { Random } from '../random.ts';
import { hashKey, mix32 } from '../sharding/key-hash.ts';

/** Uniform in [0, 1); new each time for the empty key. Another seed is another chance. O(length of the key). */
export function keyChance(key: string, seed: number, random: Random): number {
  return key === '' ? random.next() : hashKey(key, seed) / 2 ** 32;
}

/** The same for a key at one backend: independent of what it is at others. */
export function keyChanceAt(key: string, id: string, seed: number, random: Random): number {
  return key === '' ? random.next() : mix32(hashKey(key, seed) ^ hashKey(id, seed)) / 2 ** 32;
}
