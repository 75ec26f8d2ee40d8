// What ends next: a binary heap of instants in typed arrays, each with the number of what ends then. No object is made
// while a simulation runs.

export class EventHeap {
  #times = new Float64Array(1024);
  #items = new Int32Array(1024);
  #size = 0;

  /** Infinity when nothing is left. */
  get nextAt(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  /** @param item an integer of 32 bits. O(log n). */
  push(time: number, item: number): void {
    if (this.#size === this.#times.length) this.#grow();
    const times = this.#times;
    const items = this.#items;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentTime = times[parent] as number;
      if (parentTime <= time) break;
      times[at] = parentTime;
      items[at] = items[parent] as number;
      at = parent;
    }
    times[at] = time;
    items[at] = item;
  }

  /** The item of `nextAt`; −1 when nothing is left. O(log n). */
  pop(): number {
    if (this.#size === 0) return -1;
    const times = this.#times;
    const items = this.#items;
    const first = items[0] as number;
    const size = --this.#size;
    const time = times[size] as number;
    const item = items[size] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && (times[child + 1] as number) < (times[child] as number)) child++;
      const childTime = times[child] as number;
      if (childTime >= time) break;
      times[at] = childTime;
      items[at] = items[child] as number;
      at = child;
    }
    times[at] = time;
    items[at] = item;
    return first;
  }

  #grow(): void {
    const times = new Float64Array(2 * this.#size);
    const items = new Int32Array(2 * this.#size);
    times.set(this.#times);
    items.set(this.#items);
    this.#times = times;
    this.#items = items;
  }
}
