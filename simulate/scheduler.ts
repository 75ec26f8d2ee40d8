// Simulated time: things happen in the order of their instants, and of their scheduling where those are equal.

export type Kind = 'network' | 'timer' | 'alarm' | 'client' | 'fault';

interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly kind: Kind;
  readonly run: () => void;
}

export class Scheduler {
  now: number;
  private readonly heap: Scheduled[] = [];
  private readonly waiting = new Map<Kind, number>();
  private order = 0;

  constructor(startAt: number) {
    this.now = startAt;
  }

  after(delayMs: number, kind: Kind, run: () => void): void {
    this.waiting.set(kind, this.pending(kind) + 1);
    this.push({ at: this.now + Math.max(0, delayMs), order: this.order++, kind, run });
  }

  /** How many things of this kind are still to happen. */
  pending(kind: Kind): number {
    return this.waiting.get(kind) ?? 0;
  }

  /** Lets things happen until nothing is left or `until` says so; bounded, because a simulation must end. */
  run(until: () => boolean, eventsMax = 500_000): void {
    for (let events = 0; !until(); events++) {
      if (events >= eventsMax) throw new Error(`Still busy after ${eventsMax} events`);
      const next = this.pop();
      if (next === undefined) return;
      this.now = Math.max(this.now, next.at);
      this.waiting.set(next.kind, this.pending(next.kind) - 1);
      next.run();
    }
  }

  private push(item: Scheduled): void {
    const { heap } = this;
    let i = heap.push(item) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.swapIfLess(i, parent)) return;
      i = parent;
    }
  }

  private pop(): Scheduled | undefined {
    const { heap } = this;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    heap[0] = last;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      const least = left + 1 < heap.length && this.isLess(left + 1, left) ? left + 1 : left;
      if (least >= heap.length || !this.swapIfLess(least, i)) return top;
      i = least;
    }
  }

  private isLess(i: number, j: number): boolean {
    const [a, b] = [this.heap[i], this.heap[j]];
    if (a === undefined || b === undefined) return false;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  private swapIfLess(i: number, j: number): boolean {
    const [a, b] = [this.heap[i], this.heap[j]];
    if (a === undefined || b === undefined || !this.isLess(i, j)) return false;
    this.heap[i] = b;
    this.heap[j] = a;
    return true;
  }
}
