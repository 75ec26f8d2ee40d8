// A monitor's memory on disk: what the Directory said last in one row, what is known of the backends in rows of a
// hundred each. So a round of probes of a usual pool costs one written row, and the largest pool still fits into rows.
import { healthSchema, VANTAGE_DEFAULT } from '../../core/config/health-schema.ts';
import type { Pool } from '../../core/config/schema.ts';
import type { MonitorState, ProbedBackend } from './probed-backends.ts';
import { EMPTY_STATE } from './probed-backends.ts';

/** What the Directory said last. */
export interface Assignment {
  readonly pool: string;
  readonly vantage: string;
  readonly version: number;
  readonly definition: Pool | null;
}

/** A backend takes up to 1 KB, most of it messages; a row may have 2 MB. */
const BACKENDS_PER_ROW = 100;

type Entry = readonly [id: string, backend: ProbedBackend];

export class MonitorStore {
  readonly #sql: SqlStorage;
  /** By row, what stands in it: a row is written when something in it is new. */
  #written: (readonly Entry[])[] = [];
  #writtenEpoch = -1;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec('CREATE TABLE IF NOT EXISTS monitor (name TEXT PRIMARY KEY, value TEXT NOT NULL)');
  }

  /** What an earlier release stored lacks the fields that came later. */
  readAssignment(): Assignment | null {
    const assignment = this.#read('assignment') as Assignment | null;
    if (assignment === null) return null;
    const { vantage = VANTAGE_DEFAULT, definition } = assignment;
    const health = definition?.health && healthSchema.parse(definition.health);
    return { ...assignment, vantage, definition: definition && { ...definition, health } };
  }

  writeAssignment(assignment: Assignment): void {
    this.#write('assignment', assignment);
  }

  readState(): MonitorState {
    let state = EMPTY_STATE;
    for (let index = 0; ; index++) {
      const row = this.#read(rowName(index)) as MonitorState | null;
      if (row === null) {
        // An earlier release kept all in the first row.
        if (rowsOf(state).length === index) this.#remember(state);
        return state;
      }
      state = { epoch: Math.max(state.epoch, row.epoch), backends: { ...state.backends, ...row.backends } };
    }
  }

  /** Rows of which nothing changed are left alone. O(n). */
  writeState(state: MonitorState): void {
    const rows = rowsOf(state);
    rows.forEach((row, index) => {
      // The first row holds the epoch.
      if (areSame(this.#written[index], row) && (index > 0 || state.epoch === this.#writtenEpoch)) return;
      this.#write(rowName(index), { epoch: state.epoch, backends: Object.fromEntries(row) });
    });
    for (let index = rows.length; index < this.#written.length; index++) {
      this.#sql.exec('DELETE FROM monitor WHERE name = ?', rowName(index));
    }
    this.#remember(state);
  }

  #remember(state: MonitorState): void {
    this.#written = rowsOf(state);
    this.#writtenEpoch = state.epoch;
  }

  #read(name: string): unknown {
    const [row] = this.#sql
      .exec<{ value: string }>('SELECT value FROM monitor WHERE name = ?', name)
      .toArray();
    return row === undefined ? null : JSON.parse(row.value);
  }

  #write(name: string, value: unknown): void {
    this.#sql.exec(
      'INSERT INTO monitor VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      name,
      JSON.stringify(value),
    );
  }
}

/** At least one: it holds the epoch. */
function rowsOf({ backends }: MonitorState): Entry[][] {
  const entries = Object.entries(backends);
  const count = Math.max(1, Math.ceil(entries.length / BACKENDS_PER_ROW));
  return Array.from({ length: count }, (_, index) =>
    entries.slice(index * BACKENDS_PER_ROW, (index + 1) * BACKENDS_PER_ROW),
  );
}

function rowName(index: number): string {
  return index === 0 ? 'state' : `state ${index}`;
}

function areSame(written: readonly Entry[] | undefined, row: readonly Entry[]): boolean {
  return (
    written?.length === row.length &&
    row.every(([id, backend], index) => written[index]?.[0] === id && written[index]?.[1] === backend)
  );
}
