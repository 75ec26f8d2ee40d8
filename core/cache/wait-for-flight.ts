// One request that finds another's fetch under way: whether it asks the shard now or looks into its isolate's memory
// only, how long it waits in between, and when it has waited enough. Nothing of the fetch reaches it before that was
// stored and a read of its own level finds it: what such a read promises holds for those that waited, too.
import type { Flight, Flights } from './flights.ts';

export interface WaitLimits {
  /** How long one request waits for another's fetch of the same key, which goes on, before it goes itself. */
  readonly waitMs: number;
  readonly pauseMinMs: number;
  readonly pauseMaxMs: number;
}

export const WAIT_LIMITS: WaitLimits = { waitMs: 15_000, pauseMinMs: 2, pauseMaxMs: 64 };

export class WaitForFlight {
  readonly #flights: Flights;
  readonly #key: string;
  readonly #limits: WaitLimits;
  readonly #until: number;
  #flight: Flight | null;
  #isScout = false;
  #goesAlone = false;
  #hasJoined: boolean;
  #pauseMs: number;

  constructor(flights: Flights, key: string, nowMs: number, limits = WAIT_LIMITS) {
    this.#flights = flights;
    this.#key = key;
    this.#limits = limits;
    this.#until = nowMs + limits.waitMs;
    this.#pauseMs = limits.pauseMinMs;
    this.#flight = flights.crowded(key, nowMs);
    this.#flight?.enter();
    this.#hasJoined = this.#flight !== null;
  }

  /** It has waited for another's fetch, or is about to. */
  get hasJoined(): boolean {
    return this.#hasJoined;
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
      this.#isScout = this.#flight.mayScout(false, nowMs);
    }
    this.#hasJoined = true;
    return true;
  }

  /** Until the next look: twice as long each time, up to a limit. */
  pauseMs(): number {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, this.#limits.pauseMaxMs);
    return pauseMs;
  }
}
