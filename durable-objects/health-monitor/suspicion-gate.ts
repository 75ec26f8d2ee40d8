// Lets one suspicion of a backend through at a time, and few altogether: thousands of edges meet the same failure in
// the same moment, and one probe answers them all.
import type { SuspicionAnswer } from '../../core/load-balancing/suspicion-pacer.ts';

/** Least distance of two probes for suspicions of one backend. */
const SPACING_MS = 250;
/** Suspicions verified at once; alarms have their own six. */
const AT_ONCE_MAX = 6;

export class SuspicionGate {
  readonly #running = new Map<string, Promise<SuspicionAnswer>>();
  readonly #startedAt = new Map<string, number>();

  /** Whoever comes while the same backend is being verified gets that answer; `pending` where it cannot be now. */
  async verify(
    backend: string,
    nowMs: number,
    probe: () => Promise<SuspicionAnswer>,
  ): Promise<SuspicionAnswer> {
    const running = this.#running.get(backend);
    if (running) return running;
    if (this.#running.size >= AT_ONCE_MAX) return 'pending';
    if (nowMs - (this.#startedAt.get(backend) ?? Number.NEGATIVE_INFINITY) < SPACING_MS) return 'pending';
    // What lies further back keeps nothing waiting.
    for (const [id, at] of this.#startedAt) if (nowMs - at >= SPACING_MS) this.#startedAt.delete(id);
    this.#startedAt.set(backend, nowMs);
    const started = probe().finally(() => this.#running.delete(backend));
    this.#running.set(backend, started);
    return started;
  }
}
