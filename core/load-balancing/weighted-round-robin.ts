// Smooth weighted round robin, after nginx (commit 52327e0627f4, 2012): each pick every backend gains its weight in
// credit, the one with the most is taken and pays the sum of all weights. A refused backend counts as absent from
// that pick: it neither gains nor pays, so the others keep their proportions (turning to the next in a fixed sequence
// would give its turns to its neighbour). Smoother than nginx in two ways: credits begin staggered rather than all at
// zero, where equal weights fall into step (5,1,1 then has runs of four, here three); and a backend with at most half
// of the weight is never taken twice in a row (nginx turns 2,1,1 round as a b c a).
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

/** Picks made while building, times backends: about 0.2 ms. */
const WARM_UP_STEPS = 65_536;

/**
 * Exact proportions over Σw picks (whole weights in lowest terms). O(n) a pick, like nginx.
 * Score: credit at the next pick in units of the sum of weights; the highest is next.
 */
export const weightedRoundRobin: BalancerFactory = (backends, _parameters, random) => {
  const eligible = eligibleBackends(backends);
  const count = eligible.length;
  const whole = wholeWeights(eligible.map(({ weight }) => weight));
  // In n-ths, so that the staggered start is whole too.
  const weights = Float64Array.from(whole, (weight) => weight * count);
  const totalWeight = weights.reduce((sum, weight) => sum + weight, 0);
  const credit = new Float64Array(count);
  const heaviestFirst = [...whole.keys()].sort((a, b) => (whole[b] as number) - (whole[a] as number));
  for (const [rank, backend] of heaviestFirst.entries()) credit[backend] = (-rank * totalWeight) / count;
  let last = -1;

  /** One pick among those not refused, whose weights add up to `total`. */
  const take = (refused: Uint8Array | null, total: number): number => {
    let best = -1;
    for (let i = 0; i < count; i++) {
      if (refused?.[i]) continue;
      const weight = weights[i] as number;
      credit[i] = (credit[i] as number) + weight;
      if (i === last && 2 * weight <= total) continue;
      if (best < 0 || (credit[i] as number) > (credit[best] as number)) best = i;
    }
    credit[best] = (credit[best] as number) - total;
    return best;
  };
  const takeBack = (best: number, refused: Uint8Array | null, total: number): void => {
    credit[best] = (credit[best] as number) + total;
    for (let i = 0; i < count; i++) {
      if (!refused?.[i]) credit[i] = (credit[i] as number) - (weights[i] as number);
    }
  };

  // Once round, which settles the start, and then to anywhere in the cycle, or every new isolate would begin with
  // the heaviest; or as far as is cheap.
  const cycle = Math.min(totalWeight / Math.max(1, count), Math.ceil(WARM_UP_STEPS / Math.max(1, count)));
  const warmUp = count === 0 ? 0 : cycle + Math.floor(random.next() * cycle);
  for (let i = 0; i < warmUp; i++) last = take(null, totalWeight);

  return {
    type: 'weighted-round-robin',
    *order() {
      const lastBefore = last;
      let refused: Uint8Array | null = null;
      let total = totalWeight;
      for (let left = count; left > 0; left--) {
        const best = take(refused, total);
        last = best;
        yield (eligible[best] as (typeof eligible)[number]).index;
        // Asked on: this pick is made again as if that backend were not there.
        last = lastBefore;
        takeBack(best, refused, total);
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
