// Small facts of the Directory by name, as JSON.

export class MetaStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)');
  }

  /** Undefined when it was never written. */
  read(name: string): unknown {
    const row = this.#sql.exec<{ value: string }>('SELECT value FROM meta WHERE name = ?', name).toArray()[0];
    return row === undefined ? undefined : JSON.parse(row.value);
  }

  write(name: string, value: unknown): void {
    this.#sql.exec(
      'INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      name,
      JSON.stringify(value),
    );
  }
}
