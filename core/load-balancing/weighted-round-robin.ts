// Smooth weighted round robin, nginx's interleaving (nginx commit 52327e0627f4, 2012): each pick every backend gains
// its weight in credit, the one with the most is taken and pays the sum of all weights. 5,1,1 gives a a b a c a a
// rather than five in a row. A refused backend counts as absent from that pick: it neither gains nor pays, so the
// others keep their proportions (turning to the next in a fixed sequence would give its turns to its neighbour).
import type { BalancerFactory } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { scoresByIndex } from './scores-by-index.ts';

/** Weights are taken in millionths, so that credit is exact however long the balancer runs. */
const UNITS = 1_000_000;

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** Whole numbers in the proportion of the weights, as small as they get; each at least 1. */
function wholeWeights(weights: readonly number[]): number[] {
  const units = weights.map((weight) => Math.max(1, Math.round(weight * UNITS)));
  const divisor = units.reduce(greatestCommonDivisor, 0);
  return units.map((unit) => unit / divisor);
}

/**
 * Exact proportions over any run of Σw picks (whole weights in lowest terms). O(n) a pick, like nginx.
 * Score: credit at the next pick in units of the sum of weights; the highest is next.
 */
export const weightedRoundRobin: BalancerFactory = (backends, _parameters, random) => {
  const eligible = eligibleBackends(backends);
  const count = eligible.length;
  const weights = Float64Array.from(wholeWeights(eligible.map(({ weight }) => weight)));
  const totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
  const credit = new Float64Array(count);

  const gain = (refused: Uint8Array | null, sign: 1 | -1): void => {
    for (let i = 0; i < count; i++) {
      if (!refused?.[i]) credit[i] = (credit[i] as number) + sign * (weights[i] as number);
    }
  };
  const richest = (refused: Uint8Array | null): number => {
    let best = -1;
    for (let i = 0; i < count; i++) {
      if (refused?.[i]) continue;
      if (best < 0 || (credit[i] as number) > (credit[best] as number)) best = i;
    }
    return best;
  };
  const pay = (backend: number, amount: number): void => {
    credit[backend] = (credit[backend] as number) - amount;
  };

  // Anywhere in the cycle, or every new isolate would begin with the heaviest. Beyond two picks a backend the start
  // is random enough, and building stays cheap.
  const skip = Math.floor(random.next() * Math.min(totalWeight, 2 * count));
  for (let i = 0; i < skip; i++) {
    gain(null, 1);
    pay(richest(null), totalWeight);
  }

  return {
    type: 'weighted-round-robin',
    *order() {
      let refused: Uint8Array | null = null;
      let total = totalWeight;
      for (let left = count; left > 0; left--) {
        gain(refused, 1);
        const best = richest(refused);
        pay(best, total);
        yield (eligible[best] as (typeof eligible)[number]).index;
        // Asked on: this pick is made again as if that backend were not there.
        pay(best, -total);
        gain(refused, -1);
        refused ??= new Uint8Array(count);
        refused[best] = 1;
        total -= weights[best] as number;
      }
    },
    scores: () =>
      scoresByIndex(
        backends.length,
        eligible,
        (place) => ((credit[place] as number) + (weights[place] as number)) / totalWeight,
      ),
  };
};
