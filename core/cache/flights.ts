// Fetches of other requests that requests of this isolate wait for. Of all that wait for one key, one asks the shard
// again and again whether it is there (the scout); the others look into the isolate's memory, each with a timer of its
// own. Plain flags only: a promise of another request would tie one request's fate to another's.

/** A scout of which nothing was seen for so long is gone: its client left. */
const SCOUT_LOST_MS = 300;
/** With so many waiting, newcomers join without asking the shard themselves. */
export const CROWD = 64;
const KEYS_MAX = 1_000;
/** Longer than anybody waits. */
const FORGET_MS = 30_000;

export class Flight {
  readonly #crowd: number;
  #waiting = 0;
  #scoutedAt = Number.NEGATIVE_INFINITY;
  #hasScout = false;
  readonly beganAt: number;
  /** There is something to be asked for: everybody who waits may look for himself. */
  isOver = false;

  constructor(nowMs: number, crowd: number) {
    this.beganAt = nowMs;
    this.#crowd = crowd;
  }

  get isCrowded(): boolean {
    return this.#waiting >= this.#crowd;
  }

  /** Those who left without a word count on: the number only says that there are many. */
  enter(): void {
    this.#waiting++;
  }

  /** Whether whoever asks is to look now, as the scout. */
  mayScout(isScout: boolean, nowMs: number): boolean {
    if (!isScout && this.#hasScout && nowMs - this.#scoutedAt < SCOUT_LOST_MS) return false;
    this.#hasScout = true;
    this.#scoutedAt = nowMs;
    return true;
  }

  /** The scout has got something to do: another one takes over. */
  resign(): void {
    this.#hasScout = false;
  }
}

export class Flights {
  readonly #byKey = new Map<string, Flight>();
  readonly #crowd: number;

  /** `crowd`: how many must wait for one key before newcomers join unasked. */
  constructor(crowd = CROWD) {
    this.#crowd = crowd;
  }

  /** One that so many wait for already that the shard need not hear of one more; null: ask it. */
  crowded(key: string, nowMs: number): Flight | null {
    const flight = this.#current(key, nowMs);
    return flight?.isCrowded ? flight : null;
  }

  join(key: string, nowMs: number): Flight {
    let flight = this.#current(key, nowMs);
    if (flight === null) {
      flight = new Flight(nowMs, this.#crowd);
      this.#byKey.delete(key);
      this.#byKey.set(key, flight);
      if (this.#byKey.size > KEYS_MAX) this.#dropOldest();
    }
    flight.enter();
    return flight;
  }

  #current(key: string, nowMs: number): Flight | null {
    const flight = this.#byKey.get(key);
    if (flight === undefined || flight.isOver || nowMs - flight.beganAt > FORGET_MS) return null;
    return flight;
  }

  #dropOldest(): void {
    for (const key of this.#byKey.keys()) {
      this.#byKey.delete(key);
      return;
    }
  }
}
