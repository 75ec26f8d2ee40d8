// When an edge asks the monitor to confirm that a backend fails: at the first sign, and then ever more rarely while
// the probes find nothing. So a dead backend is known within a second, and one that fails some users all day long
// while its probes succeed costs a call a minute.

const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 60_000;
/** Not asked for so long, it is a new story. */
const FORGET_MS = 120_000;

/** `pending`: not probed for this, since one was under way or had just been; or nobody answered. */
export type SuspicionAnswer = 'confirmed' | 'refuted' | 'pending' | 'not-probed';

interface Pace {
  askedAt: number;
  pauseMs: number;
}

/** Of one pool, by backend id. All O(1). */
export class SuspicionPacer {
  readonly #paces = new Map<string, Pace>();

  /** Whether to ask now; true counts as asked. `isOutlier`: it is more than a single failure, so the least pause holds. */
  mayAsk(backend: string, isOutlier: boolean, nowMs: number): boolean {
    const pace = this.#paces.get(backend);
    if (!pace || nowMs - pace.askedAt >= FORGET_MS) {
      this.#paces.set(backend, { askedAt: nowMs, pauseMs: PAUSE_MS_MIN });
      return true;
    }
    if (nowMs - pace.askedAt < (isOutlier ? PAUSE_MS_MIN : pace.pauseMs)) return false;
    pace.askedAt = nowMs;
    return true;
  }

  heard(backend: string, answer: SuspicionAnswer): void {
    const pace = this.#paces.get(backend);
    if (!pace) return;
    switch (answer) {
      case 'confirmed':
        pace.pauseMs = PAUSE_MS_MIN;
        return;
      case 'pending':
        return;
      case 'refuted':
      case 'not-probed':
        pace.pauseMs = Math.min(2 * pace.pauseMs, PAUSE_MS_MAX);
        return;
      default:
        answer satisfies never;
        throw new Error(`Cannot pace suspicions by the answer ${String(answer)}`);
    }
  }

  /** Backends of another version: the others are forgotten. O(n). */
  keepOnly(backends: readonly string[]): void {
    const known = new Set(backends);
    for (const backend of this.#paces.keys()) if (!known.has(backend)) this.#paces.delete(backend);
  }
}
