// Which runs of request ids an id may be in, told from six bytes an id in memory: the run's number and 16 bits of
// the id's hash, in tables of open addressing (linear probing) that fill one after another, so that the oldest goes as a
// whole when its runs are gone. With 100 full tables one new id in some 160 is looked for in a run in vain.

const SLOTS = 2 ** 15;
/** Five eighths: beyond, more and more slots have to be looked at. */
const IDS_PER_TABLE = (SLOTS / 8) * 5;
/** 16 MiB and 2.6 million ids. */
const TABLES_MAX = 128;

interface Table {
  /** 0 = free; else the high half of a hash, and the run's number counted from `firstRun - 1`. */
  readonly slots: Uint32Array;
  readonly firstRun: number;
  lastRun: number;
  ids: number;
}

const NONE: readonly number[] = [];

export class RunIndex {
  #tables: Table[] = [];
  readonly #tablesMax: number;
  #forgottenUpTo = 0;

  constructor(tablesMax = TABLES_MAX) {
    this.#tablesMax = tablesMax;
  }

  /** Runs up to this one were let go of, for want of space: they may hold anything. 0 = none. */
  get forgottenUpTo(): number {
    return this.#forgottenUpTo;
  }

  /** @param run from 1, never below that of the call before */
  add(hash: number, run: number): void {
    let newest = this.#tables.at(-1);
    if (newest === undefined || newest.ids >= IDS_PER_TABLE || run - newest.firstRun >= 0xffff) {
      newest = { slots: new Uint32Array(SLOTS), firstRun: run, lastRun: run, ids: 0 };
      this.#tables.push(newest);
      if (this.#tables.length > this.#tablesMax) {
        this.#forgottenUpTo = this.#tables.shift()?.lastRun ?? this.#forgottenUpTo;
      }
    }
    const { slots, firstRun } = newest;
    let slot = hash & (SLOTS - 1);
    while (slots[slot] !== 0) slot = (slot + 1) & (SLOTS - 1);
    slots[slot] = ((hash & 0xffff0000) | (run - firstRun + 1)) >>> 0;
    newest.lastRun = run;
    newest.ids += 1;
  }

  /** Runs that may hold an id of this hash, newest first. O(tables). */
  runsOf(hash: number): readonly number[] {
    let found: number[] | null = null;
    for (const { slots, firstRun } of this.#tables) {
      for (let slot = hash & (SLOTS - 1); ; slot = (slot + 1) & (SLOTS - 1)) {
        const entry = slots[slot] ?? 0;
        if (entry === 0) break;
        if (entry >>> 16 !== hash >>> 16) continue;
        found ??= [];
        found.push(firstRun + (entry & 0xffff) - 1);
      }
    }
    return found === null ? NONE : [...new Set(found)].sort((a, b) => b - a);
  }

  /** Runs before this one are gone. O(tables). */
  forgetBefore(run: number): void {
    if (this.#forgottenUpTo < run) this.#forgottenUpTo = 0;
    if ((this.#tables[0]?.lastRun ?? run) >= run) return;
    this.#tables = this.#tables.filter(({ lastRun }) => lastRun >= run);
  }
}
