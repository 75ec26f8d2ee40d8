// One trace through one cache: what is not there is fetched and stored. The product's own table and policies, so that
// what is measured is what runs.
import type { PolicyMaker } from '../../core/cache/eviction/policy.ts';
import { SizedCache } from '../../core/cache/eviction/sized-cache.ts';
import type { Trace } from './trace.ts';

export interface Misses {
  /** 0–1: requests that were not answered from the cache. */
  readonly objectMissRatio: number;
  /** 0–1: the same, each request counting as its size. */
  readonly byteMissRatio: number;
}

export interface MissCounter {
  /** The request of this index missed. */
  miss(index: number): void;
  misses(): Misses;
}

export function missCounter({ sizes }: Trace): MissCounter {
  let objects = 0;
  let bytes = 0;
  return {
    miss(index) {
      objects += 1;
      bytes += sizes[index] as number;
    },
    misses: () => ({
      objectMissRatio: objects / sizes.length,
      byteMissRatio: bytes / sizes.reduce((sum, size) => sum + size, 0),
    }),
  };
}

export function simulate(make: PolicyMaker, trace: Trace, bytesMax: number): Misses {
  const { keys, requests, sizes } = trace;
  const cache = new SizedCache<true>(bytesMax, make(bytesMax));
  const counter = missCounter(trace);
  for (const [i, index] of requests.entries()) {
    const key = keys[index] as string;
    if (cache.get(key) !== undefined) continue;
    counter.miss(i);
    cache.set(key, true, sizes[i] as number);
  }
  return counter.misses();
}
