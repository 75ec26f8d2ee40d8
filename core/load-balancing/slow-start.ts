// How warm each backend is: after it came back (by a verdict, or when its ejection ended) or was added or enabled, the
// part of its share that it takes grows evenly with time. Kept for one isolate by backend id, across versions.
import type { HealthState } from './health.ts';

export interface SlowStartParameters {
  /** 0 = off. */
  readonly windowMs: number;
  /** Above 0, up to 1. */
  readonly fromRatio: number;
}

interface SeenVerdict {
  readonly state: HealthState;
  /** When the state began by the clock of whoever said it, epoch ms. */
  readonly since: number;
}

interface Known {
  isEligible: boolean;
  /** Epoch ms of this isolate; −Infinity: since ever. */
  startedAt: number;
  /** Whether it was well when last looked at; null: never was. */
  wasHealthy: boolean | null;
  /** Of the verdict then; null without one. */
  since: number | null;
}

/** The first verdicts on a pool's backends come within this of one another. */
const COHORT_MS = 5_000;

export class SlowStart {
  #parameters: SlowStartParameters = { windowMs: 0, fromRatio: 1 };
  readonly #known = new Map<string, Known>();
  #isDefined = false;
  #verdicts: object | null | undefined;
  /** When verdicts were last looked at, epoch ms. */
  #lookedAt = Number.NEGATIVE_INFINITY;

  /**
   * For a version: `eligible` are those of `all` that may take traffic. What the first version has is warm; what a
   * later one adds, or lets take traffic again, starts now. O(all).
   */
  redefine(
    parameters: SlowStartParameters,
    all: readonly string[],
    eligible: readonly string[],
    nowMs: number,
  ): void {
    this.#parameters = parameters;
    const kept = new Set(all);
    for (const id of this.#known.keys()) if (!kept.has(id)) this.#known.delete(id);
    const isFirst = !this.#isDefined;
    const takes = new Set(eligible);
    for (const id of all) {
      const isEligible = takes.has(id);
      const known = this.#known.get(id);
      const starts = isEligible && known?.isEligible !== true && !isFirst;
      const startedAt = starts ? nowMs : (known?.startedAt ?? Number.NEGATIVE_INFINITY);
      if (known) Object.assign(known, { isEligible, startedAt });
      else this.#known.set(id, { isEligible, startedAt, wasHealthy: null, since: null });
    }
    this.#isDefined = true;
    this.#verdicts = undefined;
  }

  /**
   * Before a choice: `verdicts` is the pool's present set of verdicts, the same object as long as none changed;
   * `initial` holds where there is none. A verdict's `since` is another machine's time: it is believed as far as it
   * lies between the last look, which saw it otherwise, and now. At the first look, those that have been healthy for
   * longest are the measure of the others: as warm as anybody can be. O(1), O(backends) for a new set.
   */
  look(
    verdicts: object | null,
    verdictOf: (backend: string) => SeenVerdict | null,
    initial: 'healthy' | 'unhealthy',
    nowMs: number,
  ): void {
    if (verdicts !== this.#verdicts) {
      let oldest = Number.POSITIVE_INFINITY;
      for (const id of this.#known.keys()) {
        const verdict = verdictOf(id);
        if ((verdict?.state ?? initial) === 'unhealthy') continue;
        oldest = Math.min(oldest, verdict?.since ?? Number.NEGATIVE_INFINITY);
      }
      for (const [id, known] of this.#known) this.#see(known, verdictOf(id), initial, oldest, nowMs);
      this.#verdicts = verdicts;
    }
    this.#lookedAt = nowMs;
  }

  /** Above 0, up to 1. `ejectionEndedAt`: epoch ms of this isolate, −Infinity when it never was ejected. O(1). */
  warmth(backend: string, ejectionEndedAt: number, nowMs: number): number {
    const { windowMs, fromRatio } = this.#parameters;
    const startedAt = this.#known.get(backend)?.startedAt ?? Number.NEGATIVE_INFINITY;
    const elapsedMs = nowMs - Math.max(startedAt, ejectionEndedAt);
    if (elapsedMs >= windowMs) return 1;
    return fromRatio + (1 - fromRatio) * (Math.max(0, elapsedMs) / windowMs);
  }

  #see(
    known: Known,
    verdict: SeenVerdict | null,
    initial: 'healthy' | 'unhealthy',
    oldest: number,
    nowMs: number,
  ): void {
    const isHealthy = (verdict?.state ?? initial) !== 'unhealthy';
    const since = verdict?.since ?? null;
    if (isHealthy && since !== null) {
      const isUnseen = known.wasHealthy === null;
      // Whoever took traffic before the first verdict does not come back by it.
      const isBack = known.wasHealthy === false || (known.since !== null && since !== known.since);
      if (isUnseen ? since - oldest > COHORT_MS : isBack) {
        const earliestAt = isUnseen ? Number.NEGATIVE_INFINITY : this.#lookedAt;
        known.startedAt = Math.max(known.startedAt, Math.min(Math.max(since, earliestAt), nowMs));
      }
    }
    known.wasHealthy = isHealthy;
    known.since = since;
  }
}
