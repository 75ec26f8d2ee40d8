// When each backend last answered a user well, as the edges tell with their questions for snapshots. In memory only:
// what a restart forgets costs a probe that might have been spared. Edges tell ages, since their clocks are their own.
import type { Proof } from '../../core/load-balancing/proof-log.ts';

export class ProofBook {
  #version = 0;
  /** By pool, then backend: epoch ms of this object. */
  readonly #provedAt = new Map<string, Map<string, number>>();

  /** Proofs of requests that went by another version than the current one are of no worth. O(proofs). */
  take(current: number, version: number, proofs: readonly Proof[], nowMs: number): void {
    this.#turnTo(current);
    if (version !== current) return;
    for (const [pool, backend, ageMs] of proofs) {
      const ofPool = this.#provedAt.get(pool) ?? new Map<string, number>();
      this.#provedAt.set(pool, ofPool);
      ofPool.set(backend, Math.max(ofPool.get(backend) ?? 0, nowMs - ageMs));
    }
  }

  /** Backends of the pool with the age of their proof, ms. O(backends). */
  of(current: number, pool: string, nowMs: number): (readonly [string, number])[] {
    this.#turnTo(current);
    return [...(this.#provedAt.get(pool) ?? [])].map(([backend, at]) => [backend, nowMs - at] as const);
  }

  #turnTo(current: number): void {
    if (current !== this.#version) this.#provedAt.clear();
    this.#version = current;
  }
}
