// Simulated time: things happen in the order of their instants, and of their scheduling where those are equal. A binary
// heap of plain records; cancelled ones are skipped when their time comes.
import { must } from '../checks/violation.ts';

export interface Scheduled {
  readonly at: number;
  readonly order: number;
  /** null: cancelled. */
  run: (() => void) | null;
}

export class Scheduler {
  /** Epoch ms, not always whole. */
  now: number;
  /** How many things have happened. */
  events = 0;
  private readonly heap: Scheduled[] = [];
  private order = 0;

  constructor(startAt: number) {
    this.now = startAt;
  }

  /** Something that will happen, unless its `run` is set to null before. O(log n). */
  after(delayMs: number, run: () => void): Scheduled {
    const item: Scheduled = { at: this.now + (delayMs > 0 ? delayMs : 0), order: this.order++, run };
    this.push(item);
    return item;
  }

  /** How many things are still to happen, cancelled ones included. */
  get pending(): number {
    return this.heap.length;
  }

  /** Lets things happen until nothing is left, `until` says so, or the instant `endAt` has come. True: nothing is left. */
  run(until: () => boolean, endAt = Number.POSITIVE_INFINITY, eventsMax = 500_000): boolean {
    const last = this.events + eventsMax;
    while (!until()) {
      const next = this.heap[0];
      if (next === undefined) return true;
      if (next.at > endAt) {
        this.now = endAt;
        return false;
      }
      this.pop();
      if (next.run === null) continue;
      if (next.at > this.now) this.now = next.at;
      this.events += 1;
      must(this.events <= last, 'I13', () => `still busy after ${eventsMax} events`);
      next.run();
    }
    return false;
  }

  private push(item: Scheduled): void {
    const { heap } = this;
    let i = heap.length;
    heap.push(item);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] as Scheduled;
      if (!isBefore(item, above)) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = item;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop() as Scheduled;
    const size = heap.length;
    if (size === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && isBefore(heap[child + 1] as Scheduled, heap[child] as Scheduled)) child += 1;
      const least = heap[child] as Scheduled;
      if (!isBefore(least, last)) break;
      heap[i] = least;
      i = child;
    }
    heap[i] = last;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
