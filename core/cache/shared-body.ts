// A body that is fetched for the cache, in memory while it comes in: the copy that will be stored, and what requests of
// this isolate read along. Plain data only. Each reader looks by timers of its own and writes nothing here but how far
// it has come, so no request's fate is tied to another's; one that was ended without a word is simply not seen again.

/** Memory begins with so much, and doubles; of a body that says how long it is, all of it is taken once so much has come. */
const FIRST_BYTES = 262_144;
const EARNEST_BYTES = 1_048_576;
/** So much of what has outgrown its limit lies between the first and the last who reads it. */
export const WINDOW_BYTES = 1_048_576;
/** Whoever fetches says once a second that it does. */
const FETCH_LOST_MS = 5_000;
/** Readers are seen every five seconds, also while their clients take nothing. */
const READER_LOST_MS = 15_000;

export interface Reader {
  /** Bytes that its client has taken. */
  at: number;
  /** Epoch ms. */
  seenAt: number;
  /** It was too slow for what cannot be kept: its client's response breaks off. */
  isDropped: boolean;
}

export class SharedBody {
  /** From Content-Length; null when the origin did not say. */
  readonly lengthBytes: number | null;
  /** What it may come to take. */
  readonly bytesMax: number;
  /** Somebody beside the fetch's own client reads it, or has: nobody waits for that client any more. */
  isShared = false;
  #end: 'open' | 'whole' | 'cut' = 'open';
  #buffer: Uint8Array;
  /** Of the body, the first byte that is held. */
  #from = 0;
  #received = 0;
  #isKept = true;
  #aliveAt: number;
  readonly #readers = new Set<Reader>();

  /** @param keepBytesMax of a body that does not say how long it is */
  constructor(lengthBytes: number | null, keepBytesMax: number, nowMs: number) {
    this.lengthBytes = lengthBytes;
    this.bytesMax = lengthBytes ?? keepBytesMax;
    this.#buffer = new Uint8Array(Math.min(FIRST_BYTES, this.bytesMax));
    this.#aliveAt = nowMs;
  }

  get receivedBytes(): number {
    return this.#received;
  }

  get end(): 'open' | 'whole' | 'cut' {
    return this.#end;
  }

  /** False once it has outgrown its limit: then it is there for those who read it already, and for nobody else. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Amortized O(bytes). */
  add(bytes: Uint8Array): void {
    if (this.#received + bytes.byteLength > this.bytesMax) this.#isKept = false;
    const heldBytes = this.#received - this.#from;
    if (heldBytes + bytes.byteLength > this.#buffer.byteLength) this.#move(heldBytes + bytes.byteLength);
    this.#buffer.set(bytes, this.#received - this.#from);
    this.#received += bytes.byteLength;
  }

  /** What is held from the body's byte `at` on; null: nothing yet. A view that nobody may change. */
  after(at: number): Uint8Array | null {
    if (at >= this.#received) return null;
    if (at < this.#from)
      throw new Error(`Cannot read a body from byte ${at}: it is held from ${this.#from} on`);
    return this.#buffer.subarray(at - this.#from, this.#received - this.#from);
  }

  /** It is whole; the bytes with a buffer of their own, null where they were too many or fewer than announced. */
  finish(): Uint8Array | null {
    this.#end = 'whole';
    if (!this.#isKept || (this.lengthBytes !== null && this.#received !== this.lengthBytes)) return null;
    if (this.#buffer.byteLength !== this.#received) this.#buffer = this.#buffer.slice(0, this.#received);
    return this.#buffer;
  }

  /** No more of it comes. Once it is whole that changes nothing. */
  cut(): void {
    if (this.#end === 'open') this.#end = 'cut';
  }

  fetchGoesOn(nowMs: number): void {
    this.#aliveAt = nowMs;
  }

  /** False: nothing is heard of the fetch, its request was ended. */
  isAlive(nowMs: number): boolean {
    return this.#end !== 'open' || nowMs - this.#aliveAt < FETCH_LOST_MS;
  }

  /** From the first byte on. */
  enter(nowMs: number): Reader {
    const reader: Reader = { at: 0, seenAt: nowMs, isDropped: false };
    this.#readers.add(reader);
    return reader;
  }

  leave(reader: Reader): void {
    this.#readers.delete(reader);
  }

  /** O(readers). */
  isRead(nowMs: number): boolean {
    this.#forgetLost(nowMs);
    return this.#readers.size > 0;
  }

  /** How far the last of those who read it is behind. O(readers). */
  lagBytes(nowMs: number): number {
    this.#forgetLost(nowMs);
    let at = this.#received;
    for (const reader of this.#readers) at = Math.min(at, reader.at);
    return this.#received - at;
  }

  /** All but `own` that are behind by more than the window. O(readers). */
  dropLaggards(own: Reader): void {
    for (const reader of this.#readers) {
      if (reader === own || this.#received - reader.at <= WINDOW_BYTES) continue;
      reader.isDropped = true;
      this.#readers.delete(reader);
    }
  }

  /** Another buffer each time: what a client is being sent may still be a view of the old one. */
  #move(bytesNeeded: number): void {
    const held = this.#buffer.subarray(0, this.#received - this.#from);
    if (this.#isKept) {
      const isEarnest = this.lengthBytes !== null && bytesNeeded > EARNEST_BYTES;
      const size = isEarnest ? this.bytesMax : Math.max(2 * this.#buffer.byteLength, bytesNeeded);
      this.#buffer = new Uint8Array(Math.min(this.bytesMax, size));
      this.#buffer.set(held);
      return;
    }
    let at = this.#received;
    for (const reader of this.#readers) at = Math.min(at, reader.at);
    const wanted = held.subarray(at - this.#from);
    this.#buffer = new Uint8Array(
      Math.max(2 * WINDOW_BYTES, wanted.byteLength + bytesNeeded - held.byteLength),
    );
    this.#buffer.set(wanted);
    this.#from = at;
  }

  #forgetLost(nowMs: number): void {
    for (const reader of this.#readers) {
      if (nowMs - reader.seenAt < READER_LOST_MS) continue;
      reader.isDropped = true;
      this.#readers.delete(reader);
    }
  }
}

/** Of one isolate, whose memory is 128 MiB: what bodies take that are kept for their readers. */
const SHARED_BYTES_MAX = 33_554_432;

/** Which bodies are shared. Those beyond the bound are waited for until they are stored. */
export class SharedBodies {
  readonly #bodies = new Set<SharedBody>();

  /** O(shared bodies and their readers) where it is not shared yet. */
  admit(body: SharedBody, nowMs: number): boolean {
    if (this.#bodies.has(body)) return true;
    let bytes = body.bytesMax;
    for (const other of this.#bodies) {
      if (other.end === 'open' ? other.isAlive(nowMs) : other.isRead(nowMs)) bytes += other.bytesMax;
      else this.#bodies.delete(other);
    }
    if (bytes > SHARED_BYTES_MAX) return false;
    this.#bodies.add(body);
    body.isShared = true;
    return true;
  }
}
