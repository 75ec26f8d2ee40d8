// Looks for an order of one key's operations that fits both real time and what they answered: the search of Wing & Gong
// ("Testing and verifying concurrent objects", 1993) with Lowe's memo and undoable list ("Testing for linearizability",
// 2017), as Porcupine (Go) does it, and with cuts for open operations and for values that can no longer be seen. Our own
// because no kept npm package was found that does it.
import { holdsContradict } from './certain-holds.ts';
import { Demand } from './demand.ts';
import { alwaysChanges, effectOf, isBlind, type Operation, onlyObserves, type Value } from './operation.ts';
import { type MemoryBudget, Remembered } from './remembered.ts';

export type Verdict = 'linearizable' | 'not-linearizable' | 'unknown';

/** A unit put next in the order, and what is held then. */
interface Move {
  readonly unit: number;
  readonly value: Value;
}

/** A place that the search has come to. */
interface Frame {
  /** What led here; null at the start. */
  readonly unit: number | null;
  readonly value: Value;
  readonly moves: readonly Move[];
  next: number;
}

const WORD_BITS = 16;

/**
 * Whether the operations on a key that held nothing are linearizable; `unknown` if the budget is used up first.
 * Exponential in how many operations overlap at worst (the problem is NP-complete: Gibbons & Korach 1997), else about
 * O(n × how many overlap).
 */
export function findOrder(operations: readonly Operation[], budget: MemoryBudget): Verdict {
  return new Search(operations, budget).run();
}

class Search {
  /** Those of known outcome, by invocation; each has to find a place in the order. Units 0 to `known.length - 1`. */
  private readonly known: Operation[];
  /** Those of unknown outcome: units from `known.length` on, each a class of alike ones; the earliest goes first. */
  private readonly classes: Operation[][];
  /** How many of each class stand in the order. */
  private readonly used: number[];
  /** A doubly linked list of the known that do not stand in the order yet; its head is at `known.length`. */
  private readonly after: Int32Array;
  private readonly before: Int32Array;
  /** A bit for each known operation that stands in the order. */
  private readonly done: Uint16Array;
  private left: number;
  private readonly demand: Demand;
  private readonly remembered: Remembered;
  private readonly numberOfValue = new Map<Value, number>();
  private readonly budget: MemoryBudget;

  constructor(operations: readonly Operation[], budget: MemoryBudget) {
    const byInvocation = [...operations].sort((a, b) => a.invokedAt - b.invokedAt);
    this.known = byInvocation.filter(({ returnedAt }) => returnedAt !== null);
    const open = byInvocation.filter(({ returnedAt }) => returnedAt === null);
    this.classes = alike(open.filter(({ action }) => !onlyObserves(action)));
    this.used = this.classes.map(() => 0);
    const head = this.known.length;
    this.after = Int32Array.from({ length: head + 1 }, (_, i) => (i + 1) % (head + 1));
    this.before = Int32Array.from({ length: head + 1 }, (_, i) => (i + head) % (head + 1));
    this.done = new Uint16Array(Math.ceil(head / WORD_BITS));
    this.left = head;
    this.demand = new Demand([...this.known.map((operation) => [operation]), ...this.classes]);
    this.remembered = new Remembered(budget);
    this.budget = budget;
  }

  run(): Verdict {
    if (this.left === 0) return 'linearizable';
    if (!this.demand.isPossible(null)) return 'not-linearizable';
    const changes = this.known.filter(({ action }) => alwaysChanges(action));
    if (holdsContradict(this.demand.heldOnce(), changes)) return 'not-linearizable';
    const path: Frame[] = [{ unit: null, value: null, moves: this.movesFrom(null, null), next: 0 }];
    for (;;) {
      const frame = path.at(-1);
      if (frame === undefined) return 'not-linearizable';
      const move = frame.moves[frame.next++];
      if (move === undefined) {
        if (frame.unit !== null) this.undo(frame.unit);
        path.pop();
        continue;
      }
      const { unit, value } = move;
      this.take(unit);
      if (this.left === 0) return 'linearizable';
      if (!this.demand.isPossibleAfter(unit, frame.value, value) || !this.isNew(value)) {
        this.undo(unit);
        continue;
      }
      if (this.budget.bytesLeft < 0) return 'unknown';
      path.push({ unit, value, moves: this.movesFrom(value, unit), next: 0 });
    }
  }

  /**
   * What may come next, after `unit`, where `value` is held: whatever was invoked before the first return that is still
   * to be explained, and fits. Three cuts, none of which loses the order with the fewest open operations, if there is
   * an order at all: what fits now and changes nothing is taken at once; an open operation that changes nothing is left
   * out; and after an open operation comes none that overwrites it unseen.
   */
  private movesFrom(value: Value, unit: number | null): Move[] {
    const head = this.known.length;
    const unseen = unit !== null && unit >= head;
    const moves: Move[] = [];
    let firstReturn = Number.POSITIVE_INFINITY;
    for (let i = this.after[head] as number; i !== head; i = this.after[i] as number) {
      const { action, invokedAt, returnedAt } = this.known[i] as Operation;
      if (invokedAt > firstReturn) break;
      firstReturn = Math.min(firstReturn, returnedAt as number);
      if (unseen && isBlind(action)) continue;
      const next = effectOf(action, value);
      if (next === undefined) continue;
      if (onlyObserves(action)) return [{ unit: i, value: next }];
      moves.push({ unit: i, value: next });
    }
    this.classes.forEach((alikes, index) => {
      const operation = alikes[this.used[index] as number];
      if (operation === undefined || operation.invokedAt > firstReturn) return;
      if (unseen && isBlind(operation.action)) return;
      const next = effectOf(operation.action, value);
      if (next !== undefined && next !== value) moves.push({ unit: head + index, value: next });
    });
    return moves;
  }

  private take(unit: number): void {
    this.demand.take(unit);
    if (unit >= this.known.length) {
      (this.used[unit - this.known.length] as number)++;
      return;
    }
    const [before, after] = [this.before[unit] as number, this.after[unit] as number];
    this.after[before] = after;
    this.before[after] = before;
    (this.done[Math.floor(unit / WORD_BITS)] as number) |= 1 << (unit % WORD_BITS);
    this.left--;
  }

  /** The latest taken first: its neighbours in the list are then those that it had. */
  private undo(unit: number): void {
    this.demand.undo(unit);
    if (unit >= this.known.length) {
      (this.used[unit - this.known.length] as number)--;
      return;
    }
    this.after[this.before[unit] as number] = unit;
    this.before[this.after[unit] as number] = unit;
    (this.done[Math.floor(unit / WORD_BITS)] as number) &= ~(1 << (unit % WORD_BITS));
    this.left++;
  }

  private isNew(value: Value): boolean {
    return this.remembered.add(this.doneKey(value), this.used);
  }

  /**
   * The value and the done operations as a short text: below the first that is not done all are, and above those that
   * were invoked before its return none is, so only the words between need to be told.
   */
  private doneKey(value: Value): string {
    const first = this.after[this.known.length] as number;
    const from = Math.floor(first / WORD_BITS);
    let number = this.numberOfValue.get(value);
    if (number === undefined) {
      number = this.numberOfValue.size;
      this.numberOfValue.set(value, number);
      this.budget.bytesLeft -= typeof value === 'string' ? 2 * value.length : 0;
    }
    let key = String.fromCharCode(number & 0xffff, number >>> 16, from & 0xffff, from >>> 16);
    const end = Math.floor(this.lastReachable(first) / WORD_BITS);
    for (let i = from; i <= end; i++) key += String.fromCharCode(this.done[i] as number);
    return key;
  }

  /** The last operation invoked before that of index `first` returned. O(log n). */
  private lastReachable(first: number): number {
    const limit = this.known[first]?.returnedAt as number;
    let [low, high] = [first, this.known.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.known[middle] as Operation).invokedAt < limit) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function alike(operations: readonly Operation[]): Operation[][] {
  const classes = new Map<string, Operation[]>();
  for (const operation of operations) {
    const name = JSON.stringify(Object.entries(operation.action).sort());
    const alikes = classes.get(name) ?? [];
    classes.set(name, alikes);
    alikes.push(operation);
  }
  return [...classes.values()];
}
