// The configurations that a search has been in, so that none is searched twice: Lowe's memo ("Testing for
// linearizability", 2017), here with an order on it. With the same operations of known outcome done and the same value
// held, whoever has used fewer of the others can still do everything that whoever has used more can.

/** Rough bytes that a Map's entry and its string cost in V8, besides the characters. */
const ENTRY_BYTES = 100;

/** How many bytes a search may still remember. */
export interface MemoryBudget {
  bytesLeft: number;
}

export class Remembered {
  private readonly usedByConfiguration = new Map<string, number[][]>();
  private readonly budget: MemoryBudget;

  constructor(budget: MemoryBudget) {
    this.budget = budget;
  }

  /**
   * Whether this configuration is new, and not worse than one known; if so it is remembered. `done` names the done
   * operations of known outcome and the value; `used` says of each class of the others how many were used.
   * O(|done| + known ones of the same `done` × classes).
   */
  add(done: string, used: readonly number[]): boolean {
    const known = this.usedByConfiguration.get(done);
    if (known === undefined) {
      this.usedByConfiguration.set(done, [used.slice()]);
      this.budget.bytesLeft -= 2 * ENTRY_BYTES + 2 * done.length + 4 * used.length;
      return true;
    }
    if (known.some((other) => isWithin(other, used))) return false;
    const kept = known.filter((other) => !isWithin(used, other));
    kept.push(used.slice());
    this.usedByConfiguration.set(done, kept);
    this.budget.bytesLeft -= (kept.length - known.length) * (ENTRY_BYTES + 4 * used.length);
    return true;
  }
}

function isWithin(fewer: readonly number[], more: readonly number[]): boolean {
  return fewer.every((count, index) => count <= (more[index] as number));
}
