// What spreading hot keys does to the busiest backend, and what it costs: keys that several backends hold.
import type { Balancer } from '../../core/load-balancing/balancer.ts';
import { createBalancer } from '../../core/load-balancing/create-balancer.ts';
import { spreadHotKeys } from '../../core/load-balancing/hot-keys.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import { type NumberRow, row } from '../number-row.ts';
import { makeKeys, makeMembers, zipf } from '../workload.ts';

const BACKENDS = 100;
const KEYS = 65_536;
const ZIPF_EXPONENT = 0.99;
const MAX_SHARE = 1.25;
/** Of the requests, at the beginning: it is to be learnt which keys are hot. */
const WARM_UP_RATIO = 0.2;
const PICK_NS_MAX = 1_000;
const IDLE = { inFlight: () => 0 };

export interface Spreading {
  /** Requests of the busiest backend against the average. */
  readonly maxShare: number;
  /** Pairs of a key and a backend beyond one for each key, of the keys that were asked for: 0–1 and more. */
  readonly extraCopies: number;
}

/** Draws keys by Zipf 0.99: their numbers. */
function drawing(random: Random): () => number {
  const sums = zipf(KEYS, ZIPF_EXPONENT);
  for (let i = 1; i < KEYS; i++) sums[i] = (sums[i] as number) + (sums[i - 1] as number);
  return () => {
    const wanted = random.next();
    let low = 0;
    let high = KEYS - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] as number) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Requests by Zipf 0.99, each picked in turn. */
export function measureSpreading(balancer: Balancer, requests: number, random: Random): Spreading {
  const keys = makeKeys(KEYS, random);
  const draw = drawing(random);
  const counts = new Float64Array(BACKENDS);
  const copies = new Set<number>();
  const asked = new Set<number>();
  const warmUp = requests * WARM_UP_RATIO;
  for (let i = 0; i < requests; i++) {
    const key = draw();
    for (const backend of balancer.order(keys[key] as string, IDLE)) {
      if (i >= warmUp) counts[backend] = (counts[backend] as number) + 1;
      copies.add(key * BACKENDS + backend);
      asked.add(key);
      break;
    }
  }
  const average = counts.reduce((sum, count) => sum + count, 0) / BACKENDS;
  return { maxShare: Math.max(...counts) / average, extraCopies: copies.size / asked.size - 1 };
}

/** Processor time of a pick, ns, once it is known which keys are hot. */
function pickNanos(balancer: Balancer, requests: number, random: Random): number {
  const keys = makeKeys(KEYS, random);
  const draw = drawing(random);
  const asked = Array.from({ length: requests }, () => keys[draw()] as string);
  const pick = (key: string): void => {
    for (const _ of balancer.order(key, IDLE)) break;
  };
  asked.forEach(pick);
  const before = process.cpuUsage();
  asked.forEach(pick);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1_000) / requests;
}

export function hotKeyNumbers(quick: boolean, seed: number): NumberRow[] {
  const members = makeMembers(BACKENDS, [1]);
  const parameters = { type: 'consistent-hash', maxShare: 1.1, hashSeed: 0 };
  const make = () => createBalancer(parameters, members, seededRandom(seed));
  const requests = quick ? 100_000 : 500_000;
  const plain = measureSpreading(make(), requests, seededRandom(seed));
  const spread = measureSpreading(spreadHotKeys(make(), members, MAX_SHARE), requests, seededRandom(seed));
  const what = `Zipf ${ZIPF_EXPONENT}, ${BACKENDS} backends`;
  return [
    row(`ring: busiest backend, ${what}`, plain.maxShare, '×'),
    row(`ring: the same with hotKeys.maxShare ${MAX_SHARE}`, spread.maxShare, '×', '≤', 1.3),
    row('ring: keys held twice for it, of all', spread.extraCopies, 'ratio', '≤', 0.02),
    row(
      'ring: a pick with it',
      pickNanos(spreadHotKeys(make(), members, MAX_SHARE), requests, seededRandom(seed)),
      'ns',
      '≤',
      PICK_NS_MAX,
    ),
  ];
}
