// The product's default: greedy-dual by size and frequency, made lazy, in constant time, with a memory.
//
// An entry is worth `L + (uses − ½) / bytes`, and the least goes; `L`, the worth of what went last, makes what is not
// used any more grow old beside what comes new. (Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-
// Size-Frequency Caching Policy", HP Labs 1998, §3; `L` is Young's and Cao & Irani's.) What differs:
// - A use only counts. The entry is valued anew when its turn to go comes, as in FIFO with reinsertion: less work for
//   a hit, and fewer misses too, since what is used often and what was just used are told apart later, and better.
// - The weight is rounded to half powers of two. Entries of one weight then stand in the order of their worth in one
//   queue, and the least of all is the least of at most 128 heads: no heap.
// - The first use counts half, so that what comes once goes sooner (the idea of S3-FIFO's small queue).
// - Uses are counted to 15 and remembered for twice as many evicted entries as there are residents, by hash.
// Figures and what was rejected: docs/adr/0027.
import { hashKey } from '../../sharding/key-hash.ts';
import { GhostTable } from './ghost-table.ts';
import type { EvictionPolicy } from './policy.ts';
import { grown, NONE, SlotLists } from './slot-lists.ts';
import { Tournament } from './tournament.ts';

const USES_MAX = 15;
/** Ghosts per resident. */
const MEMORY = 2;
/** Weights from 2^-48 to 2^15.5, in half powers of two. */
const WEIGHTS = 128;
const WEIGHT_OF_ONE = 96;

const halfPowers = (value: number): number => Math.round(2 * Math.log2(value));
const WEIGHT = Float64Array.from({ length: WEIGHTS }, (_, i) => 2 ** ((i - WEIGHT_OF_ONE) / 2));
const USES_WEIGHT = Int8Array.from({ length: USES_MAX + 1 }, (_, uses) =>
  halfPowers(Math.max(1, uses) - 0.5),
);

export interface RoundelOptions {
  /**
   * 1 (default): as few requests as possible miss; an object of 1 MB must be used as much as a thousand of 1 kB. 0: size
   * does not count, so that fewer bytes miss. Between them: between.
   */
  readonly sizeExponent?: number;
}

export class RoundelPolicy implements EvictionPolicy {
  /** A queue for each weight. */
  readonly #queues = new SlotLists(WEIGHTS);
  /** Worth of each queue's head. */
  readonly #heads = new Tournament(WEIGHTS);
  readonly #ghosts = new GhostTable();
  readonly #sizeExponent: number;
  #count = 0;
  /** L. Never falls. */
  #age = 0;
  #hashes = new Int32Array(0);
  /** Half powers of two of the size, as far as it counts. */
  #sizes = new Uint8Array(0);
  /** Uses before the entry was last placed, and since. */
  #uses = new Uint8Array(0);
  #hits = new Uint8Array(0);
  #weights = new Uint8Array(0);
  #worths = new Float64Array(0);

  constructor({ sizeExponent = 1 }: RoundelOptions = {}) {
    this.#sizeExponent = sizeExponent;
  }

  get remembered(): number {
    return this.#ghosts.places;
  }

  grow(slots: number): void {
    this.#queues.grow(slots);
    this.#hashes = grown(this.#hashes, slots);
    this.#sizes = grown(this.#sizes, slots);
    this.#uses = grown(this.#uses, slots);
    this.#hits = grown(this.#hits, slots);
    this.#weights = grown(this.#weights, slots);
    this.#worths = grown(this.#worths, slots);
  }

  insert(slot: number, key: string, bytes: number): void {
    const hash = hashKey(key) | 0;
    const known = this.#ghosts.take(hash, MEMORY * this.#count);
    this.#hashes[slot] = hash;
    this.#sizes[slot] = Math.round(2 * this.#sizeExponent * Math.log2(bytes));
    this.#uses[slot] = Math.max(0, known);
    this.#hits[slot] = 1;
    this.#count += 1;
    this.#place(slot);
  }

  access(slot: number): void {
    const hits = this.#hits[slot] as number;
    if (hits < USES_MAX) this.#hits[slot] = hits + 1;
  }

  remove(slot: number): void {
    this.#takeOut(slot);
    this.#count -= 1;
  }

  victim(): number {
    for (let next = this.#next(); next !== NONE; next = this.#next()) {
      this.#age = Math.max(this.#age, this.#worths[next] as number);
      this.#takeOut(next);
      if (this.#hits[next] === 0) {
        this.#remember(next);
        return next;
      }
      this.#place(next);
    }
    return NONE;
  }

  /** Of the least worth, as it was when it was placed. */
  #next(): number {
    return this.#queues.head(this.#heads.least());
  }

  /** At the end of the queue of its weight, counting the uses since it was placed before. */
  #place(slot: number): void {
    const uses = Math.min(USES_MAX, (this.#uses[slot] as number) + (this.#hits[slot] as number));
    const weight = WEIGHT_OF_ONE + (USES_WEIGHT[uses] as number) - (this.#sizes[slot] as number);
    const inRange = Math.max(0, Math.min(WEIGHTS - 1, weight));
    const worth = this.#age + (WEIGHT[inRange] as number);
    this.#uses[slot] = uses;
    this.#hits[slot] = 0;
    this.#weights[slot] = inRange;
    this.#worths[slot] = worth;
    const wasEmpty = this.#queues.head(inRange) === NONE;
    this.#queues.push(inRange, slot);
    if (wasEmpty) this.#heads.set(inRange, worth);
  }

  #takeOut(slot: number): void {
    const weight = this.#weights[slot] as number;
    const wasHead = this.#queues.head(weight) === slot;
    this.#queues.remove(weight, slot);
    if (!wasHead) return;
    const head = this.#queues.head(weight);
    this.#heads.set(weight, head === NONE ? Number.POSITIVE_INFINITY : (this.#worths[head] as number));
  }

  #remember(slot: number): void {
    this.#ghosts.reserve(MEMORY * this.#count);
    this.#count -= 1;
    this.#ghosts.add(this.#hashes[slot] as number, this.#uses[slot] as number);
  }
}
