// Queues over numbered slots, each slot in one queue at most: every operation is O(1) and allocates nothing. Numbers in
// typed arrays lie close together and give the garbage collector nothing to follow. (A `Map` as a queue steps over the
// places of what was deleted: 2.5–6 µs for its first key among 10–25 thousand.)

export const NONE = -1;

export class SlotLists {
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;
  #next = new Int32Array(0);
  #prev = new Int32Array(0);

  constructor(lists: number) {
    this.#heads = new Int32Array(lists).fill(NONE);
    this.#tails = new Int32Array(lists).fill(NONE);
  }

  /** From now on slots 0 to `slots` − 1 may be used. */
  grow(slots: number): void {
    this.#next = grown(this.#next, slots);
    this.#prev = grown(this.#prev, slots);
  }

  /** The oldest of a queue, or NONE. */
  head(list: number): number {
    return this.#heads[list] as number;
  }

  /** The slot queued just after, or NONE. */
  after(slot: number): number {
    return this.#next[slot] as number;
  }

  /** The slot must be in no queue. */
  push(list: number, slot: number): void {
    const tail = this.#tails[list] as number;
    this.#prev[slot] = tail;
    this.#next[slot] = NONE;
    if (tail === NONE) this.#heads[list] = slot;
    else this.#next[tail] = slot;
    this.#tails[list] = slot;
  }

  /** The slot must be in this queue. */
  remove(list: number, slot: number): void {
    const next = this.#next[slot] as number;
    const prev = this.#prev[slot] as number;
    if (prev === NONE) this.#heads[list] = next;
    else this.#next[prev] = next;
    if (next === NONE) this.#tails[list] = prev;
    else this.#prev[next] = prev;
  }

  /** Takes the oldest out, or NONE. */
  shift(list: number): number {
    const head = this.#heads[list] as number;
    if (head !== NONE) this.remove(list, head);
    return head;
  }
}

/** The same numbers with room for more. */
export function grown<A extends Int32Array | Uint8Array | Float64Array>(array: A, length: number): A {
  const larger = new (array.constructor as new (length: number) => A)(length);
  larger.set(array);
  return larger;
}
