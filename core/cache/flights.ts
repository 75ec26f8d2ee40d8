// Fetches of other requests that requests of this isolate wait for. Where the fetch is made in this isolate (it is held
// here), those who wait see its answer in memory as it comes; one of them, the scout, asks the shard on behalf of all that
// have come whether they may join it. Elsewhere the scout asks again and again whether the response is there, and the
// others look into the isolate's memory. Everybody looks by timers of its own at plain data: a promise of another request
// would tie one request's fate to another's.
import type { Holding, SharedAnswer } from './holding.ts';

/** A scout of which nothing was seen for so long is gone: its client left. */
const SCOUT_LOST_MS = 300;
/** With so many waiting, newcomers join without asking the shard themselves. */
export const CROWD = 64;
/** All who wait together look so many times a second, and each at least once a second. */
const LOOKS_PER_SECOND = 15_000;
const PAUSE_MAX_MS = 1_000;
const KEYS_MAX = 1_000;
/** Longer than anybody waits. */
const FORGET_MS = 30_000;

/** What the shard's group had committed when it was asked: as new as what they get who may join. */
export interface Confirmation {
  readonly groupId: string;
  readonly bookmark: { readonly view: number; readonly op: number };
}

export class Flight {
  readonly #crowd: number;
  #waiting = 0;
  #scoutedAt = Number.NEGATIVE_INFINITY;
  #hasScout = false;
  #holding: Holding | null = null;
  /** Those up to this number may join it. */
  #confirmedUpTo = 0;
  #confirmation: Confirmation | null = null;
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

  /** How many have come. Those who left without a word count on: the number only says that there are many. */
  get arrivals(): number {
    return this.#waiting;
  }

  /** The newcomer's number, from 1. */
  enter(): number {
    return ++this.#waiting;
  }

  /** How long one of them is to wait before it looks again. */
  pauseMs(wishedMs: number): number {
    return Math.max(wishedMs, Math.min(PAUSE_MAX_MS, (this.#waiting / LOOKS_PER_SECOND) * 1_000));
  }

  hold(holding: Holding): void {
    this.#holding = holding;
    this.#confirmedUpTo = 0;
    this.#hasScout = false;
  }

  /** The fetch, if it is this isolate's and goes on. */
  heldHere(nowMs: number): Holding | null {
    return this.#holding?.isAlive(nowMs) ? this.#holding : null;
  }

  /**
   * Asked about `holding` after all up to that number had come, a majority has confirmed that the key's lease belongs to
   * `fetchId`. If that is the fetch held here, no purge has overtaken it before they came. False: it is another.
   */
  confirm(holding: Holding, fetchId: string, upTo: number, { groupId, bookmark }: Confirmation): boolean {
    if (this.#holding !== holding) return false;
    if (holding.fetchId !== fetchId) {
      // Whoever is at work here has lost the lease to somebody elsewhere.
      this.#holding = null;
      return false;
    }
    this.#confirmedUpTo = Math.max(this.#confirmedUpTo, upTo);
    this.#confirmation = { groupId, bookmark };
    return true;
  }

  /** What the waiter of that number may take; null: not confirmed, or not there yet. */
  answerFor(number: number, nowMs: number): (SharedAnswer & Confirmation) | null {
    const answer = this.heldHere(nowMs)?.answer ?? null;
    if (answer === null || this.#confirmation === null || number > this.#confirmedUpTo) return null;
    return { ...answer, ...this.#confirmation };
  }

  /** Whether whoever asks is to look now, as the scout. */
  mayScout(isScout: boolean, nowMs: number): boolean {
    if (this.#confirmedUpTo >= this.#waiting && this.heldHere(nowMs) !== null) return false;
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

  /** Keys that are remembered. */
  get size(): number {
    return this.#byKey.size;
  }

  /** One that so many wait for already that the shard need not hear of one more; null: ask it. */
  crowded(key: string, nowMs: number): Flight | null {
    const flight = this.#current(key, nowMs);
    return flight?.isCrowded ? flight : null;
  }

  /** The same, or one that is held here. */
  known(key: string, nowMs: number): Flight | null {
    const flight = this.#current(key, nowMs);
    return flight !== null && (flight.isCrowded || flight.heldHere(nowMs) !== null) ? flight : null;
  }

  /** To be entered. */
  join(key: string, nowMs: number): Flight {
    return this.#current(key, nowMs) ?? this.#begin(key, nowMs);
  }

  /** A fetch begins in this isolate. */
  hold(key: string, holding: Holding, nowMs: number): void {
    this.join(key, nowMs).hold(holding);
  }

  /** The fetch of that id; null: it is not known, or over. */
  held(key: string, fetchId: string, nowMs: number): Holding | null {
    const holding = this.#byKey.get(key)?.heldHere(nowMs) ?? null;
    return holding?.fetchId === fetchId ? holding : null;
  }

  #begin(key: string, nowMs: number): Flight {
    this.#forgetOld(nowMs);
    const flight = new Flight(nowMs, this.#crowd);
    this.#byKey.delete(key);
    this.#byKey.set(key, flight);
    if (this.#byKey.size > KEYS_MAX) this.#dropOldest();
    return flight;
  }

  #current(key: string, nowMs: number): Flight | null {
    const flight = this.#byKey.get(key);
    if (flight === undefined || flight.isOver) return null;
    return nowMs - flight.beganAt > FORGET_MS && flight.heldHere(nowMs) === null ? null : flight;
  }

  /** A fetch that was ended without a word has left its body behind. Amortized O(1). */
  #forgetOld(nowMs: number): void {
    for (const [key, flight] of this.#byKey) {
      if (nowMs - flight.beganAt <= FORGET_MS || flight.heldHere(nowMs) !== null) return;
      this.#byKey.delete(key);
    }
  }

  #dropOldest(): void {
    for (const key of this.#byKey.keys()) {
      this.#byKey.delete(key);
      return;
    }
  }
}
