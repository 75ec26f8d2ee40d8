// SIEVE (Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024, §3, Algorithm 1): a queue that is never reordered, and a
// hand that goes from the oldest to the newest, spares what was used since it last passed, and evicts what was not.
// New entries so meet the hand soon, old popular ones are sorted out of its way.
import type { EvictionPolicy } from './policy.ts';
import { grown, NONE, SlotLists } from './slot-lists.ts';

export class Sieve implements EvictionPolicy {
  readonly remembered = 0;
  readonly #queue = new SlotLists(1);
  #used = new Uint8Array(0);
  /** Where the hand goes on; NONE = at the oldest. */
  #hand = NONE;

  grow(slots: number): void {
    this.#queue.grow(slots);
    this.#used = grown(this.#used, slots);
  }

  insert(slot: number): void {
    this.#used[slot] = 0;
    this.#queue.push(0, slot);
  }

  access(slot: number): void {
    this.#used[slot] = 1;
  }

  remove(slot: number): void {
    if (this.#hand === slot) this.#hand = this.#queue.after(slot);
    this.#queue.remove(0, slot);
  }

  victim(): number {
    let at = this.#hand === NONE ? this.#queue.head(0) : this.#hand;
    while (at !== NONE && this.#used[at] === 1) {
      this.#used[at] = 0;
      at = this.#queue.after(at);
      if (at === NONE) at = this.#queue.head(0);
    }
    if (at === NONE) return NONE;
    this.#hand = this.#queue.after(at);
    this.#queue.remove(0, at);
    return at;
  }
}
