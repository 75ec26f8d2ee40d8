// Weighted choice in constant time: the alias method (Walker 1977, tables after Vose 1991). Every column is as tall
// as the average weight; a column that its own weight does not fill is topped up by one other entry, its alias.
// Rejected: a search over cumulative weights, O(log n).
import type { Random } from '../random.ts';

/** Draws from 0 to n − 1 in proportion to `weights` (above 0, at least one). Build O(n), draw O(1) with one number. */
export function aliasTable(weights: readonly number[]): (random: Random) => number {
  const count = weights.length;
  const average = weights.reduce((sum, weight) => sum + weight, 0) / count;
  const heights = weights.map((weight) => weight / average);
  // Of each column: below which height it is its own, and whose it is above.
  const own = new Float64Array(count).fill(1);
  const alias = Uint32Array.from(weights.keys());

  const short: number[] = [];
  const tall: number[] = [];
  for (const [i, height] of heights.entries()) (height < 1 ? short : tall).push(i);
  for (;;) {
    const giver = tall.at(-1);
    const taker = giver === undefined ? undefined : short.pop();
    // What is left over on either side is full but for rounding.
    if (giver === undefined || taker === undefined) break;
    own[taker] = heights[taker] as number;
    alias[taker] = giver;
    const left = (heights[giver] as number) - (1 - (heights[taker] as number));
    heights[giver] = left;
    if (left < 1) {
      tall.pop();
      short.push(giver);
    }
  }

  return (random) => {
    const place = random.next() * count;
    const column = Math.floor(place);
    return place - column < (own[column] as number) ? column : (alias[column] as number);
  };
}
