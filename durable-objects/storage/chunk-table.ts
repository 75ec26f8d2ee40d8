// Chunks of large bodies in SQL, found by the SHA-256 of their content.

export class ChunkTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  has(hash: string): boolean {
    return this.#sql.exec('SELECT 1 FROM chunks WHERE hash = ?', hash).toArray().length > 0;
  }

  read(hash: string): Uint8Array | undefined {
    const found = this.#sql
      .exec<{ bytes: ArrayBuffer }>('SELECT bytes FROM chunks WHERE hash = ?', hash)
      .toArray()[0];
    return found === undefined ? undefined : new Uint8Array(found.bytes);
  }

  newestAt(): number | null {
    return this.#sql.exec<{ at: number | null }>('SELECT max(stagedAt) AS at FROM chunks').one().at;
  }

  /** Content-addressed: bytes that are there already are not written again. */
  put(hash: string, bytes: Uint8Array, stagedAt: number): void {
    this.#sql.exec(
      `INSERT INTO chunks (hash, stagedAt, bytes) VALUES (?, ?, ?)
       ON CONFLICT (hash) DO UPDATE SET stagedAt = max(stagedAt, excluded.stagedAt)`,
      hash,
      stagedAt,
      bytes,
    );
  }

  /** O(chunks, and the rows and entries that name some). */
  sweep(stagedBefore: number): void {
    this.#sql.exec(
      `DELETE FROM chunks WHERE stagedAt < ? AND hash NOT IN (
         SELECT named.value FROM rows, json_each(rows.hashes) AS named WHERE rows.hashes IS NOT NULL
         UNION SELECT named.value FROM log, json_each(log.hashes) AS named WHERE log.hashes IS NOT NULL)`,
      stagedBefore,
    );
  }
}
