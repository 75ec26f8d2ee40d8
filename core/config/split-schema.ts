// How a route's traffic is divided between pools, as configured.
import { z } from 'zod';
import { isJsonObject, member } from './json.ts';
import { poolName } from './names.ts';
import type { Path, Refuse } from './refuse.ts';

const PERCENT = 100;
/** Of sums of percentages such as 33.3 + 33.3 + 33.4. */
const ROUNDING = 1e-9;

export const splitSchema = z
  .array(
    z.strictObject({
      pool: poolName,
      weight: z.number().min(0).max(PERCENT).describe('Percent of the keys; of their sum without `pool`.'),
    }),
  )
  .min(1)
  .max(100)
  .describe(
    "Pools that share the traffic, together at most 100 %; the route's `pool` takes what is left. A key stays with " +
      "its pool: the key is what the first listed pool's `strategy.key` says, whatever that strategy's type; a request " +
      'without one goes to a random pool. On a route with a cache, what is stored answers whatever pool it came from.',
  );

/** `path` leads to the route. */
export function refuseImpossibleSplit(route: unknown, path: Path, refuse: Refuse): void {
  if (!isJsonObject(route)) return;
  const split = member(route, 'split');
  const hasPool = member(route, 'pool') !== undefined;
  if (split === undefined && !hasPool) refuse([...path, 'pool'], 'required');
  if (!Array.isArray(split)) return;
  const ofSplit = [...path, 'split'];
  const weights = split.map((part: unknown) => member(part, 'weight'));
  const sum = weights.reduce<number>((so, weight) => so + (typeof weight === 'number' ? weight : 0), 0);
  if (sum > PERCENT + ROUNDING) refuse(ofSplit, `must add up to at most ${PERCENT} %, not ${sum}`);
  if (!hasPool && split.length > 0 && weights.every((weight) => weight === 0)) {
    refuse(ofSplit, 'must give some pool more than 0 %, or leave the rest to `pool`');
  }
  const seen = new Set<unknown>();
  split.forEach((part: unknown, index) => {
    const pool = member(part, 'pool');
    if (typeof pool === 'string' && seen.has(pool)) refuse([...ofSplit, index, 'pool'], 'must be named once');
    seen.add(pool);
  });
}
