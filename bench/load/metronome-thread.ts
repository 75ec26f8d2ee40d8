// The thread of a metronome: waits for one due time after the other, and says so.
import { workerData } from 'node:worker_threads';
import { dueTimes } from './arrivals.ts';
import { countsIn, type MetronomeOrder, monotonicMs, startIn } from './metronome.ts';

/** Waiting is not exact to less, ms. */
const SOON_MS = 0.02;

const { shared, arrivals } = workerData as MetronomeOrder;
const counts = countsIn(shared);
const startAt = monotonicMs();
startIn(shared)[0] = startAt;
const isOver = () => Atomics.load(counts, 1) === 1;

for (const due of dueTimes(arrivals)) {
  let leftMs = startAt + due - monotonicMs();
  while (leftMs > SOON_MS && !isOver()) {
    Atomics.wait(counts, 1, 0, leftMs);
    leftMs = startAt + due - monotonicMs();
  }
  if (isOver()) break;
  Atomics.add(counts, 0, 1);
  Atomics.notify(counts, 0);
}
