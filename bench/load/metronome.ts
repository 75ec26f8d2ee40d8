// Wakes this thread when requests are due. A thread of its own waits for each due time: timers of the event loop count
// whole milliseconds, which is more than the servers that are measured take to answer.
import { Worker } from 'node:worker_threads';
import type { Arrivals } from './arrivals.ts';

/** One clock for all threads, ms. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}

export interface MetronomeOrder {
  /** See `countsIn`, `startIn`. */
  readonly shared: SharedArrayBuffer;
  readonly arrivals: Arrivals;
}

/** How many are due, and 1 when it is over. */
export const countsIn = (shared: SharedArrayBuffer) => new Int32Array(shared, 0, 2);
/** By `monotonicMs`, written before the first is due: due times count from it. */
export const startIn = (shared: SharedArrayBuffer) => new Float64Array(shared, 8, 1);

export interface Metronome {
  /** Tells of what is due by now, and of nothing more. */
  stop(): void;
}

/** Calls `onDue` soon after each arrival: `count` are due so far, their times counting from `startAt` (`monotonicMs`). */
export function startMetronome(
  arrivals: Arrivals,
  onDue: (count: number, startAt: number) => void,
): Metronome {
  const shared = new SharedArrayBuffer(16);
  const counts = countsIn(shared);
  const start = startIn(shared);
  const workerData: MetronomeOrder = { shared, arrivals };
  const thread = new Worker(new URL('./metronome-thread.ts', import.meta.url), { workerData });
  // A thread that cannot go on must not look like a silent load.
  thread.on('error', (error) => {
    throw error;
  });
  let isOver = false;
  let seen = 0;
  /** False: there was nothing new. */
  const look = (): boolean => {
    const count = Atomics.load(counts, 0);
    if (count === seen) return false;
    seen = count;
    onDue(count, start[0] as number);
    return true;
  };
  const listen = async (): Promise<void> => {
    while (!isOver) {
      // Answers that have come meanwhile are read before the next arrivals are looked at.
      if (look()) await new Promise(setImmediate);
      else await Atomics.waitAsync(counts, 0, seen).value;
    }
  };
  void listen();
  return {
    stop() {
      isOver = true;
      look();
      Atomics.store(counts, 1, 1);
      Atomics.notify(counts, 1);
      // Ends the waiting of `listen` too.
      Atomics.notify(counts, 0);
    },
  };
}
