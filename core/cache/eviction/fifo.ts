// First in, first out: the policy that learns nothing from use. The measure of what learning is worth.
import type { EvictionPolicy } from './policy.ts';
import { SlotLists } from './slot-lists.ts';

export class Fifo implements EvictionPolicy {
  readonly remembered = 0;
  readonly #queue = new SlotLists(1);

  grow(slots: number): void {
    this.#queue.grow(slots);
  }

  insert(slot: number): void {
    this.#queue.push(0, slot);
  }

  access(_: number): void {}

  remove(slot: number): void {
    this.#queue.remove(0, slot);
  }

  victim(): number {
    return this.#queue.shift(0);
  }
}
