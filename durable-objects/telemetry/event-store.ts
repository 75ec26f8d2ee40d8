// The last events in SQL, newest first by pages. The oldest go when there are too many.
import type { NewEvent, StoredEvent } from '../interfaces/telemetry.ts';

/** Events kept; trimmed in steps, so that a full store does not delete with every insert. */
export const EVENTS_MAX = 10_000;
const TRIM_STEP = 500;
const TEXT_MAX = 512;
const DETAIL_MAX = 8_192;

export class EventStore {
  private readonly sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,
      type TEXT NOT NULL, subject TEXT NOT NULL, detail TEXT NOT NULL)`);
  }

  add(events: readonly NewEvent[]): void {
    let newest = 0;
    for (const event of events) {
      const detail = JSON.stringify(event.detail);
      const { id } = this.sql
        .exec(
          'INSERT INTO events (at, type, subject, detail) VALUES (?, ?, ?, ?) RETURNING id',
          event.at,
          event.type.slice(0, TEXT_MAX),
          event.subject.slice(0, TEXT_MAX),
          detail.length <= DETAIL_MAX ? detail : JSON.stringify({ omitted: `${detail.length} characters` }),
        )
        .one();
      newest = Number(id);
    }
    if (newest === 0) return;
    const oldest = Number(this.sql.exec('SELECT min(id) AS id FROM events').one().id);
    if (newest - oldest >= EVENTS_MAX + TRIM_STEP) {
      this.sql.exec('DELETE FROM events WHERE id <= ?', newest - EVENTS_MAX);
    }
  }

  /** `after`: the cursor of the page before, null for the newest. The cursor returned is null on the last page. */
  page(after: string | null, limit: number): { events: StoredEvent[]; cursor: string | null } {
    const before = after === null ? Number.MAX_SAFE_INTEGER : Number(after);
    const rows = this.sql
      .exec(
        'SELECT id, at, type, subject, detail FROM events WHERE id < ? ORDER BY id DESC LIMIT ?',
        before,
        limit + 1,
      )
      .toArray();
    const events = rows.slice(0, limit).map((row) => ({
      id: Number(row.id),
      at: Number(row.at),
      type: String(row.type),
      subject: String(row.subject),
      detail: JSON.parse(String(row.detail)),
    }));
    const last = events.at(-1);
    return { events, cursor: rows.length > limit && last ? String(last.id) : null };
  }
}
