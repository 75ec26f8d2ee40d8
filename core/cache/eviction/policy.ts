// Which entry goes when space runs out. Entries stand in numbered slots, given out by whoever holds them: `SizedCache`
// in memory, a shard's Durable Object for its stored rows. A policy orders slots; it holds no keys and knows no bound.

export interface EvictionPolicy {
  /** Evicted entries that it can remember something of: at most a small multiple of the entries there were at once. */
  readonly remembered: number;
  /** Slots 0 to `slots` − 1 will be used; never fewer than before. */
  grow(slots: number): void;
  /** An entry comes into a free slot; room for it is made before. O(1). @param bytes an integer, at least 1 */
  insert(slot: number, key: string, bytes: number): void;
  /** The entry was used. O(1). */
  access(slot: number): void;
  /** The entry goes for another reason than space: nothing is remembered of it. O(1). */
  remove(slot: number): void;
  /**
   * Takes out the entry that should go next, and may remember it; -1 when there is none. O(1) amortized: each that it
   * passes over was used since it was passed over last.
   */
  victim(): number;
}

/** @param bytesMax the capacity, for policies that divide it */
export type PolicyMaker = (bytesMax: number) => EvictionPolicy;
