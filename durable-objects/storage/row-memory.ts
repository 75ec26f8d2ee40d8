// Rows that were read lately, by key, kept in the object's memory: a popular key is then looked up without SQL. Bounded in
// bytes; the key read in longest ago goes first. Whoever writes a key must forget it here.
import type { Row } from '../../core/replication/store.ts';

/** What a row takes beside its key, meta and body. */
const OVERHEAD_BYTES = 512;

interface Remembered {
  readonly rows: readonly Row[];
  readonly bytes: number;
}

export class RowMemory {
  readonly #keys = new Map<string, Remembered>();
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Undefined when they are not remembered; none is an answer as well. */
  get(key: string): readonly Row[] | undefined {
    return this.#keys.get(key)?.rows;
  }

  /** All rows of the key, with bodies that are in memory already. O(rows). */
  set(key: string, rows: readonly Row[]): void {
    this.forget(key);
    const bytes = rows.reduce(
      (sum, row) => sum + row.bytes + OVERHEAD_BYTES,
      OVERHEAD_BYTES + 2 * key.length,
    );
    if (bytes > this.#bytesMax / 16) return;
    this.#keys.set(key, { rows, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#keys.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.forget(oldest);
    }
  }

  forget(key: string): void {
    const known = this.#keys.get(key);
    if (known === undefined) return;
    this.#keys.delete(key);
    this.#bytes -= known.bytes;
  }
}
