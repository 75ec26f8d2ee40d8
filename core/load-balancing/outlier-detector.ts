// Takes a backend out for a while when the requests of this isolate go wrong at it: the passive half of health. The
// rules are those of Envoy's outlier detection, with errors of the connection and of the answer counted apart: a
// backend that refuses connections must not be saved by the odd 503, nor the other way round.
import type { Random } from '../random.ts';
import type { AttemptOutcome } from './attempt-outcome.ts';
import { lowOutliers } from './low-outliers.ts';

export interface OutlierParameters {
  /** In a row; 0 = does not eject. */
  readonly consecutiveGatewayErrors: number;
  readonly consecutiveLocalErrors: number;
  /** Of the requests of one interval, 0–1; 0 = does not eject. */
  readonly failureRatio: number;
  /** Standard deviations below the mean success rate; 0 = does not eject. */
  readonly deviation: number;
  /** Of one backend in one interval, before its ratio or rate says anything. */
  readonly minRequests: number;
  readonly intervalMs: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  /** Of the pool, 0–1; always one backend, unless it is 0. */
  readonly maxEjectedRatio: number;
}

export type OutlierCause =
  | 'consecutive-gateway-errors'
  | 'consecutive-local-errors'
  | 'failure-ratio'
  | 'success-rate';

export interface Detection {
  readonly backend: string;
  readonly cause: OutlierCause;
  /** Epoch ms; null where it is not ejected, since too many are or no other is left. */
  readonly ejectedUntil: number | null;
}

interface Watched {
  gatewayErrors: number;
  localErrors: number;
  /** Of the present interval. */
  requests: number;
  failures: number;
  /** How often it was ejected, less one for every interval since the last time. */
  ejections: number;
  ejectedAt: number;
  /** Epoch ms; 0 = never was. */
  ejectedUntil: number;
}

const JITTER_RATIO = 0.1;

export class OutlierDetector {
  readonly #random: Random;
  #parameters: OutlierParameters;
  /** Backends that may take traffic. */
  #eligible: readonly string[] = [];
  readonly #watched = new Map<string, Watched>();
  /** Those whose ejection has not been seen to end. */
  readonly #ejected = new Set<string>();
  #intervalStartedAt = Number.NEGATIVE_INFINITY;

  constructor(parameters: OutlierParameters, random: Random) {
    this.#parameters = parameters;
    this.#random = random;
  }

  /** For a new version: what is known stays with each id, what is no longer in `all` is forgotten. O(n). */
  redefine(parameters: OutlierParameters, all: readonly string[], eligible: readonly string[]): void {
    this.#parameters = parameters;
    this.#eligible = eligible;
    const known = new Set(all);
    for (const backend of this.#watched.keys()) if (!known.has(backend)) this.#watched.delete(backend);
    for (const backend of this.#ejected) if (!known.has(backend)) this.#ejected.delete(backend);
  }

  /**
   * `isUsable`: nothing else than an ejection speaks against that backend. O(1), at an ejection and once an interval
   * O(n). An ejected backend's requests, on their way or as a last resort, say nothing new.
   */
  record(
    backend: string,
    outcome: AttemptOutcome,
    nowMs: number,
    isUsable: (backend: string) => boolean,
  ): readonly Detection[] {
    const detections: Detection[] = [];
    const detect = (found: string, cause: OutlierCause): void => {
      detections.push({ backend: found, cause, ejectedUntil: this.#eject(found, nowMs, isUsable) });
    };
    if (nowMs - this.#intervalStartedAt >= this.#parameters.intervalMs) {
      for (const outlier of this.#closeInterval(nowMs)) detect(outlier, 'success-rate');
    }
    if (outcome === 'edge-error' || this.ejectedUntil(backend, nowMs) !== null) return detections;
    const cause = this.#count(this.#watch(backend), outcome);
    if (cause !== null) detect(backend, cause);
    return detections;
  }

  /** Epoch ms, or null when it is not ejected now. O(1). */
  ejectedUntil(backend: string, nowMs: number): number | null {
    if (!this.#ejected.has(backend)) return null;
    const until = this.#watched.get(backend)?.ejectedUntil ?? 0;
    if (nowMs < until) return until;
    this.#ejected.delete(backend);
    return null;
  }

  /** When its last ejection ended, epoch ms; −Infinity when it never was ejected, or still is. O(1). */
  ejectionEndedAt(backend: string, nowMs: number): number {
    const until = this.#watched.get(backend)?.ejectedUntil ?? 0;
    return until > 0 && until <= nowMs ? until : Number.NEGATIVE_INFINITY;
  }

  /** A verdict of health that is younger than the ejection ends it: the backend has come back. O(1). */
  heardHealthy(backend: string, since: number, nowMs: number): void {
    if (!this.#ejected.has(backend)) return;
    const watched = this.#watch(backend);
    if (since <= watched.ejectedAt) return;
    watched.ejectedUntil = Math.min(watched.ejectedUntil, nowMs);
    this.#ejected.delete(backend);
  }

  #count(watched: Watched, outcome: Exclude<AttemptOutcome, 'edge-error'>): OutlierCause | null {
    const { consecutiveGatewayErrors, consecutiveLocalErrors, failureRatio, minRequests } = this.#parameters;
    watched.requests++;
    if (outcome !== 'success') watched.failures++;
    if (outcome === 'local-error') watched.localErrors++;
    else {
      watched.localErrors = 0;
      watched.gatewayErrors = outcome === 'gateway-error' ? watched.gatewayErrors + 1 : 0;
    }
    if (outcome === 'success') return null;
    if (consecutiveLocalErrors > 0 && watched.localErrors >= consecutiveLocalErrors) {
      return 'consecutive-local-errors';
    }
    if (consecutiveGatewayErrors > 0 && watched.gatewayErrors >= consecutiveGatewayErrors) {
      return 'consecutive-gateway-errors';
    }
    const isMany = watched.requests >= minRequests;
    const isTooMuch = failureRatio > 0 && watched.failures >= failureRatio * watched.requests;
    return isMany && isTooMuch ? 'failure-ratio' : null;
  }

  /** The outliers of the interval that ends; the next begins now. */
  #closeInterval(nowMs: number): readonly string[] {
    const { deviation, minRequests } = this.#parameters;
    const rates = new Map<string, number>();
    for (const [backend, { requests, failures }] of this.#watched) {
      if (requests >= minRequests && this.ejectedUntil(backend, nowMs) === null) {
        rates.set(backend, 1 - failures / requests);
      }
    }
    for (const watched of this.#watched.values()) {
      watched.requests = 0;
      watched.failures = 0;
    }
    this.#intervalStartedAt = nowMs;
    return deviation > 0 ? lowOutliers(rates, deviation) : [];
  }

  /** Until when, or null when it has to stay. Either way its counts begin anew. */
  #eject(backend: string, nowMs: number, isUsable: (backend: string) => boolean): number | null {
    const watched = this.#watch(backend);
    Object.assign(watched, { gatewayErrors: 0, localErrors: 0, requests: 0, failures: 0 });
    if (!this.#mayEject(backend, nowMs, isUsable)) return null;
    const { intervalMs, baseEjectionMs, maxEjectionMs } = this.#parameters;
    const quietIntervals = Math.floor((nowMs - watched.ejectedUntil) / intervalMs);
    watched.ejections = Math.max(0, watched.ejections - quietIntervals) + 1;
    // Longer by chance, so that the isolates of a fleet do not all come back to it at once.
    const wholeMs = baseEjectionMs * watched.ejections * (1 + JITTER_RATIO * this.#random.next());
    watched.ejectedAt = nowMs;
    watched.ejectedUntil = nowMs + Math.round(Math.min(wholeMs, maxEjectionMs));
    this.#ejected.add(backend);
    return watched.ejectedUntil;
  }

  #mayEject(backend: string, nowMs: number, isUsable: (backend: string) => boolean): boolean {
    const { maxEjectedRatio } = this.#parameters;
    if (maxEjectedRatio === 0 || !this.#eligible.includes(backend)) return false;
    let ejected = 0;
    for (const other of this.#eligible) if (this.ejectedUntil(other, nowMs) !== null) ejected++;
    if (ejected >= Math.max(1, Math.floor(maxEjectedRatio * this.#eligible.length))) return false;
    return this.#eligible.some(
      (other) => other !== backend && this.ejectedUntil(other, nowMs) === null && isUsable(other),
    );
  }

  #watch(backend: string): Watched {
    let watched = this.#watched.get(backend);
    if (!watched) {
      watched = {
        gatewayErrors: 0,
        localErrors: 0,
        requests: 0,
        failures: 0,
        ejections: 0,
        ejectedAt: 0,
        ejectedUntil: 0,
      };
      this.#watched.set(backend, watched);
    }
    return watched;
  }
}
