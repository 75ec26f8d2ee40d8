// Measuring one contender with one set of members: shares against fair shares, keys that move, time and memory.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Member } from '../workload.ts';
import type { Built, Contender } from './contender.ts';

export interface Spread {
  /** Largest and smallest share against that member's fair share. */
  readonly max: number;
  readonly min: number;
  /** Standard deviation of these ratios. */
  readonly deviation: number;
}

/** Member of each key, or of each request where keys are not pinned. */
export function ownersOf(built: Built, keys: readonly string[]): Uint32Array {
  const owners = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) owners[i] = built.locate(keys[i] ?? '');
  return owners;
}

/** Share of each member of the traffic; `popularity` is by key, together 1. */
export function loadOf(owners: Uint32Array, memberCount: number, popularity: Float64Array): number[] {
  const load = new Array<number>(memberCount).fill(0);
  for (const [i, member] of owners.entries()) load[member] = (load[member] ?? 0) + (popularity[i] ?? 0);
  return load;
}

export function spreadOf(
  contender: Contender,
  members: readonly Member[],
  shares: readonly number[],
): Spread {
  const total = members.reduce((sum, { weight }) => sum + (contender.weighted ? weight : 1), 0);
  const ratios = members.map(
    ({ weight }, i) => ((shares[i] ?? 0) * total) / (contender.weighted ? weight : 1),
  );
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  const variance = ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0) / ratios.length;
  return { max: Math.max(...ratios), min: Math.min(...ratios), deviation: Math.sqrt(variance) };
}

export interface Movement {
  /** 0–1: keys that go elsewhere after the change. */
  readonly moved: number;
  /** 0–1: as few as can be: the share that the member which comes or goes has, by weight. */
  readonly ideal: number;
  /** 0–1: keys that moved though the member that came or went was neither where they were nor where they go. */
  readonly needless: number;
}

/**
 * What moves when the last of `members` leaves, by the owners of the same keys with and without it; read backwards,
 * what moves when it comes.
 */
export function movementOf(
  members: readonly Member[],
  ownersWith: Uint32Array,
  ownersWithout: Uint32Array,
): Movement {
  const last = members.length - 1;
  const count = Math.min(ownersWith.length, ownersWithout.length);
  let moved = 0;
  let needless = 0;
  for (let i = 0; i < count; i++) {
    if (ownersWith[i] === ownersWithout[i]) continue;
    moved++;
    if (ownersWith[i] !== last) needless++;
  }
  const total = members.reduce((sum, { weight }) => sum + weight, 0);
  return {
    moved: moved / count,
    ideal: (members[last]?.weight ?? 0) / total,
    needless: needless / count,
  };
}

/**
 * Best of several timings of each piece of work, ms: what it costs when nothing else disturbs it. The pieces take
 * turns, so that a slow spell of the machine falls on all of them and their ratios hold.
 */
export function bestsMs(works: readonly (() => unknown)[], budgetMs: number, roundsMin = 3): number[] {
  const bests = works.map(() => Number.POSITIVE_INFINITY);
  const end = performance.now() + budgetMs;
  for (let round = 0; round < roundsMin || performance.now() < end; round++) {
    for (const [i, work] of works.entries()) {
      const start = performance.now();
      sink = work();
      bests[i] = Math.min(bests[i] ?? 0, performance.now() - start);
    }
  }
  return bests;
}

export function bestMs(work: () => unknown, budgetMs: number, roundsMin = 3): number {
  return bestsMs([work], budgetMs, roundsMin)[0] ?? 0;
}

/** Keeps results reachable, so that the engine cannot leave out the work. */
export let sink: unknown = null;

/** Time of one pick over all keys, ns. */
export function pickNs(built: Built, keys: readonly string[], budgetMs: number): number {
  const round = () => {
    let last: unknown;
    for (const key of keys) last = built.pick(key);
    return last;
  };
  return (bestMs(round, budgetMs, 2) * 1e6) / keys.length;
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function usedBytes(quick: boolean): number {
  collectGarbage();
  // The first run leaves behind what it only just found unreachable.
  if (!quick) collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What `make` made, the time it took, and the memory that the result holds, to within some KB (`quick`: some more). */
export function weigh<T>(
  make: () => T,
  quick = false,
): { readonly made: T; readonly ms: number; readonly bytes: number } {
  sink = null;
  const before = usedBytes(quick);
  const start = performance.now();
  const made = make();
  const ms = performance.now() - start;
  sink = made;
  return { made, ms, bytes: Math.max(0, usedBytes(quick) - before) };
}
