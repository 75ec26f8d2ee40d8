// A bounded memory of what was evicted: hash, when, and one small number, but no key. Like the table of S3-FIFO's
// paper (§4.2): buckets that are never cleaned; an entry ends when it is too old or when its place is needed. 8 bytes a
// place, a bucket is half a line of the processor's cache. Two keys with one 32-bit hash are taken for each other, once in
// some 10^8 look-ups: that costs a place in a queue, never a wrong answer.

const WAYS = 4;
const PLACES_MIN = 64;
const NOTE_BITS = 4;
/** Evictions are counted modulo 2^27: what comes back after more than that is remembered wrongly, no more. */
const AGE_MASK = 0x7ffffff;

export class GhostTable {
  /** By place: hash, then when and note; the latter is 0 where there is nothing. */
  #words = new Int32Array(2 * PLACES_MIN);
  #now = 1;

  /** Places there are: what is remembered is never more. */
  get places(): number {
    return this.#words.length / 2;
  }

  /** @param hash signed 32 bit @param note 0–15 */
  add(hash: number, note: number): void {
    this.#now = (this.#now % AGE_MASK) + 1;
    this.#put(hash, (this.#now << NOTE_BITS) | note);
  }

  /** The note of an entry after which at most `ageMax` were added; it is forgotten by this. -1 when there is none. */
  take(hash: number, ageMax: number): number {
    const words = this.#words;
    const first = this.#firstOf(hash);
    for (let at = first; at < first + 2 * WAYS; at += 2) {
      const stamp = words[at + 1] as number;
      if (words[at] !== hash || stamp === 0) continue;
      words[at + 1] = 0;
      return this.#age(stamp) <= ageMax ? stamp & ((1 << NOTE_BITS) - 1) : -1;
    }
    return -1;
  }

  /** Grows to hold as many, with room so that few buckets run over. O(1) amortized over what is added. */
  reserve(count: number): void {
    const old = this.#words;
    if (count * 1.5 <= old.length / 2) return;
    this.#words = new Int32Array(2 * old.length);
    for (let at = 0; at < old.length; at += 2) {
      if (old[at + 1] !== 0) this.#put(old[at] as number, old[at + 1] as number);
    }
  }

  /** Where the same hash is, else where nothing is, else where the oldest is. */
  #put(hash: number, stamp: number): void {
    const words = this.#words;
    const first = this.#firstOf(hash);
    let place = first;
    let age = -1;
    for (let at = first; at < first + 2 * WAYS; at += 2) {
      const known = words[at + 1] as number;
      const knownAge = known === 0 || words[at] === hash ? AGE_MASK + 1 : this.#age(known);
      if (knownAge > age) {
        place = at;
        age = knownAge;
      }
      if (known !== 0 && words[at] === hash) {
        place = at;
        break;
      }
    }
    words[place] = hash;
    words[place + 1] = stamp;
  }

  #age(stamp: number): number {
    return (this.#now - (stamp >>> NOTE_BITS)) & AGE_MASK;
  }

  #firstOf(hash: number): number {
    return (hash & (this.#words.length / (2 * WAYS) - 1)) * 2 * WAYS;
  }
}
