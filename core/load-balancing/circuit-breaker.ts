// A circuit breaker for one backend: whoever fails too often gets nothing for a while, and then a few trials, whose ends
// decide (Nygard, "Release It!", 2007; counted over a window by ratio as Hystrix does). Beside ejections it is the
// stricter tool: an open circuit is never tried as a last resort, so a backend that drowns in requests is left in peace.
import { RollingPair } from './rolling-pair.ts';

export interface CircuitParameters {
  /** Of the requests in the window, 0–1. */
  readonly failureRatio: number;
  /** In the window, before their ratio says anything. */
  readonly minRequests: number;
  readonly windowMs: number;
  readonly openMs: number;
  /** Trials after that; all must succeed. */
  readonly halfOpenMax: number;
}

export type CircuitState = 'closed' | 'open' | 'half-open';

/** What a call changed; null = nothing. Told as events. */
export type CircuitChange = CircuitState | null;

/** `unknown`: it ended in a way that says nothing about the backend. */
export type TrialEnd = 'success' | 'failure' | 'unknown';

/** What was sent while a circuit was in one state; its end counts for that state only. */
export type Era = number;

export class CircuitBreaker {
  #parameters: CircuitParameters;
  #counts: RollingPair;
  #state: CircuitState = 'closed';
  #era: Era = 0;
  /** Epoch ms. */
  #openUntil = 0;
  /** Of the trials under way, when each was sent. */
  #trials: number[] = [];
  #successes = 0;

  constructor(parameters: CircuitParameters) {
    this.#parameters = parameters;
    this.#counts = new RollingPair(parameters.windowMs);
  }

  /** For a new version: state and counts stay, unless the window is another. */
  redefine(parameters: CircuitParameters): void {
    this.#parameters = parameters;
    if (parameters.windowMs !== this.#counts.windowMs) this.#counts = new RollingPair(parameters.windowMs);
  }

  /** An open circuit whose time is over counts as half-open. O(1). */
  stateAt(nowMs: number): CircuitState {
    return this.#state === 'open' && nowMs >= this.#openUntil ? 'half-open' : this.#state;
  }

  /** Whether one more request may be sent. O(1) unless half-open, then O(halfOpenMax). */
  mayTake(nowMs: number): boolean {
    const state = this.stateAt(nowMs);
    if (state !== 'half-open') return state === 'closed';
    if (this.#state === 'open') return true;
    return this.#successes + this.#youngTrials(nowMs) < this.#parameters.halfOpenMax;
  }

  /** ms until one more may be sent; 0 when now, and of trials that fill it 0 too: they end at any time. */
  opensInMs(nowMs: number): number {
    return this.stateAt(nowMs) === 'open' ? this.#openUntil - nowMs : 0;
  }

  /** One request is sent, which `mayTake` allowed. */
  sent(nowMs: number): { readonly era: Era; readonly change: CircuitChange } {
    let change: CircuitChange = null;
    if (this.#state === 'open' && nowMs >= this.#openUntil) {
      this.#trials = [];
      this.#successes = 0;
      change = this.#turn('half-open');
    }
    if (this.#state === 'half-open') this.#trials.push(nowMs);
    return { era: this.#era, change };
  }

  /** That request's head has come, or nothing. O(1) unless half-open. */
  ended(era: Era, sentAt: number, end: TrialEnd, nowMs: number): CircuitChange {
    if (era !== this.#era) return null;
    if (this.#state === 'half-open') return this.#endTrial(sentAt, end, nowMs);
    if (this.#state === 'open' || end === 'unknown') return null;
    this.#counts.add(1, end === 'failure' ? 1 : 0, nowMs);
    return end === 'failure' ? this.#judge(nowMs) : null;
  }

  /** The same request's body broke off: what counted as a success was none. */
  brokeOff(era: Era, nowMs: number): CircuitChange {
    if (era !== this.#era || this.#state === 'open') return null;
    if (this.#state === 'half-open') return this.#open(nowMs);
    this.#counts.add(0, 1, nowMs);
    return this.#judge(nowMs);
  }

  #judge(nowMs: number): CircuitChange {
    const { minRequests, failureRatio } = this.#parameters;
    const { all, some } = this.#counts.atMost(nowMs);
    return all >= minRequests && some >= failureRatio * all ? this.#open(nowMs) : null;
  }

  #endTrial(sentAt: number, end: TrialEnd, nowMs: number): CircuitChange {
    if (end === 'failure') return this.#open(nowMs);
    const at = this.#trials.indexOf(sentAt);
    if (at !== -1) this.#trials.splice(at, 1);
    if (end === 'unknown') return null;
    this.#successes++;
    return this.#successes >= this.#parameters.halfOpenMax ? this.#turn('closed') : null;
  }

  #open(nowMs: number): CircuitChange {
    this.#openUntil = nowMs + this.#parameters.openMs;
    return this.#turn('open');
  }

  #turn(state: CircuitState): CircuitState {
    this.#state = state;
    this.#era++;
    this.#counts.clear();
    return state;
  }

  /** One that has not ended after as long as the circuit was open keeps nobody else from trying. */
  #youngTrials(nowMs: number): number {
    this.#trials = this.#trials.filter((sentAt) => nowMs - sentAt < this.#parameters.openMs);
    return this.#trials.length;
  }
}
