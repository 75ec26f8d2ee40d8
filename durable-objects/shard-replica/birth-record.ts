// What a member has to remember of its birth: the nonce that it wrote before anybody knew of it, and, once the
// Directory has recorded that, who the members of its group are.
import type { ShardMember } from '../interfaces/directory.ts';

type BirthRow = { nonce: string; members: string | null };

export class BirthRecord {
  readonly #sql: SqlStorage;

  /** The tables must be there (`createTables`). */
  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The nonce of this storage's life, the same as long as the storage is. */
  nonce(): string {
    const row = this.#row();
    if (row !== undefined) return row.nonce;
    const nonce = crypto.randomUUID();
    this.#sql.exec('INSERT INTO birth (id, nonce) VALUES (1, ?)', nonce);
    return nonce;
  }

  /** Whatever is on this storage, it is another one from here on: the next boot asks the Directory who it is. */
  renew(): void {
    this.#sql.exec('UPDATE birth SET nonce = ?, members = NULL', crypto.randomUUID());
  }

  /** Of the group; null before the Directory has answered. */
  members(): readonly ShardMember[] | null {
    const members = this.#row()?.members ?? null;
    return members === null ? null : JSON.parse(members);
  }

  keep(members: readonly ShardMember[]): void {
    this.#sql.exec('UPDATE birth SET members = ?', JSON.stringify(members));
  }

  #row(): BirthRow | undefined {
    return this.#sql.exec<BirthRow>('SELECT nonce, members FROM birth').toArray()[0];
  }
}
