// Smooth weighted round robin, after nginx (commit 52327e0627f4, 2012): each pick every backend gains its weight in
// credit, the one with the most is taken and pays the sum of all weights. A refused backend counts as absent from
// that pick and from as many more as lie between two of its turns: it neither gains nor pays, so the others keep their
// proportions (turning to the next in a fixed sequence would give its turns to its neighbour). Asked at every pick
// instead, one that comes back would have the next turn of every isolate at once: of a thousand, all in a second.
// Smoother than nginx in two ways: credits begin staggered rather than all at zero, where equal weights fall into step
// (5,1,1 then has runs of four, here three); and a backend with at most half of the weight is never taken twice in a row
// (nginx turns 2,1,1 round as a b c a).
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

/** More than credits differ by, in units of the sum of weights. */
const AWAY = 1_000;

/** Picks made while building, times backends: about 0.2 ms. */
const WARM_UP_STEPS = 65_536;

/**
 * Exact proportions over Σw picks (whole weights in lowest terms). O(n) a pick, like nginx.
 * Score: credit at the next pick in units of the sum of weights, those that are left out of it far below; the highest is
 * next.
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

  const weightWithout = (refused: Uint8Array | null): number =>
    refused === null ? totalWeight : weights.reduce((sum, weight, i) => (refused[i] ? sum : sum + weight), 0);

  // For how many picks each is still left out, after it was refused.
  const away = new Float64Array(count);
  let awayCount = 0;
  /** Those that are left out of a pick; null without any. */
  const leaveAway = (): Uint8Array | null => {
    if (awayCount === 0) return null;
    const out = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      if (away[i] === 0) continue;
      away[i] = (away[i] as number) - 1;
      if (away[i] === 0) awayCount--;
      else out[i] = 1;
    }
    return out;
  };

  return {
    type: 'weighted-round-robin',
    *order(_key, _pool, isLastResort = false) {
      const lastBefore = last;
      const awayBefore = awayCount === 0 ? null : away.slice();
      const awayCountBefore = awayCount;
      let refused = isLastResort ? null : leaveAway();
      let total = weightWithout(refused);
      let asked: Uint8Array | null = null;
      for (let left = count; left > 0; left--) {
        if (total <= 0 && refused) {
          // Nobody is left but those that were left out.
          refused = asked ? asked.slice() : null;
          total = weightWithout(refused);
        }
        const best = take(refused, total);
        last = best;
        yield (eligible[best] as (typeof eligible)[number]).index;
        // Asked on: this pick is made again as if that backend were not there.
        last = lastBefore;
        takeBack(best, refused, total);
        asked ??= new Uint8Array(count);
        asked[best] = 1;
        refused ??= new Uint8Array(count);
        refused[best] = 1;
        total -= weights[best] as number;
        if (away[best] === 0) awayCount++;
        away[best] = Math.round(totalWeight / (weights[best] as number));
      }
      // All refused: nobody has had a turn.
      if (awayBefore) away.set(awayBefore);
      else away.fill(0);
      awayCount = awayCountBefore;
    },
    scores: () =>
      scoresByIndex(
        backends.length,
        eligible,
        (place) =>
          ((credit[place] as number) + (weights[place] as number)) / totalWeight -
          ((away[place] as number) > 1 ? AWAY : 0),
      ),
  };
};
