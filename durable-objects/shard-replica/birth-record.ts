// What a member has to remember of its birth: the nonce that it wrote before anybody knew of it, and, once the
// Directory has recorded that, who the members of its group are.
import type { ShardMember } from '../interfaces/directory.ts';

export interface Membership {
  readonly members: readonly ShardMember[];
  /** The bound of `bounded` reads of the group, ms. */
  readonly boundMs: number;
}

type BirthRow = { nonce: string; members: string | null; boundMs: number | null };

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

  /** null before the Directory has answered. */
  membership(): Membership | null {
    const row = this.#row();
    if (row === undefined || row.members === null || row.boundMs === null) return null;
    return { members: JSON.parse(row.members), boundMs: row.boundMs };
  }

  keep({ members, boundMs }: Membership): void {
    this.#sql.exec('UPDATE birth SET members = ?, boundMs = ?', JSON.stringify(members), boundMs);
  }

  #row(): BirthRow | undefined {
    return this.#sql.exec<BirthRow>('SELECT nonce, members, boundMs FROM birth').toArray()[0];
  }
}
