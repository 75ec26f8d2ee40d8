// Made-up request sequences for when no trace is at hand, each the pure form of something that real ones mix: popularity
// alone, a scan through what nobody else wants, a loop, popularity that shifts, keys that come in bursts and then never
// again. Keys and sizes come from the seed alone.
import { type Random, seededRandom } from '../../core/random.ts';
import { zipf } from '../workload.ts';
import type { Trace } from './trace.ts';

const KEYS = 10_000;
const REQUESTS = 100_000;
const REQUESTS_QUICK = 20_000;

/** Draws indexes in proportion to their popularity. */
function draw(count: number, exponent: number, random: Random): () => number {
  const sums = zipf(count, exponent);
  for (let i = 1; i < count; i++) sums[i] = (sums[i] as number) + (sums[i - 1] as number);
  return () => {
    const wanted = random.next();
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** The key of each request, as a number, by its index; each knows its chance and its popular keys. */
const SEQUENCES: Readonly<Record<string, (random: Random, requests: number) => (i: number) => number>> = {
  zipf: (random) => draw(2 * KEYS, 0.9, random),
  scan: (random, requests) => {
    const popular = draw(KEYS, 0.9, random);
    return (i) => (i % (requests / 5) < requests / 7 ? popular() : KEYS + i);
  },
  loop: (random) => {
    const popular = draw(KEYS, 0.9, random);
    return (i) => (random.next() < 0.5 ? popular() : KEYS + (i % KEYS));
  },
  shift: (random, requests) => {
    const popular = draw(KEYS, 1, random);
    return (i) => (popular() * 7919 + Math.floor((10 * i) / requests) * 3571) % KEYS;
  },
  bursts: (random) => {
    const popular = draw(KEYS, 0.8, random);
    const recent: number[] = [];
    let last = KEYS;
    return () => {
      const chance = random.next();
      if (chance < 0.5) return popular();
      if (chance < 0.75) {
        recent[last % 300] = ++last;
        return last;
      }
      return recent[Math.floor(random.next() * recent.length)] ?? popular();
    };
  },
};

/** Bytes of an object: most are some KB, few are large (log-normal, median 8 KB). */
function sizeOf(random: Random): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  return Math.round(Math.max(100, Math.min(4e6, Math.exp(9 + 1.5 * normal))));
}

function makeTrace(name: string, key: (i: number) => number, requestCount: number, random: Random): Trace {
  const requests = new Uint32Array(requestCount);
  const sizes = new Float64Array(requestCount);
  const indexes = new Map<number, number>();
  const sizeByIndex: number[] = [];
  for (let i = 0; i < requestCount; i++) {
    const number = key(i);
    let index = indexes.get(number);
    if (index === undefined) {
      index = indexes.size;
      indexes.set(number, index);
      sizeByIndex.push(sizeOf(random));
    }
    requests[i] = index;
    sizes[i] = sizeByIndex[index] as number;
  }
  return {
    name: `synthetic-${name}`,
    keys: Array.from(indexes.keys(), (number) => `https://www.example.com/${number}`),
    requests,
    sizes,
    distinctBytes: sizeByIndex.reduce((sum, size) => sum + size, 0),
    isSized: true,
  };
}

/** Each twice: with sizes, and with one byte for each object, where only the choice of objects counts. */
export function syntheticTraces({ seed, quick }: { seed: number; quick: boolean }): Trace[] {
  const count = quick ? REQUESTS_QUICK : REQUESTS;
  return Object.entries(SEQUENCES).flatMap(([name, sequence]) => {
    const random = seededRandom(seed);
    const sized = makeTrace(name, sequence(random, count), count, random);
    const ones = sized.sizes.map(() => 1);
    const even: Trace = {
      ...sized,
      name: `${sized.name}-even`,
      sizes: ones,
      distinctBytes: sized.keys.length,
      isSized: false,
    };
    return [even, sized];
  });
}
