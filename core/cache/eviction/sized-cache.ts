// A table bounded by bytes, in memory: what an isolate keeps, and what the lab measures policies with. It never holds
// more than it may, not even for a moment.
import type { EvictionPolicy } from './policy.ts';

const SLOTS_MIN = 64;

export class SizedCache<V> {
  readonly bytesMax: number;
  readonly #policy: EvictionPolicy;
  readonly #slots = new Map<string, number>();
  /** By slot. */
  readonly #keys: string[] = [];
  readonly #values: (V | undefined)[] = [];
  #sizes = new Float64Array(0);
  readonly #free: number[] = [];
  #bytes = 0;

  constructor(bytesMax: number, policy: EvictionPolicy) {
    this.bytesMax = bytesMax;
    this.#policy = policy;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#slots.size;
  }

  /** Counts as a use. O(1). */
  get(key: string): V | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    this.#policy.access(slot);
    return this.#values[slot];
  }

  /** Does not count as a use. */
  has(key: string): boolean {
    return this.#slots.has(key);
  }

  /**
   * False: it is larger than the whole cache; then what was there under the key is gone as well.
   * @param bytes an integer, at least 1
   */
  set(key: string, value: V, bytes: number): boolean {
    const known = this.#slots.get(key);
    if (known !== undefined) {
      if (this.#sizes[known] === bytes) {
        this.#values[known] = value;
        this.#policy.access(known);
        return true;
      }
      this.delete(key);
    }
    if (bytes > this.bytesMax) return false;
    while (this.#bytes + bytes > this.bytesMax) this.#evict();
    const slot = this.#free.pop() ?? this.#newSlot();
    this.#keys[slot] = key;
    this.#values[slot] = value;
    this.#sizes[slot] = bytes;
    this.#bytes += bytes;
    this.#slots.set(key, slot);
    this.#policy.insert(slot, key, bytes);
    return true;
  }

  delete(key: string): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return false;
    this.#policy.remove(slot);
    this.#release(slot);
    return true;
  }

  /** Takes out the entry that should go next, as if room had to be made; null when there is none. */
  takeVictim(): { readonly key: string; readonly value: V; readonly bytes: number } | null {
    const slot = this.#policy.victim();
    if (slot < 0) return null;
    const victim = {
      key: this.#keys[slot] as string,
      value: this.#values[slot] as V,
      bytes: this.#sizes[slot] as number,
    };
    this.#release(slot);
    return victim;
  }

  #evict(): void {
    const slot = this.#policy.victim();
    if (slot < 0) throw new Error(`Cannot make room: ${this.#bytes} bytes are held, none may go`);
    this.#release(slot);
  }

  #release(slot: number): void {
    this.#slots.delete(this.#keys[slot] as string);
    this.#values[slot] = undefined;
    this.#bytes -= this.#sizes[slot] as number;
    this.#free.push(slot);
  }

  #newSlot(): number {
    const slot = this.#keys.length;
    this.#keys.push('');
    this.#values.push(undefined);
    if (slot >= this.#sizes.length) {
      const length = Math.max(SLOTS_MIN, 2 * slot);
      const larger = new Float64Array(length);
      larger.set(this.#sizes);
      this.#sizes = larger;
      this.#policy.grow(length);
    }
    return slot;
  }
}
