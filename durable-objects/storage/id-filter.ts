// Tells of an id that it was surely never added, from a few bits in memory (Bloom, "Space/Time Trade-offs in Hash Coding
// with Allowable Errors", 1970). Ids cannot be taken out, so they are added to one generation after another, and a
// generation goes as a whole when all of its ids are gone.
import { hashKey, mix32 } from '../../core/sharding/key-hash.ts';

/** 128 KiB and some 65,000 ids each: of ids that were never added, one in 400 seems to have been. */
const GENERATION_BITS = 2 ** 20;
const GENERATION_IDS = 2 ** 16;
const PROBES = 4;
/** Beyond that the newest takes on more than it should: more and more ids seem to have been added, none is missed. */
const GENERATIONS_MAX = 16;

interface Generation {
  readonly bits: Uint32Array;
  ids: number;
  /** The greatest place of any of its ids. */
  last: number;
}

export class IdFilter {
  #generations: Generation[] = [];

  /** `place` ascends from call to call. O(1). */
  add(id: string, place: number): void {
    let newest = this.#generations.at(-1);
    const isFull = newest === undefined || newest.ids >= GENERATION_IDS;
    if (newest === undefined || (isFull && this.#generations.length < GENERATIONS_MAX)) {
      newest = { bits: new Uint32Array(GENERATION_BITS / 32), ids: 0, last: place };
      this.#generations.push(newest);
    }
    newest.ids += 1;
    newest.last = place;
    let hash = hashKey(id);
    const stride = strideOf(hash);
    for (let probe = 0; probe < PROBES; probe++) {
      const bit = hash % GENERATION_BITS;
      newest.bits[bit >>> 5] = (newest.bits[bit >>> 5] ?? 0) | (1 << (bit & 31));
      hash = (hash + stride) >>> 0;
    }
  }

  /** False: it was not added, or all of its generation was forgotten. O(generations). */
  mayHave(id: string): boolean {
    if (this.#generations.length === 0) return false;
    const hash = hashKey(id);
    const stride = strideOf(hash);
    return this.#generations.some(({ bits }) => hasAll(bits, hash, stride));
  }

  /** Ids at places before this one are gone. O(generations). */
  forgetBefore(place: number): void {
    if ((this.#generations[0]?.last ?? place) >= place) return;
    this.#generations = this.#generations.filter(({ last }) => last >= place);
  }
}

function hasAll(bits: Uint32Array, first: number, stride: number): boolean {
  let hash = first;
  for (let probe = 0; probe < PROBES; probe++) {
    const bit = hash % GENERATION_BITS;
    if (((bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false;
    hash = (hash + stride) >>> 0;
  }
  return true;
}

/** Odd, so that no probe falls on another. */
function strideOf(hash: number): number {
  return mix32(hash) | 1;
}
