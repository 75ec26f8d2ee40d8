// Operations a second of the product's table beside the npm package lru-cache, bounded by bytes as well. Both take turns
// in short rounds, and what counts is this thread's processor time over all of them: so other work of the machine
// disturbs both alike, and little. Each has a loop of its own: one for both would be slower than either, and not by the same.
import { LRUCache } from 'lru-cache';
import { EVICTION_POLICIES } from '../../core/cache/eviction/policies.ts';
import { SizedCache } from '../../core/cache/eviction/sized-cache.ts';
import { seededRandom } from '../../core/random.ts';
import { makeKeys } from '../workload.ts';
import { type Capacity, capacityBytes } from './capacity.ts';
import type { Trace } from './trace.ts';

export interface SpeedRow {
  readonly trace: string;
  readonly capacity: string;
  /** Of processor time. A request is one operation: a get, and where that misses a set as well. */
  readonly roundelPerSecond: number;
  readonly lruCachePerSecond: number;
  readonly ratio: number;
}

const VALUE = {};
const WARM_UP_ROUNDS = 3;
const ROUNDS_MIN = 5;

/** Of this thread; exact to some ms only, so it is to be summed up. At least a microsecond. */
function processorMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return Math.max(user + system, 1) / 1000;
}

/** Each round goes through the trace once more, with what the round before left in the cache. */
export function measureSpeed(trace: Trace, capacity: Capacity, budgetMs: number): SpeedRow {
  const { requests, sizes, name } = trace;
  const bytesMax = capacityBytes(capacity, trace.distinctBytes);
  // Keys as long as addresses are, whatever the trace calls them.
  const distinct = makeKeys(trace.keys.length, seededRandom(1));
  const keys = Array.from(requests, (index) => distinct[index] as string);
  const count = keys.length;
  const own = new SizedCache<object>(bytesMax, EVICTION_POLICIES.roundel());
  const other = new LRUCache<string, object>({ maxSize: bytesMax });
  const ownRound = () => {
    for (let i = 0; i < count; i++) {
      const key = keys[i] as string;
      if (own.get(key) === undefined) own.set(key, VALUE, sizes[i] as number);
    }
  };
  const otherRound = () => {
    for (let i = 0; i < count; i++) {
      const key = keys[i] as string;
      if (other.get(key) === undefined) other.set(key, VALUE, { size: sizes[i] as number });
    }
  };
  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    ownRound();
    otherRound();
  }
  let ownMs = 0;
  let otherMs = 0;
  let rounds = 0;
  const end = performance.now() + budgetMs;
  for (; rounds < ROUNDS_MIN || performance.now() < end; rounds++) {
    ownMs += processorMs(ownRound);
    otherMs += processorMs(otherRound);
  }
  return {
    trace: name,
    capacity: capacity.text,
    roundelPerSecond: (1000 * count * rounds) / ownMs,
    lruCachePerSecond: (1000 * count * rounds) / otherMs,
    ratio: otherMs / ownMs,
  };
}
