// What the group's work costs, as a bill counts it: calls between objects and rows written. Each member counts its own and
// tells it with the next answer that it gives to anybody; the primary adds what backups tell it, the edge hands the sums to
// the counters.
import type { Message } from '../../core/replication/messages.ts';
import type { CountedMessage, MemberWork } from '../interfaces/shard-replica.ts';

export class WorkCount {
  #objectCalls = 0;
  #rowsWritten = 0;

  called(): void {
    this.#objectCalls += 1;
  }

  wrote(rows: number): void {
    this.#rowsWritten += rows;
  }

  /** For an edge. Counted from 0 again. */
  take(): MemberWork {
    const work = { objectCalls: this.#objectCalls, rowsWritten: this.#rowsWritten };
    this.#objectCalls = 0;
    this.#rowsWritten = 0;
    return work;
  }

  /** The answer to another member, with the rows written here. */
  tellWith(answer: Message): CountedMessage {
    const rowsWritten = this.#rowsWritten;
    this.#rowsWritten = 0;
    return { ...answer, rowsWritten };
  }
}

/** `sql`, whose writing statements are counted. Only `exec` is there: no more is used of it. */
export function countedSql(sql: SqlStorage, work: WorkCount): SqlStorage {
  const exec = <T extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]) => {
    const cursor = sql.exec<T>(query, ...bindings);
    // Asking costs a call into the runtime, and reads write nothing.
    if (!query.startsWith('SELECT')) work.wrote(cursor.rowsWritten);
    return cursor;
  };
  return { exec } as unknown as SqlStorage;
}
