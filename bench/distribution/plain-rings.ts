// Rings as other balancers publish them: points in proportion to the weight, each owning the arc up to it. Our hash
// and our sort, so that only the number of points differs from balancer to balancer; the timings are therefore ours.
import { bucketBits, bucketIndex, bucketSort } from '../../core/sharding/bucket-sort.ts';
import { hashKey, mix32 } from '../../core/sharding/key-hash.ts';
import type { Member } from '../workload.ts';
import { arcShares } from './arc-shares.ts';
import type { Built, Contender } from './contender.ts';

function plainRing(members: readonly Member[], points: readonly number[]): Built {
  const total = points.reduce((sum, count) => sum + count, 0);
  const unsorted = new Uint32Array(total);
  const unsortedOwners = new Uint16Array(total);
  let filled = 0;
  for (const [index, { id }] of members.entries()) {
    const base = hashKey(id);
    for (let point = 0; point < (points[index] ?? 0); point++) {
      unsorted[filled] = mix32(base + Math.imul(point, 0x9e3779b9));
      unsortedOwners[filled++] = index;
    }
  }
  const { positions, payload: owners } = bucketSort(unsorted, unsortedOwners);
  const { bits, starts } = bucketIndex(positions, bucketBits(total, 1));
  const shift = 32 - bits;
  const locate = (key: string): number => {
    const hash = hashKey(key);
    let i = starts[hash >>> shift] as number;
    while (i < total && (positions[i] as number) < hash) i++;
    return owners[i === total ? 0 : i] as number;
  };
  return { locate, pick: locate, shares: () => arcShares(positions, owners, members.length) };
}

const ring = (name: string, pointsOf: (members: readonly Member[]) => number[]): Contender => ({
  name,
  keyed: true,
  weighted: true,
  build: (members) => plainRing(members, pointsOf(members)),
});

const perWeight = (points: number) => (members: readonly Member[]) =>
  members.map(({ weight }) => Math.max(1, Math.floor(points * weight)));

/** Envoy's ring_hash: `minimum_ring_size` points in all, or as many more as give the lightest host whole ones. */
function envoyPoints(members: readonly Member[]): number[] {
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  const lightest = Math.min(...members.map(({ weight }) => weight)) / total;
  const size = Math.ceil(lightest * 1024) / lightest;
  let target = 0;
  let placed = 0;
  return members.map(({ weight }) => {
    target += (size * weight) / total;
    const points = Math.max(0, Math.ceil(target - placed - 1e-9));
    placed += points;
    return points;
  });
}

export const PLAIN_RINGS: readonly Contender[] = [
  ring('nginx: 160 points/weight', perWeight(160)),
  ring('Varnish: 67 points/weight', perWeight(67)),
  ring('HAProxy: 16 points/weight', perWeight(16)),
  ring('Envoy: 1,024 points in all', envoyPoints),
];
