// Which keys are asked for most, in fixed memory: the summary of Misra and Gries (1982), which is that of "space saving"
// (Metwally et al. 2005) counted from below. A key of more than 1/capacity of the requests is always in it, and its count is
// short by no more than that share.

export class FrequentKeys {
  readonly #capacity: number;
  readonly #counts = new Map<string, number>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** At most as often as it came; 0 = not among the frequent ones. O(1). */
  countOf(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** O(1) on average: what costs O(capacity) happens at most once in so many calls. */
  add(key: string): void {
    const known = this.#counts.get(key);
    if (known !== undefined) this.#counts.set(key, known + 1);
    else if (this.#counts.size < this.#capacity) this.#counts.set(key, 1);
    else this.#reduce((count) => count - 1);
  }

  /** Takes one back that was added last. */
  remove(key: string): void {
    const known = this.#counts.get(key);
    if (known === undefined) return;
    if (known <= 1) this.#counts.delete(key);
    else this.#counts.set(key, known - 1);
  }

  /** So that what was frequent long ago does not decide. O(capacity). */
  halve(): void {
    this.#reduce((count) => count / 2);
  }

  #reduce(change: (count: number) => number): void {
    for (const [key, count] of this.#counts) {
      const left = change(count);
      if (left < 1) this.#counts.delete(key);
      else this.#counts.set(key, left);
    }
  }
}
