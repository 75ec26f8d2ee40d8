// What every hashing strategy begins with: a key's hash, and chance for a request that has none.
import type { Random } from '../random.ts';
import { hashKey } from '../sharding/key-hash.ts';

/** A hash of 32 bits; of the empty key a new random one each time. `hashSeed` is an integer. O(length of the key). */
export function keyHasher(hashSeed: number, random: Random): (key: string) => number {
  return (key) => (key === '' ? Math.floor(random.next() * 2 ** 32) : hashKey(key, hashSeed));
}
