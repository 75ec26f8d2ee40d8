// Two counts over the last while: of all, and of some of them. The window is cut into slots that are forgotten one by
// one, so counting costs O(1) and memory is fixed; the price is that the edge of the window is known to a slot.

const SLOTS = 10;

export class RollingPair {
  readonly windowMs: number;
  readonly #slotMs: number;
  /** One more than the window has: the oldest is only partly within it. Pairs of all and some. */
  readonly #counts = new Float64Array(2 * (SLOTS + 1));
  /** Number of the newest slot since the epoch; slots are reused in turn. */
  #newest = Number.NEGATIVE_INFINITY;
  #all = 0;
  #some = 0;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
    this.#slotMs = windowMs / SLOTS;
  }

  /** O(1). A clock that goes back counts into the newest slot. */
  add(all: number, some: number, nowMs: number): void {
    const at = this.#placeAt(nowMs);
    this.#counts[at] = (this.#counts[at] ?? 0) + all;
    this.#counts[at + 1] = (this.#counts[at + 1] ?? 0) + some;
    this.#all += all;
    this.#some += some;
  }

  /** Of all, what came within the window for certain: never more than there were. */
  allAtLeast(nowMs: number): number {
    const at = this.#placeAt(nowMs);
    return this.#all - (this.#counts[(at + 2) % this.#counts.length] ?? 0);
  }

  /** What came within the window, and up to a slot more: never less than there were. */
  atMost(nowMs: number): { readonly all: number; readonly some: number } {
    this.#placeAt(nowMs);
    return { all: this.#all, some: this.#some };
  }

  clear(): void {
    this.#counts.fill(0);
    this.#all = 0;
    this.#some = 0;
  }

  /** Where the newest slot lies, once all that are too old are empty. */
  #placeAt(nowMs: number): number {
    const slot = Math.floor(nowMs / this.#slotMs);
    if (slot > this.#newest) this.#advance(slot);
    return 2 * (this.#newest % (SLOTS + 1));
  }

  #advance(slot: number): void {
    if (slot - this.#newest > SLOTS) this.clear();
    else {
      for (let passed = this.#newest + 1; passed <= slot; passed++) {
        const at = 2 * (passed % (SLOTS + 1));
        this.#all -= this.#counts[at] ?? 0;
        this.#some -= this.#counts[at + 1] ?? 0;
        this.#counts.fill(0, at, at + 2);
      }
    }
    this.#newest = slot;
  }
}
