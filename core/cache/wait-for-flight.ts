// One request that finds another's fetch under way: whether it asks the shard now or looks into its isolate's memory
// only, how long it waits in between, and when it has waited enough. Of a fetch that is made elsewhere nothing reaches it
// before that was stored and a read of its own level finds it: what such a read promises holds for those that waited, too.
// One that is made in its own isolate it may join before, once that was confirmed.
import type { Confirmation, Flight, Flights } from './flights.ts';
import type { Holding, SharedAnswer } from './holding.ts';

export interface WaitLimits {
  /** How long one request waits for another's fetch of the same key, which goes on, before it goes itself. */
  readonly waitMs: number;
  readonly pauseMinMs: number;
  readonly pauseMaxMs: number;
}

export const WAIT_LIMITS: WaitLimits = { waitMs: 15_000, pauseMinMs: 2, pauseMaxMs: 64 };

/** Whether all that have come by now may join the fetch held here: to be asked of a majority. */
export interface Question {
  readonly holding: Holding;
  readonly upTo: number;
}

export class WaitForFlight {
  readonly #flights: Flights;
  readonly #key: string;
  readonly #limits: WaitLimits;
  readonly #until: number;
  #flight: Flight | null;
  /** Its own in the flight. */
  #number: number;
  #waitedFor: string | null = null;
  #isScout = false;
  #goesAlone = false;
  #hasJoined: boolean;
  #pauseMs: number;

  /** `joinsUnasked`: a fetch that is held here, too, not only a crowd. */
  constructor(flights: Flights, key: string, nowMs: number, limits = WAIT_LIMITS, joinsUnasked = false) {
    this.#flights = flights;
    this.#key = key;
    this.#limits = limits;
    this.#until = nowMs + limits.waitMs;
    this.#pauseMs = limits.pauseMinMs;
    this.#flight = joinsUnasked ? flights.known(key, nowMs) : flights.crowded(key, nowMs);
    this.#number = this.#flight?.enter() ?? 0;
    this.#hasJoined = this.#flight !== null;
  }

  /** It has waited for another's fetch, or is about to. */
  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  /** What it may take of a fetch that is made here; null: nothing yet. */
  answer(nowMs: number): (SharedAnswer & Confirmation) | null {
    const flight = this.#flight;
    return flight === null || flight.isOver ? null : flight.answerFor(this.#number, nowMs);
  }

  /** It has taken that. */
  joins(): void {
    if (this.#isScout) this.#flight?.resign();
  }

  /** What is to be asked of a majority, where it is to ask as the scout. */
  question(nowMs: number): Question | null {
    const holding = this.#isScout ? this.#flight?.heldHere(nowMs) : null;
    return holding && this.#flight ? { holding, upTo: this.#flight.arrivals } : null;
  }

  /** The answer to that. False: the fetch under way is another one. */
  confirms({ holding, upTo }: Question, fetchId: string, confirmation: Confirmation): boolean {
    return this.#flight?.confirm(holding, fetchId, upTo, confirmation) ?? false;
  }

  /** There was no answer: another one asks. */
  isLeftUnanswered(): void {
    this.#isScout = false;
    this.#flight?.resign();
  }

  /** Whether it has waited for another fetch than that, which is over. null: not known which it is. */
  hasWaitedForAnother(fetchId: string | null): boolean {
    const before = this.#waitedFor;
    this.#waitedFor = fetchId ?? before;
    return before !== null && fetchId !== null && before !== fetchId;
  }

  /** Whether the shard is to be asked now. `mayNotShare`: waiting is known to be of no use. */
  asks(nowMs: number, mayNotShare: boolean): boolean {
    const flight = this.#flight;
    this.#goesAlone = mayNotShare || nowMs >= this.#until;
    if (flight !== null && !flight.isOver && !this.#goesAlone && !flight.mayScout(this.#isScout, nowMs)) {
      return false;
    }
    this.#isScout = flight !== null && !flight.isOver && !this.#goesAlone;
    return true;
  }

  /** The shard had an answer, or gave it the lease. `isFetching`: the others go on waiting, for its own fetch. */
  ends(isFetching: boolean): void {
    if (this.#flight === null) return;
    if (isFetching) this.#flight.resign();
    else this.#flight.isOver = true;
  }

  /** Somebody else has the lease: whether it waits for that. `mayServe`: his response could answer it. */
  goesOn(nowMs: number, mayServe: boolean): boolean {
    if (this.#goesAlone || !mayServe) {
      this.#flight?.resign();
      return false;
    }
    if (this.#flight === null || this.#flight.isOver) {
      this.#flight = this.#flights.join(this.#key, nowMs);
      this.#number = this.#flight.enter();
      this.#isScout = this.#flight.mayScout(false, nowMs);
    }
    this.#hasJoined = true;
    return true;
  }

  /** Until the next look: twice as long each time, up to a limit; longer where very many wait. */
  pauseMs(): number {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, this.#limits.pauseMaxMs);
    return this.#flight?.pauseMs(pauseMs) ?? pauseMs;
  }
}
