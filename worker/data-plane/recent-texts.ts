// What was made of texts that came lately, in two generations: the older one goes as a whole when the younger is full, so
// nothing is kept in order and a text that comes again costs one look.

export class RecentTexts<V> {
  readonly #max: number;
  readonly #lengthMax: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  /** Remembers up to twice `max` texts, none longer than `lengthMax`. */
  constructor(max: number, lengthMax: number) {
    this.#max = max;
    this.#lengthMax = lengthMax;
  }

  /** Undefined when it is not remembered. O(length). */
  get(text: string): V | undefined {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const old = this.#old.get(text);
    if (old !== undefined) this.set(text, old);
    return old;
  }

  set(text: string, value: V): void {
    if (text.length > this.#lengthMax) return;
    if (this.#young.size >= this.#max) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, value);
  }
}
