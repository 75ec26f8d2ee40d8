// One look into a table (maglev-table.ts): evener than a ring and quicker to build, for which a change of backends moves
// some keys without need. The alternatives are a race among the others (key-race.ts), stable and in proportion:
// walking on in the table would never come to a backend too light to have an entry.
import type { BalancerFactory } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { keyHasher } from './key-hasher.ts';
import { keyRace } from './key-race.ts';
import { maglevTable } from './maglev-table.ts';
import { scoresByIndex } from './scores-by-index.ts';

/**
 * O(1) a pick, hash included O(length of the key); O(n log n) once alternatives are asked for.
 * Score: 0 for the owner of the key's entry, for the others their wait in the race; the lowest is first.
 */
export const maglev: BalancerFactory = (backends, { hashSeed }, random) => {
  const eligible = eligibleBackends(backends);
  const table = maglevTable(eligible, hashSeed);
  const race = keyRace(eligible, hashSeed);
  const hashOf = keyHasher(hashSeed, random);
  const locate = (hash: number): number => table[Math.floor((hash / 2 ** 32) * table.length)] ?? -1;
  const indexOf = (place: number): number => eligible[place]?.index ?? -1;

  return {
    type: 'maglev',
    usesKey: true,
    first: (key) => indexOf(locate(hashOf(key))),
    *order(key) {
      const hash = hashOf(key);
      const first = locate(hash);
      if (first < 0) return;
      yield indexOf(first);
      yield* race.others(hash, first).map(indexOf);
    },
    scores(key) {
      if (key === '') return new Array<null>(backends.length).fill(null);
      const hash = hashOf(key);
      const owner = locate(hash);
      return scoresByIndex(backends.length, eligible, (place) =>
        place === owner ? 0 : race.waitOf(place, hash),
      );
    },
    shares() {
      const shares = new Array<number>(backends.length).fill(0);
      for (const place of table) shares[indexOf(place)] = (shares[indexOf(place)] ?? 0) + 1 / table.length;
      return shares;
    },
  };
};
