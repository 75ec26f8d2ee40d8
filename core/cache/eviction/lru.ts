// Least recently used: what was not used for longest goes. One scan of new keys empties it of everything else.
import type { EvictionPolicy } from './policy.ts';
import { SlotLists } from './slot-lists.ts';

export class Lru implements EvictionPolicy {
  readonly remembered = 0;
  readonly #queue = new SlotLists(1);

  grow(slots: number): void {
    this.#queue.grow(slots);
  }

  insert(slot: number): void {
    this.#queue.push(0, slot);
  }

  access(slot: number): void {
    this.#queue.remove(0, slot);
    this.#queue.push(0, slot);
  }

  remove(slot: number): void {
    this.#queue.remove(0, slot);
  }

  victim(): number {
    return this.#queue.shift(0);
  }
}
