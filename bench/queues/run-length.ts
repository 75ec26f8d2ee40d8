// How long a run is. Queues forget slowly how long they were, the more so the nearer the load is to 1: what a run of a
// fixed number of requests says of high loads is mostly how it began.
import { BATCHES } from './measuring.ts';

export interface RunLength {
  /** Requests before anything counts. */
  readonly warmUp: number;
  /** Requests of each of the parts that tell how well p99 is known; they grow until it is known well enough. */
  readonly batch: number;
  /** Requests that count, at most. */
  readonly most: number;
  /** How often a story is told, where a workload has one. */
  readonly stories: number;
}

const MOST = 3_000_000;
const BATCH_LEAST = 20_000;
const STORIES = 10;

/** The relaxation time of M/M/1, (1 − √ρ)⁻² services, in requests to all backends. */
const memoryOf = (load: number, backends: number): number => (load * backends) / (1 - Math.sqrt(load)) ** 2;

/** @param requests exactly so many, a fifth of them before anything counts; null: until p99 is known */
export function runLength(load: number, backends: number, requests: number | null): RunLength {
  if (requests !== null) {
    const batch = Math.round((0.8 * requests) / BATCHES);
    return { warmUp: requests - BATCHES * batch, batch, most: BATCHES * batch, stories: 1 };
  }
  const memory = memoryOf(load, backends);
  return {
    warmUp: Math.round(Math.min(MOST / 2, 3 * memory)),
    batch: Math.round(Math.min(MOST / BATCHES, Math.max(BATCH_LEAST, memory))),
    most: MOST,
    stories: STORIES,
  };
}
