// The npm packages beside which the ring is measured, with the settings that they come with.
import ConsistentHash from 'consistent-hash';
import HashRing from 'hashring';
import { type Random, seededRandom } from '../../core/random.ts';
import { hashKey } from '../../core/sharding/key-hash.ts';
import { arcShares } from './arc-shares.ts';
import type { Contender } from './contender.ts';

export const NPM_PACKAGES = ['hashring', 'consistent-hash'] as const;

/** `hashring` 3: 160 MD5 points a member on average, an LRU of 5,000 answers (too few for 64 Ki distinct keys). */
export const hashringPackage: Contender = {
  name: 'npm hashring',
  keyed: true,
  weighted: true,
  build(members) {
    const ring = new HashRing(Object.fromEntries(members.map(({ id, weight }) => [id, { weight }])));
    const indexOf = new Map(members.map(({ id }, index) => [id, index]));
    return {
      locate: (key) => indexOf.get(ring.get(key) ?? '') ?? -1,
      pick: (key) => ring.get(key),
      shares: () =>
        arcShares(
          ring.ring.map(({ value }) => value),
          ring.ring.map(({ server }) => indexOf.get(server) ?? 0),
          members.length,
        ),
    };
  },
};

const RANGE = 100_003;
const POINTS_PER_WEIGHT = 40;

/** A member's points, drawn as the package draws them (any free place), but the same ones whenever it is there. */
function drawPoints(random: Random, count: number, taken: Set<number>): number[] {
  const points: number[] = [];
  while (points.length < count) {
    const point = Math.floor(random.next() * RANGE);
    if (taken.has(point)) continue;
    taken.add(point);
    points.push(point);
  }
  return points;
}

/** `consistent-hash` 1: 40 random points a member on a ring of 100,003 places. */
export const consistentHashPackage: Contender = {
  name: 'npm consistent-hash',
  keyed: true,
  weighted: true,
  build(members) {
    const ring = new ConsistentHash();
    const taken = new Set<number>();
    for (const { id, weight } of members) {
      const count = POINTS_PER_WEIGHT * weight;
      ring.add(id, count, drawPoints(seededRandom(hashKey(id)), count, taken));
    }
    // The package sorts its points at the first question.
    ring.get('');
    const indexOf = new Map(members.map(({ id }, index) => [id, index]));
    return { locate: (key) => indexOf.get(ring.get(key) ?? '') ?? -1, pick: (key) => ring.get(key) };
  },
};
