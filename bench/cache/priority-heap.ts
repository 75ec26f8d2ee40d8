// A binary heap of numbered items whose priorities may change: the least first. For policies that the lab compares with
// and that need an exact order.

export class PriorityHeap {
  readonly #items: number[] = [];
  readonly #priorities: number[] = [];
  /** By item: its place in the two above, or undefined. */
  readonly #places: (number | undefined)[] = [];

  /** Adds the item or changes its priority. O(log n). */
  set(item: number, priority: number): void {
    const place = this.#places[item] ?? this.#items.length;
    this.#put(place, item, priority);
    this.#sinkFrom(this.#riseFrom(place));
  }

  delete(item: number): void {
    const place = this.#places[item];
    if (place === undefined) return;
    this.#places[item] = undefined;
    const last = this.#items.pop() as number;
    const priority = this.#priorities.pop() as number;
    if (last === item) return;
    this.#put(place, last, priority);
    this.#sinkFrom(this.#riseFrom(place));
  }

  /** Takes the least out. */
  shift(): { readonly item: number; readonly priority: number } | null {
    const [item] = this.#items;
    const [priority] = this.#priorities;
    if (item === undefined || priority === undefined) return null;
    this.delete(item);
    return { item, priority };
  }

  #riseFrom(start: number): number {
    let place = start;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if ((this.#priorities[parent] as number) <= (this.#priorities[place] as number)) break;
      this.#swap(place, parent);
      place = parent;
    }
    return place;
  }

  #sinkFrom(start: number): void {
    let place = start;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= this.#items.length) return;
      const right = left + 1;
      const isRight =
        right < this.#items.length &&
        (this.#priorities[right] as number) < (this.#priorities[left] as number);
      const child = isRight ? right : left;
      if ((this.#priorities[place] as number) <= (this.#priorities[child] as number)) return;
      this.#swap(place, child);
      place = child;
    }
  }

  #swap(a: number, b: number): void {
    const item = this.#items[a] as number;
    const priority = this.#priorities[a] as number;
    this.#put(a, this.#items[b] as number, this.#priorities[b] as number);
    this.#put(b, item, priority);
  }

  #put(place: number, item: number, priority: number): void {
    this.#items[place] = item;
    this.#priorities[place] = priority;
    this.#places[item] = place;
  }
}
