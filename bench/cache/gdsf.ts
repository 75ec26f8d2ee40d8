// Greedy-dual by size and frequency as its paper has it (Cherkasova 1998, §3; cost 1): valued anew with every use, in a
// heap, O(log n). What the product's policy is measured against where sizes differ.
import type { EvictionPolicy } from '../../core/cache/eviction/policy.ts';
import { PriorityHeap } from './priority-heap.ts';

export class Gdsf implements EvictionPolicy {
  readonly remembered = 0;
  readonly #heap = new PriorityHeap();
  readonly #uses: number[] = [];
  readonly #bytes: number[] = [];
  #age = 0;

  grow(): void {}

  insert(slot: number, _: string, bytes: number): void {
    this.#uses[slot] = 0;
    this.#bytes[slot] = bytes;
    this.access(slot);
  }

  access(slot: number): void {
    const uses = (this.#uses[slot] ?? 0) + 1;
    this.#uses[slot] = uses;
    this.#heap.set(slot, this.#age + uses / (this.#bytes[slot] ?? 1));
  }

  remove(slot: number): void {
    this.#heap.delete(slot);
  }

  victim(): number {
    const least = this.#heap.shift();
    if (least === null) return -1;
    this.#age = least.priority;
    return least.item;
  }
}
