// A fetch that this isolate makes, as those see it who wait for it here: whether it goes on, and what it has brought.
import type { SharedBody } from './shared-body.ts';
import type { StoredResponse } from './stored-response.ts';

/** As long as a lease of which nothing is heard: whoever fetches says more often that it does. */
const HOLDER_LOST_MS = 4_000;
/** From the last byte to the end of the fill, which is told. */
const FILL_MS = 10_000;

/** What a fetch has brought, as it will be stored. */
export interface SharedAnswer {
  readonly stored: StoredResponse;
  readonly body: SharedBody | Uint8Array;
}

export class Holding {
  /** Of the lease that it is made under. */
  readonly fetchId: string;
  #isOver = false;
  #answer: SharedAnswer | null = null;
  #heardAt: number;

  constructor(fetchId: string, nowMs: number) {
    this.fetchId = fetchId;
    this.#heardAt = nowMs;
  }

  /** null: not there yet. */
  get answer(): SharedAnswer | null {
    return this.#answer;
  }

  /** Nothing comes of it any more, or it is stored: nobody joins it, and its body is kept for nobody. */
  end(): void {
    this.#isOver = true;
    this.#answer = null;
  }

  goesOn(nowMs: number): void {
    this.#heardAt = nowMs;
  }

  share(answer: SharedAnswer, nowMs: number): void {
    this.#answer = answer;
    this.#heardAt = nowMs;
  }

  /** Whether it is worth waiting for, and may be joined. */
  isAlive(nowMs: number): boolean {
    if (this.#isOver) return false;
    const body = this.#answer?.body;
    if (body === undefined) return nowMs - this.#heardAt < HOLDER_LOST_MS;
    if (!(body instanceof Uint8Array)) {
      if (!body.isKept || body.end === 'cut') return false;
      if (body.end === 'open') return body.isAlive(nowMs);
    }
    return nowMs - this.#heardAt < FILL_MS;
  }
}
