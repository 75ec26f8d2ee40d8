// Which of a member's HTTP rows should go when space runs out: the cache's eviction policy over what is stored. It lives in
// memory, apart from the replicated state: every member follows what is written and removed, whoever answers lookups also
// what is used; a primary's choice goes through the log and is carried out by all.
//
// After a start nothing is known: rows that are used or written become known at once, the others a page at a time, oldest
// first, whenever space is needed; so is what was let go of because there are more rows than are kept track of.
import { RoundelPolicy } from '../../core/cache/eviction/roundel-policy.ts';
import { SizedCache } from '../../core/cache/eviction/sized-cache.ts';
import type { RowAddress } from '../../core/replication/commands.ts';

export interface RankedRow extends RowAddress {
  readonly bytes: number;
}

interface Leaving {
  readonly row: RankedRow;
  readonly round: number;
}

/** Rows kept track of: some 200 bytes each, beside the key's own. */
const ROWS_MAX = 65_536;
const PAGE_ROWS = 1_024;
/** What was chosen is gone from the store within so many rounds, or was not evicted: then it stands in line again. */
const LEAVING_ROUNDS = 16;

const idOf = ({ key, variant }: RowAddress): string => `${variant.length}:${variant}${key}`;

export class EvictionRanks {
  readonly #ranked = new SizedCache<RankedRow>(Number.POSITIVE_INFINITY, new RoundelPolicy());
  /** Chosen, and on its way out through the log; oldest round first. */
  readonly #leaving = new Map<string, Leaving>();
  #leavingBytes = 0;
  #round = 0;
  /** Id of the row that was read last to become known. */
  #readTo = 0;
  readonly #readRows: (afterId: number, limit: number) => { rows: readonly RankedRow[]; lastId: number };
  readonly #rowsMax: number;

  /** @param readRows HTTP rows by ascending id */
  constructor(
    readRows: (afterId: number, limit: number) => { rows: readonly RankedRow[]; lastId: number },
    rowsMax = ROWS_MAX,
  ) {
    this.#readRows = readRows;
    this.#rowsMax = rowsMax;
  }

  get count(): number {
    return this.#ranked.count;
  }

  /** A row was written. */
  put({ key, variant, bytes }: RankedRow): void {
    const id = idOf({ key, variant });
    this.#stay(id);
    this.#rank(id, { key, variant, bytes });
  }

  /** A row is gone. */
  remove(address: RowAddress): void {
    const id = idOf(address);
    // What went for space stays remembered by the policy.
    if (!this.#stay(id)) this.#ranked.delete(id);
  }

  /** A row served a lookup. */
  use(row: RankedRow): void {
    const id = idOf(row);
    if (!this.#ranked.has(id)) this.put(row);
    this.#ranked.get(id);
  }

  /**
   * Up to `limit` rows whose going would free `bytes`, next to go first.
   * @param storedBytes of all HTTP rows: more than is known of means that there are others
   */
  victims(bytes: number, limit: number, storedBytes: number): RankedRow[] {
    this.#round += 1;
    this.#takeBack();
    if (this.#ranked.bytes + this.#leavingBytes < storedBytes) this.#readPage();
    const victims: RankedRow[] = [];
    let left = bytes;
    while (left > 0 && victims.length < limit) {
      const victim = this.#ranked.takeVictim();
      if (victim === null) break;
      this.#leaving.set(victim.key, { row: victim.value, round: this.#round });
      this.#leavingBytes += victim.bytes;
      victims.push(victim.value);
      left -= victim.bytes;
    }
    return victims;
  }

  #rank(id: string, row: RankedRow): void {
    this.#ranked.set(id, row, row.bytes);
    if (this.#ranked.count > this.#rowsMax) this.#ranked.takeVictim();
  }

  /** Whether it was on its way out. */
  #stay(id: string): boolean {
    const leaving = this.#leaving.get(id);
    if (leaving === undefined) return false;
    this.#leaving.delete(id);
    this.#leavingBytes -= leaving.row.bytes;
    return true;
  }

  #takeBack(): void {
    for (const [id, { row, round }] of this.#leaving) {
      if (round + LEAVING_ROUNDS > this.#round) return;
      this.#stay(id);
      this.#rank(id, row);
    }
  }

  #readPage(): void {
    const { rows, lastId } = this.#readRows(this.#readTo, PAGE_ROWS);
    // From the beginning again when the end is reached: there may be more than are kept track of.
    this.#readTo = rows.length < PAGE_ROWS ? 0 : lastId;
    for (const { key, variant, bytes } of rows) {
      const id = idOf({ key, variant });
      if (!this.#ranked.has(id) && !this.#leaving.has(id)) this.#rank(id, { key, variant, bytes });
    }
  }
}
