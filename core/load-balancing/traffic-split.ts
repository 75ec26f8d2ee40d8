// Which of several pools a key goes to, by percentages: the race of key-race.ts run by the pools. Of two pools, a
// changed percentage moves exactly the keys that it must. Of more, no rule without memory can do that (three pools of
// 50 % cannot each keep the same half against both others); the race moves at most 2δ/(1 + δ) of the keys where δ
// would be ideal, the least that is possible (Bavarian et al. 2016; Moulton and Jiang 2018 for the race). Rejected:
// intervals laid end to end, which with k pools move up to k − 1 times the ideal.
import type { Random } from '../random.ts';
import { keyHasher } from './key-hasher.ts';
import { keyRace } from './key-race.ts';

export interface SplitPart {
  readonly pool: string;
  /** Percentage, or proportion where no pool takes the rest; 0–100. */
  readonly weight: number;
}

export interface TrafficSplit {
  /** Name of the key's pool; the empty key, none, goes to a random one. O(pools). */
  poolFor(key: string): string;
}

/** So that a pool's keys are an even sample for its own strategy, whose seed this is not. */
const SPLIT_SEED = 0x5b117;

/**
 * `rest`: the pool that gets what the parts leave of 100; undefined = none, the weights are proportions. Some weight
 * is above 0. The order of the parts leaves no trace. O(pools).
 */
export function trafficSplit(
  parts: readonly SplitPart[],
  rest: string | undefined,
  hashSeed: number,
  random: Random,
): TrafficSplit {
  const racing = runners(parts, rest);
  const race = keyRace(racing, SPLIT_SEED);
  const hashOf = keyHasher(hashSeed ^ SPLIT_SEED, random);
  return {
    poolFor(key) {
      const winner = racing[race.winner(hashOf(key))];
      if (!winner) throw new Error('Cannot split traffic: no pool has a weight above 0');
      return winner.id;
    },
  };
}

function runners(parts: readonly SplitPart[], rest: string | undefined) {
  const weights = new Map(parts.map(({ pool, weight }) => [pool, weight]));
  if (rest !== undefined) {
    const given = parts.reduce((sum, { weight }) => sum + weight, 0);
    weights.set(rest, (weights.get(rest) ?? 0) + Math.max(0, 100 - given));
  }
  return [...weights]
    .filter(([, weight]) => weight > 0)
    .map(([id, weight], index) => ({ index, id, weight }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
