// The cache lab: which share of requests, and of bytes, each eviction policy misses, on traces of the caller's or made
// up, beside the best that can be; and how fast the product's table is.
import { EVICTION_POLICIES } from '../../core/cache/eviction/policies.ts';
import { describeEnvironment, type Environment } from '../environment.ts';
import type { NumberRow } from '../number-row.ts';
import { simulateBelady } from './belady.ts';
import { cacheNumbers } from './cache-numbers.ts';
import { type Capacity, capacityBytes } from './capacity.ts';
import { Gdsf } from './gdsf.ts';
import { type Misses, simulate } from './simulate.ts';
import { measureSpeed, type SpeedRow } from './speed.ts';
import { syntheticTraces } from './synthetic-traces.ts';
import type { Trace } from './trace.ts';

type Simulation = (trace: Trace, bytesMax: number) => Misses;

const simulations: [string, Simulation][] = Object.entries(EVICTION_POLICIES).map(([name, make]) => [
  name,
  (trace, bytesMax) => simulate(make, trace, bytesMax),
]);

/** By name, the product's default first. */
export const CONTENDERS: ReadonlyMap<string, Simulation> = new Map<string, Simulation>([
  ...simulations,
  ['gdsf', (trace, bytesMax) => simulate(() => new Gdsf(), trace, bytesMax)],
  ['belady', simulateBelady],
]);

export interface CacheOptions {
  readonly quick: boolean;
  readonly seed: number;
  /** Empty: made-up ones. */
  readonly traces: readonly Trace[];
  readonly capacities: readonly Capacity[];
  /** Names of CONTENDERS. */
  readonly policies: readonly string[];
  /** One line each. */
  readonly progress: (line: string) => void;
}

export interface CacheRow extends Misses {
  readonly policy: string;
  readonly trace: string;
  /** As asked for: `10%`. */
  readonly capacity: string;
}

export interface CacheReport {
  readonly lab: 'cache';
  readonly environment: Environment;
  readonly traces: readonly {
    readonly trace: string;
    readonly requests: number;
    readonly objects: number;
    readonly distinctBytes: number;
  }[];
  readonly results: readonly CacheRow[];
  readonly speed: readonly SpeedRow[];
  readonly numbers: readonly NumberRow[];
}

const ALL_HELD: Capacity = { text: '100%', share: 1 };

export function runCache(options: CacheOptions): CacheReport {
  const { quick, seed, capacities, policies, progress } = options;
  const isMadeUp = options.traces.length === 0;
  const traces = isMadeUp ? syntheticTraces({ seed, quick }) : options.traces;
  const speed: SpeedRow[] = [];
  // First: while no other policy has run, the engine knows but one, as in the product.
  for (const trace of isMadeUp ? traces.slice(0, 2) : traces) {
    for (const capacity of [...capacities, ALL_HELD]) {
      progress(`cache: speed, ${trace.name}, capacity ${capacity.text}`);
      speed.push(measureSpeed(trace, capacity, quick ? 200 : 1000));
    }
  }
  const results: CacheRow[] = [];
  for (const trace of traces) {
    progress(`cache: ${trace.name}`);
    for (const capacity of capacities) {
      const bytesMax = capacityBytes(capacity, trace.distinctBytes);
      for (const policy of policies) {
        const misses = CONTENDERS.get(policy)?.(trace, bytesMax);
        if (misses !== undefined)
          results.push({ policy, trace: trace.name, capacity: capacity.text, ...misses });
      }
    }
  }
  return {
    lab: 'cache',
    environment: describeEnvironment({ seed, quick }, ['lru-cache']),
    traces: traces.map(({ name, requests, keys, distinctBytes }) => ({
      trace: name,
      requests: requests.length,
      objects: keys.length,
      distinctBytes,
    })),
    results,
    speed,
    numbers: cacheNumbers({ results, speed, traces, haveGoals: !isMadeUp }),
  };
}
