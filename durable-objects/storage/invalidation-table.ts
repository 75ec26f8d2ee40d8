// What purges left behind, in SQL: one row for each scope, looked up with every use of an entry that it may cover. While
// a kind of scope has no rows nothing is looked up for it; what was looked for lately, found or not, is remembered.
import {
  dueToGoAt,
  kindOfScope,
  NO_INVALIDATIONS,
  newestStamp,
  type ScopeKind,
} from '../../core/replication/purge-scope.ts';
import type { Invalidation, InvalidationSpan, Write } from '../../core/replication/store.ts';
import { RecentMap } from './recent-map.ts';

type Forget = Extract<Write, { type: 'forgetInvalidations' }>;

const REMEMBERED_MAX = 4_096;

export class InvalidationTable {
  readonly #sql: SqlStorage;
  /** null: there is none. */
  readonly #recent = new RecentMap<string, Invalidation | null>(REMEMBERED_MAX);
  /** null = not counted yet. */
  #counts: Record<ScopeKind, number> | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  find(scope: string): Invalidation | undefined {
    if (this.counts()[kindOfScope(scope)] === 0) return undefined;
    let row = this.#recent.get(scope);
    if (row === undefined) {
      row = this.#read(scope);
      this.#recent.set(scope, row);
    }
    return row ?? undefined;
  }

  counts(): Readonly<Record<ScopeKind, number>> {
    this.#counts ??= this.#count();
    return this.#counts;
  }

  span(): InvalidationSpan | null {
    const newest = this.#sql
      .exec<{ view: number; op: number }>(
        'SELECT view, op FROM invalidations ORDER BY view DESC, op DESC LIMIT 1',
      )
      .toArray()[0];
    if (newest === undefined) return null;
    const { t } = this.#sql.exec<{ t: number }>('SELECT min(goesAt) AS t FROM invalidations').one();
    return { newest, firstGoesAt: t };
  }

  put(row: Invalidation): void {
    if (this.find(row.scope) === undefined) this.#addTo(kindOfScope(row.scope), 1);
    const { scope, ...content } = row;
    const { view, op } = newestStamp(row);
    this.#sql.exec(
      `INSERT INTO invalidations (scope, view, op, goesAt, content) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (scope) DO UPDATE SET view = excluded.view, op = excluded.op, goesAt = excluded.goesAt,
         content = excluded.content`,
      scope,
      view,
      op,
      dueToGoAt(row),
      JSON.stringify(content),
    );
    this.#recent.set(scope, row);
  }

  /** O(invalidations). */
  forget({ upTo, beforeT }: Forget): void {
    this.#sql.exec(
      'DELETE FROM invalidations WHERE (view, op) <= (?, ?) AND goesAt < ?',
      upTo.view,
      upTo.op,
      beforeT,
    );
    this.#recent.forget((row) => row !== null);
    this.#counts = null;
  }

  #read(scope: string): Invalidation | null {
    const found = this.#sql
      .exec<{ content: string }>('SELECT content FROM invalidations WHERE scope = ?', scope)
      .toArray()[0];
    return found === undefined ? null : { scope, ...JSON.parse(found.content) };
  }

  #addTo(kind: ScopeKind, more: number): void {
    this.#counts = { ...this.counts(), [kind]: this.counts()[kind] + more };
  }

  #count(): Record<ScopeKind, number> {
    const counts = { ...NO_INVALIDATIONS };
    const found = this.#sql.exec<{ kind: string; n: number }>(
      "SELECT substr(scope, 1, instr(scope, ':') - 1) AS kind, count(*) AS n FROM invalidations GROUP BY kind",
    );
    for (const { kind, n } of found) if (Object.hasOwn(counts, kind)) counts[kind as ScopeKind] = n;
    return counts;
  }
}
