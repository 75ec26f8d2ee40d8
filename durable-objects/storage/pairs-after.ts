// A namespace's pairs in the order of their names, out of the one index that `rows` has anyway. That index orders keys by
// the length of the name first, which stands in the key; so there is one run of keys for each length that occurs, in
// order within itself, and the runs are merged. An index of its own would cost a written row for each new pair.
import type { PairHead } from '../../core/replication/store.ts';
import { nameOf } from '../../core/sharding/entry-key.ts';
import { compareTexts } from '../../core/sharding/text-order.ts';
import { HEAD_COLUMNS, type HeadColumns, headOf } from './row-codec.ts';

type PairColumns = HeadColumns & { bodyBytes: number };

interface Run {
  readonly rows: Iterator<PairColumns>;
  next: PairColumns;
  name: string;
}

/** O(lengths × log rows + limit × lengths). */
export function pairsAfter(
  sql: SqlStorage,
  namespace: string,
  prefix: string,
  after: string | null,
  limit: number,
): PairHead[] {
  const ofNamespace = `k${namespace.length}:${namespace}`;
  const runs = lengthsIn(sql, ofNamespace).flatMap((length) =>
    openRun(sql, `${ofNamespace}${length}:`, prefix, after),
  );
  const found: PairHead[] = [];
  while (found.length < limit) {
    const first = leastOf(runs);
    if (first === undefined) break;
    found.push({ ...headOf(first.next), bodyBytes: first.next.bodyBytes });
    if (!advance(first, prefix)) runs.splice(runs.indexOf(first), 1);
  }
  return found;
}

/** Of names that occur, as they stand in the keys. */
function lengthsIn(sql: SqlStorage, ofNamespace: string): string[] {
  const lengths: string[] = [];
  for (let from = ofNamespace; ; ) {
    const [row] = sql
      .exec<{ key: string }>('SELECT key FROM rows WHERE key >= ? ORDER BY key LIMIT 1', from)
      .toArray();
    if (row === undefined || !row.key.startsWith(ofNamespace)) return lengths;
    const length = row.key.slice(ofNamespace.length, row.key.indexOf(':', ofNamespace.length));
    lengths.push(length);
    // ";" follows ":".
    from = `${ofNamespace}${length};`;
  }
}

function openRun(sql: SqlStorage, ofLength: string, prefix: string, after: string | null): Run[] {
  const isBehind = after !== null && compareTexts(after, prefix) >= 0;
  const rows = sql.exec<PairColumns>(
    `SELECT ${HEAD_COLUMNS}, bodyBytes FROM rows
     WHERE key ${isBehind ? '>' : '>='} ? AND key < ? ORDER BY key`,
    ofLength + (isBehind ? after : prefix),
    `${ofLength.slice(0, -1)};`,
  );
  const run: Run = { rows: rows[Symbol.iterator](), next: {} as PairColumns, name: '' };
  return advance(run, prefix) ? [run] : [];
}

/** False at its end: names that begin with the prefix stand together. */
function advance(run: Run, prefix: string): boolean {
  const { done, value } = run.rows.next();
  if (done) return false;
  run.next = value;
  run.name = nameOf(value.key);
  return run.name.startsWith(prefix);
}

function leastOf(runs: readonly Run[]): Run | undefined {
  let least: Run | undefined;
  for (const run of runs) if (least === undefined || compareTexts(run.name, least.name) < 0) least = run;
  return least;
}
