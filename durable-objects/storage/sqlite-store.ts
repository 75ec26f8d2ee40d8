// The durable state of one member in SQLite: what the core reads in a step, and the one place where what it wants
// written is written. The caller puts all writes of a step into one transaction; if that fails, this object is of no
// use any more, since it remembers what it wrote (the Durable Object starts anew then).
import type { RowAddress } from '../../core/replication/commands.ts';
import type { LogEntry } from '../../core/replication/messages.ts';
import type { ScopeKind } from '../../core/replication/purge-scope.ts';
import type {
  AppliedHead,
  DedupeRow,
  DurableHead,
  Invalidation,
  InvalidationSpan,
  LogPlace,
  PairHead,
  ReplicaStore,
  Row,
  RowHead,
  Tombstone,
  Write,
} from '../../core/replication/store.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import { isKvEntryKey } from '../../core/sharding/entry-key.ts';
import { ChunkTable } from './chunk-table.ts';
import { DedupeTable } from './dedupe-table.ts';
import { EvictionRanks, type RankedRow } from './eviction-ranks.ts';
import { type HeadRow, headFromRow } from './head-row.ts';
import { InvalidationTable } from './invalidation-table.ts';
import { LogTable } from './log-table.ts';
import { pairsAfter } from './pairs-after.ts';
import { RowTable } from './row-table.ts';
import { clearSnapshotRange, readSnapshotPart } from './snapshot-tables.ts';

export class SqliteStore implements ReplicaStore {
  readonly #sql: SqlStorage;
  readonly #log: LogTable;
  readonly #chunks: ChunkTable;
  #rows: RowTable;
  #dedupe: DedupeTable;
  #invalidations: InvalidationTable;
  #ranks: EvictionRanks;
  /** Of all HTTP rows, as the head has it; null = not looked up yet. */
  #httpBytes: number | null = null;

  /** The tables must be there (`createTables`). */
  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#log = new LogTable(sql);
    this.#rows = new RowTable(sql);
    this.#chunks = new ChunkTable(sql);
    this.#dedupe = new DedupeTable(sql);
    this.#invalidations = new InvalidationTable(sql);
    this.#ranks = this.#newRanks();
  }

  head(): DurableHead | null {
    const row = this.#sql.exec<HeadRow>('SELECT * FROM head').toArray()[0];
    if (row === undefined) return null;
    const isInstalling = this.#fact('installing') !== null;
    const forsaken = Number(this.#fact('forsaken') ?? 0);
    return headFromRow(row, this.#log.ends(), { isInstalling, forsaken });
  }

  snapshotPart(after: string | null, bytesMax: number): { writes: Write[]; to: string | null } {
    return readSnapshotPart(this.#sql, after, bytesMax);
  }

  rowHead(address: RowAddress): RowHead | undefined {
    return this.#rows.head(address);
  }

  rowHeads(key: string): RowHead[] {
    return this.#rows.heads(key);
  }

  rows(key: string): Row[] {
    return [...this.#rows.ofKey(key)];
  }

  tombstone(key: string): Tombstone | undefined {
    const found = this.#sql
      .exec<{ view: number; op: number; t: number }>('SELECT view, op, t FROM tombstones WHERE key = ?', key)
      .toArray()[0];
    return found === undefined ? undefined : { key, stamp: { view: found.view, op: found.op }, t: found.t };
  }

  invalidation(scope: string): Invalidation | undefined {
    return this.#invalidations.find(scope);
  }

  invalidationCounts(): Readonly<Record<ScopeKind, number>> {
    return this.#invalidations.counts();
  }

  invalidationSpan(): InvalidationSpan | null {
    return this.#invalidations.span();
  }

  dedupe(reqId: string): DedupeRow | undefined {
    return this.#dedupe.find(reqId);
  }

  logEntries(fromOp: number, bytesMax: number): LogEntry[] {
    return this.#log.entries(fromOp, bytesMax);
  }

  viewAt(op: number): number | undefined {
    return this.#log.viewAt(op);
  }

  logPlaces(fromOp: number, limit: number): LogPlace[] {
    return this.#log.places(fromOp, limit);
  }

  hasChunk(hash: string): boolean {
    return this.#chunks.has(hash);
  }

  chunk(hash: string): Uint8Array | undefined {
    return this.#chunks.read(hash);
  }

  newestChunkAt(): number | null {
    return this.#chunks.newestAt();
  }

  expired(t: number, limit: number): RowHead[] {
    return this.#rows.expired(t, limit);
  }

  nextExpiry(afterT: number): number | null {
    return this.#rows.nextExpiry(afterT);
  }

  rowsAfter(cursor: string | null, limit: number): { rows: RowHead[]; cursor: string | null } {
    return this.#rows.after(cursor, limit);
  }

  evictable(bytes: number, limit: number): RowHead[] {
    this.#httpBytes ??= this.head()?.httpBytes ?? 0;
    return this.#ranks
      .victims(bytes, limit, this.#httpBytes)
      .flatMap((address) => this.#rows.head(address) ?? []);
  }

  /** The row served a lookup: what is used stays longer. */
  noteUse(row: RankedRow): void {
    this.#ranks.use(row);
  }

  evictablePairs(limit: number): RowHead[] {
    return this.#rows.evictablePairs(limit);
  }

  pairsAfter(namespace: string, prefix: string, after: string | null, limit: number): PairHead[] {
    return pairsAfter(this.#sql, namespace, prefix, after, limit);
  }

  /** All writes of one `persist`, in order; the caller holds the transaction. */
  write(writes: readonly Write[]): void {
    const dedupeRows: DedupeRow[] = [];
    for (const write of writes) {
      // Together: one for each command makes them what is written most often.
      if (write.type === 'dedupe') dedupeRows.push(write.row);
      else {
        if (write.type === 'forgetDedupe') this.#dedupe.put(dedupeRows.splice(0));
        this.#writeOne(write);
      }
    }
    this.#dedupe.put(dedupeRows);
  }

  #writeOne(write: Exclude<Write, { type: 'dedupe' }>): void {
    switch (write.type) {
      case 'append':
        this.#log.append(write.entries);
        break;
      case 'applied':
        this.#writeApplied(write);
        break;
      case 'putRow':
        this.#rows.put(write.row);
        if (!isKvEntryKey(write.row.key)) this.#ranks.put(write.row);
        break;
      case 'deleteRow':
        this.#rows.delete(write.address);
        this.#ranks.remove(write.address);
        break;
      case 'touch':
        this.#sql.exec('UPDATE head SET touches = touches + 1');
        break;
      case 'tombstone':
        this.#writeTombstone(write.tombstone);
        break;
      case 'invalidation':
        this.#invalidations.put(write.row);
        break;
      case 'forgetInvalidations':
        this.#invalidations.forget(write);
        break;
      case 'view':
        this.#sql.exec('UPDATE head SET view = ?', write.view);
        break;
      case 'floor':
        this.#sql.exec('UPDATE head SET floorView = ?, floorOp = ?', write.floor.view, write.floor.op);
        break;
      case 'truncateSuffix':
        this.#log.truncateSuffix(write.fromOp);
        break;
      case 'truncatePrefix':
        this.#log.truncatePrefix(write.before);
        break;
      case 'forgetTombstones':
        this.#forgetTombstones(write.upTo);
        break;
      case 'forgetDedupe':
        this.#dedupe.forget(write);
        break;
      case 'chunk':
        this.#chunks.put(write.hash, write.bytes, write.stagedAt);
        break;
      case 'sweepChunks':
        this.#chunks.sweep(write.stagedBefore);
        break;
      case 'installing':
        this.#sql.exec("INSERT INTO facts VALUES ('installing', '') ON CONFLICT DO NOTHING");
        break;
      case 'forsaken':
        this.#sql.exec(
          `INSERT INTO facts VALUES ('forsaken', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
          String(write.incarnation),
        );
        break;
      case 'replaceRange':
        clearSnapshotRange(this.#sql, write.after, write.to);
        this.#forgetAll();
        this.write(write.writes);
        break;
      case 'installed':
        this.#install(write);
        break;
      case 'identity':
        this.#writeIdentity(write);
        break;
      default:
        write satisfies never;
    }
  }

  /** The last step of a snapshot: from here on its rows are the state after the op that it shows. */
  #install({ head, at, floor, keepsSuffix }: Extract<Write, { type: 'installed' }>): void {
    this.#log.restart(at, keepsSuffix);
    this.write([
      { type: 'applied', ...head },
      { type: 'floor', floor },
    ]);
    this.#sql.exec("DELETE FROM facts WHERE name = 'installing'");
    this.#forgetAll();
  }

  /** What the tables remember of their rows is not so any more. */
  #forgetAll(): void {
    this.#rows = new RowTable(this.#sql);
    this.#dedupe = new DedupeTable(this.#sql);
    this.#invalidations = new InvalidationTable(this.#sql);
    this.#ranks = this.#newRanks();
    this.#httpBytes = null;
  }

  #newRanks(): EvictionRanks {
    return new EvictionRanks((afterId, limit) => this.#rows.httpRowsAfter(afterId, limit));
  }

  #fact(name: string): string | null {
    const found = this.#sql.exec<{ value: string }>('SELECT value FROM facts WHERE name = ?', name).toArray();
    return found[0]?.value ?? null;
  }

  #writeIdentity({ identity }: Extract<Write, { type: 'identity' }>): void {
    const { groupId, shard, memberId, memberCount, incarnation, epoch } = identity;
    this.#sql.exec(
      `INSERT INTO head (id, groupId, shard, memberId, memberCount, incarnation, epoch)
       VALUES (1, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET groupId = excluded.groupId,
         shard = excluded.shard, memberId = excluded.memberId, memberCount = excluded.memberCount,
         incarnation = excluded.incarnation, epoch = excluded.epoch`,
      groupId,
      shard,
      memberId,
      memberCount,
      incarnation,
      epoch,
    );
  }

  #writeApplied(head: AppliedHead): void {
    this.#httpBytes = head.httpBytes;
    this.#sql.exec(
      `UPDATE head SET "commit" = ?, applied = ?, appliedT = ?, fillFloorView = ?, fillFloorOp = ?,
         fillMarkView = ?, fillMarkOp = ?, fillMarkT = ?, httpBytes = ?, kvBytes = ?, kvKeptBytes = ?, entries = ?,
         stateHash = ?, boundMs = ?, boundSince = ?, boundMaxMs = ?, incarnations = ?`,
      head.commit,
      head.applied,
      head.appliedT,
      head.fillFloor.view,
      head.fillFloor.op,
      head.fillMark.view,
      head.fillMark.op,
      head.fillMarkT,
      head.httpBytes,
      head.kvBytes,
      head.kvKeptBytes,
      head.entries,
      head.stateHash,
      head.boundMs,
      head.boundSince,
      head.boundMaxMs,
      head.incarnations.length === 0 ? null : JSON.stringify(head.incarnations),
    );
  }

  #writeTombstone({ key, stamp, t }: Tombstone): void {
    this.#sql.exec(
      `INSERT INTO tombstones (key, view, op, t) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET view = excluded.view, op = excluded.op, t = excluded.t`,
      key,
      stamp.view,
      stamp.op,
      t,
    );
  }

  #forgetTombstones({ view, op }: Viewstamp): void {
    this.#sql.exec('DELETE FROM tombstones WHERE (view, op) <= (?, ?)', view, op);
  }
}
