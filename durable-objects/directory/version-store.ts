// Configuration versions in SQLite: written once, never changed; the newest is the current one.
import type { ConfigDocument } from '../../core/config/schema.ts';
import type { ConfigVersion, ConfigVersionSummary } from '../interfaces/directory.ts';

/** Older ones are forgotten: a rollback reaches back this far. At most 1 MiB each. */
export const VERSIONS_MAX = 1_000;

type VersionRow = { version: number; createdAt: number; createdBy: string };

export class VersionStore {
  readonly #sql: SqlStorage;
  #current: ConfigVersion;

  /** A state without any version gets version 1, empty, by "system". */
  constructor(sql: SqlStorage, nowMs: number) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS config_versions (
      version INTEGER PRIMARY KEY, createdAt INTEGER NOT NULL, createdBy TEXT NOT NULL, document TEXT NOT NULL
    )`);
    const newest = sql
      .exec<{ version: number | null }>('SELECT max(version) AS version FROM config_versions')
      .one().version;
    this.#current =
      (newest === null ? null : this.find(newest)) ??
      this.#insert(1, nowMs, 'system', { pools: {}, routes: [] });
  }

  current(): ConfigVersion {
    return this.#current;
  }

  find(version: number): ConfigVersion | null {
    const row = this.#sql
      .exec<VersionRow & { document: string }>(
        'SELECT version, createdAt, createdBy, document FROM config_versions WHERE version = ?',
        version,
      )
      .toArray()[0];
    if (row === undefined) return null;
    const { document, ...summary } = row;
    return { ...summary, config: JSON.parse(document) as ConfigDocument };
  }

  /** Newest first. */
  list(): ConfigVersionSummary[] {
    return this.#sql
      .exec<VersionRow>('SELECT version, createdAt, createdBy FROM config_versions ORDER BY version DESC')
      .toArray();
  }

  /** Inside a transaction; if that fails, this store's memory is ahead of the storage and must be dropped. */
  append(document: ConfigDocument, createdBy: string, nowMs: number): ConfigVersion {
    const version = this.#current.version + 1;
    this.#current = this.#insert(version, nowMs, createdBy, document);
    this.#sql.exec('DELETE FROM config_versions WHERE version <= ?', version - VERSIONS_MAX);
    return this.#current;
  }

  #insert(version: number, createdAt: number, createdBy: string, document: ConfigDocument): ConfigVersion {
    const text = JSON.stringify(document);
    this.#sql.exec('INSERT INTO config_versions VALUES (?, ?, ?, ?)', version, createdAt, createdBy, text);
    return { version, createdAt, createdBy, config: JSON.parse(text) as ConfigDocument };
  }
}
