// Which backends have answered users well lately, as one edge saw it: told to the Directory with its next question, so
// that probes of what is proved anyway can be spared. A failure between two reports takes the proof away: then it is
// the probe's turn to say.

/** Of one backend: how long before the report it last answered well, ms. */
export type Proof = readonly [pool: string, backend: string, ageMs: number];

interface Noted {
  readonly pool: string;
  readonly backend: string;
  /** Epoch ms; null when a request failed since the last report. */
  provedAt: number | null;
}

export class ProofLog {
  /** Of the configuration that all noted requests went by: a proof of a backend's former address proves nothing. */
  #version = 0;
  /** By "POOL/BACKEND" (neither holds a slash). */
  readonly #noted = new Map<string, Noted>();

  /** O(1). `version`: by which the request was sent. */
  note(version: number, pool: string, backend: string, isGood: boolean, nowMs: number): void {
    if (version < this.#version) return;
    if (version > this.#version) this.#noted.clear();
    this.#version = version;
    const key = `${pool}/${backend}`;
    const noted = this.#noted.get(key);
    if (!noted) this.#noted.set(key, { pool, backend, provedAt: isGood ? nowMs : null });
    else if (!isGood || noted.provedAt !== null) noted.provedAt = isGood ? nowMs : null;
  }

  /** What was noted since the last time, and is forgotten with it; null when there is nothing. O(backends). */
  take(version: number, nowMs: number): readonly Proof[] | null {
    if (this.#noted.size === 0) return null;
    const isCurrent = version === this.#version;
    const proofs = [...this.#noted.values()].flatMap(({ pool, backend, provedAt }): Proof[] =>
      isCurrent && provedAt !== null ? [[pool, backend, Math.max(0, nowMs - provedAt)]] : [],
    );
    this.#noted.clear();
    return proofs.length > 0 ? proofs : null;
  }
}
