// Things counted as they come, and the most frequent of them.

export class Counts<K> {
  readonly #counts = new Map<K, number>();
  total = 0;

  add(key: K, count = 1): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
    this.total += count;
  }

  of(key: K): number {
    return this.#counts.get(key) ?? 0;
  }

  get distinct(): number {
    return this.#counts.size;
  }

  /** Most frequent first; of equals, the one that came first. */
  top(count: number): { readonly key: K; readonly count: number; readonly share: number }[] {
    return [...this.#counts]
      .sort(([, a], [, b]) => b - a)
      .slice(0, count)
      .map(([key, own]) => ({ key, count: own, share: own / this.total }));
  }
}
