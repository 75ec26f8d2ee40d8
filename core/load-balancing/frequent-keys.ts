// Which keys are asked for most, in fixed memory: the summary of Misra and Gries (1982), which is that of "space saving"
// (Metwally et al. 2005) counted from below. A key of more than 1/capacity of the requests is always in it, and its count is
// short by no more than that share.

/** One of them, and what is known of it for as long as it is one. */
export interface FrequentKey {
  /** At most as often as it came. */
  count: number;
  /** Its alternatives, as many as were asked for so far. */
  alternatives: readonly number[];
}

export class FrequentKeys {
  readonly #capacity: number;
  readonly #known = new Map<string, FrequentKey>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** At most as often as it came; 0 = not among the frequent ones. O(1). */
  countOf(key: string): number {
    return this.#known.get(key)?.count ?? 0;
  }

  /**
   * Null: not among the frequent ones. O(1) on average: what costs O(capacity) happens at most once in so many calls.
   */
  add(key: string): FrequentKey | null {
    const known = this.#known.get(key);
    if (known !== undefined) {
      known.count++;
      return known;
    }
    if (this.#known.size >= this.#capacity) {
      this.#reduce((count) => count - 1);
      return null;
    }
    const added = { count: 1, alternatives: [] };
    this.#known.set(key, added);
    return added;
  }

  /** Takes one back that was added last. */
  remove(key: string): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    known.count--;
    if (known.count <= 0) this.#known.delete(key);
  }

  /** So that what was frequent long ago does not decide. O(capacity). */
  halve(): void {
    this.#reduce((count) => count / 2);
  }

  #reduce(change: (count: number) => number): void {
    for (const [key, known] of this.#known) {
      known.count = change(known.count);
      if (known.count < 1) this.#known.delete(key);
    }
  }
}
