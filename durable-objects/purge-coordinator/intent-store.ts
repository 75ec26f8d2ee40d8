// Purges in SQL: what was asked for, which shards it concerns, and which of them have committed it. Written before
// anything is sent, so that a restart goes on where it was. A purge is one row with one index entry beside it, because
// each is paid for; only a selection of many URLs takes further rows.
import type { Intent, IntentStore, Target } from '../../core/purging/intent.ts';
import type { PurgeSelection } from '../../core/purging/purge-selection.ts';
import { createIntentTables } from './intent-tables.ts';

type IntentRow = {
  purgeId: string;
  digest: string;
  by: string;
  createdAt: number;
  doneAt: number | null;
  targets: string;
};

const COLUMNS = 'purgeId, digest, "by", createdAt, doneAt, targets';
/** A value of SQLite may have 2 MB here; a character takes at most three bytes. */
const PART_LENGTH = 500_000;

export class SqlIntentStore implements IntentStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    const { sql } = storage;
    this.#storage = storage;
    this.#sql = sql;
    createIntentTables(sql, (intent, selection) => this.#insert(intent, selection));
  }

  find(purgeId: string): Intent | null {
    const row = this.#sql
      .exec<IntentRow>(`SELECT ${COLUMNS} FROM purges WHERE purgeId = ?`, purgeId)
      .toArray()[0];
    return row === undefined ? null : intentOf(row);
  }

  add(intent: Intent, selection: PurgeSelection): void {
    this.#storage.transactionSync(() => this.#insert(intent, selection));
  }

  #insert({ purgeId, digest, by, createdAt, doneAt, targets }: Intent, selection: PurgeSelection): void {
    const text = JSON.stringify(selection);
    this.#sql.exec(
      `INSERT INTO purges (purgeId, digest, "by", createdAt, triedAt, doneAt, targets, selection)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      purgeId,
      digest,
      by,
      createdAt,
      createdAt,
      doneAt,
      JSON.stringify(targets),
      text.slice(0, PART_LENGTH),
    );
    for (let at = PART_LENGTH; at < text.length; at += PART_LENGTH) {
      this.#sql.exec(
        'INSERT INTO purgeParts (purgeId, at, text) VALUES (?, ?, ?)',
        purgeId,
        at,
        text.slice(at, at + PART_LENGTH),
      );
    }
  }

  selection(purgeId: string): PurgeSelection {
    const { first } = this.#sql
      .exec<{ first: string }>('SELECT selection AS first FROM purges WHERE purgeId = ?', purgeId)
      .one();
    const parts = this.#sql
      .exec<{ text: string }>('SELECT text FROM purgeParts WHERE purgeId = ? ORDER BY at', purgeId)
      .toArray();
    return JSON.parse(first + parts.map(({ text }) => text).join(''));
  }

  /** Writes only what changes. */
  setTargets(purgeId: string, targets: readonly Target[]): void {
    const text = JSON.stringify(targets);
    this.#sql.exec('UPDATE purges SET targets = ? WHERE purgeId = ? AND targets != ?', text, purgeId, text);
  }

  setTried(purgeId: string, triedAt: number): void {
    this.#sql.exec('UPDATE purges SET triedAt = ? WHERE purgeId = ?', triedAt, purgeId);
  }

  setDone(purgeId: string, doneAt: number): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec("UPDATE purges SET doneAt = ?, selection = '' WHERE purgeId = ?", doneAt, purgeId);
      this.#sql.exec('DELETE FROM purgeParts WHERE purgeId = ?', purgeId);
    });
  }

  pending(limit: number): Intent[] {
    return this.#sql
      .exec<IntentRow>(
        `SELECT ${COLUMNS} FROM purges WHERE doneAt IS NULL ORDER BY triedAt, id LIMIT ?`,
        limit,
      )
      .toArray()
      .map(intentOf);
  }

  pendingCount(): number {
    return this.#sql.exec<{ n: number }>('SELECT count(*) AS n FROM purges WHERE doneAt IS NULL').one().n;
  }

  /** Ids ascend in the order of creation. */
  oldestAt(): number | null {
    const found = this.#sql
      .exec<{ createdAt: number }>('SELECT createdAt FROM purges ORDER BY id LIMIT 1')
      .toArray()[0];
    return found?.createdAt ?? null;
  }

  forget(createdBefore: number, limit: number): Intent[] {
    return this.#storage.transactionSync(() => this.#forget(createdBefore, limit));
  }

  #forget(createdBefore: number, limit: number): Intent[] {
    const oldest = this.#sql
      .exec<IntentRow>(`SELECT ${COLUMNS} FROM purges ORDER BY id LIMIT ?`, limit)
      .toArray()
      .map(intentOf);
    const old = oldest.filter(({ createdAt }) => createdAt < createdBefore);
    for (const { purgeId } of old) {
      this.#sql.exec('DELETE FROM purges WHERE purgeId = ?', purgeId);
      this.#sql.exec('DELETE FROM purgeParts WHERE purgeId = ?', purgeId);
    }
    return old.filter(({ doneAt }) => doneAt === null);
  }
}

function intentOf({ targets, ...row }: IntentRow): Intent {
  return { ...row, targets: JSON.parse(targets) };
}
