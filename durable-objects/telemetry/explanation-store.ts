// The last explanations of live requests, each by its id. Those that somebody asked for and those that were sampled are
// kept apart, so that samples never push out what somebody is about to read.
import type { KeptExplanation } from '../interfaces/telemetry.ts';

/** Of each source; trimmed in steps. */
export const EXPLANATIONS_MAX = 500;
const TRIM_STEP = 50;
/** A row may have 2 MB; whoever makes explanations keeps them far shorter. */
const TEXT_MAX = 65_536;

export class ExplanationStore {
  private readonly sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS explanations (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
      source TEXT NOT NULL, route TEXT, text TEXT NOT NULL)`);
    sql.exec(
      'CREATE TABLE IF NOT EXISTS explain_key (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), key TEXT NOT NULL)',
    );
  }

  add(explanations: readonly KeptExplanation[]): void {
    for (const { id, source, route, text } of explanations) {
      if (text.length > TEXT_MAX) continue;
      this.sql.exec(
        'INSERT OR REPLACE INTO explanations (id, source, route, text) VALUES (?, ?, ?, ?)',
        ...[id, source, route, text],
      );
    }
    for (const source of new Set(explanations.map((explanation) => explanation.source))) this.trim(source);
  }

  /** As its edge wrote it; null when it is not there, or no longer. */
  find(id: string): string | null {
    const [row] = this.sql.exec('SELECT text FROM explanations WHERE id = ?', id).toArray();
    return row === undefined ? null : String(row.text);
  }

  /** Newest first; of one route, or of all. */
  list(route: string | null, limit: number): string[] {
    const rows =
      route === null
        ? this.sql.exec('SELECT text FROM explanations ORDER BY number DESC LIMIT ?', limit)
        : this.sql.exec(
            'SELECT text FROM explanations WHERE route = ? ORDER BY number DESC LIMIT ?',
            ...[route, limit],
          );
    return rows.toArray().map(({ text }) => String(text));
  }

  /** Made with the first call, the same ever after. */
  key(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    const key = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    this.sql.exec('INSERT OR IGNORE INTO explain_key (only_row, key) VALUES (1, ?)', key);
    return String(this.sql.exec('SELECT key FROM explain_key').one().key);
  }

  private trim(source: string): void {
    const count = Number(
      this.sql.exec('SELECT count(*) AS count FROM explanations WHERE source = ?', source).one().count,
    );
    if (count < EXPLANATIONS_MAX + TRIM_STEP) return;
    this.sql.exec(
      `DELETE FROM explanations WHERE source = ? AND number NOT IN
         (SELECT number FROM explanations WHERE source = ? ORDER BY number DESC LIMIT ?)`,
      ...[source, source, EXPLANATIONS_MAX],
    );
  }
}
