// The durable state of one simulated member: a ReplicaStore over plain maps. What one `persist` writes is there as a
// whole or not at all; a crash loses nothing of it.

import type { RowAddress } from '../core/replication/commands.ts';
import { stillRemembers } from '../core/replication/forget.ts';
import type { LogEntry } from '../core/replication/messages.ts';
import { isForgotten } from '../core/replication/overlay.ts';
import {
  dueToGoAt,
  kindOfScope,
  NO_INVALIDATIONS,
  newestStamp,
  type ScopeKind,
} from '../core/replication/purge-scope.ts';
import { bodyBytes, entryBytes } from '../core/replication/sizes.ts';
import type {
  AppliedHead,
  DedupeRow,
  DurableHead,
  Identity,
  Invalidation,
  InvalidationSpan,
  LogPlace,
  PairHead,
  ReplicaStore,
  Row,
  RowHead,
  Tombstone,
  Write,
} from '../core/replication/store.ts';
import { compareViewstamps, isNewer, type Viewstamp } from '../core/replication/viewstamp.ts';
import { isKvEntryKey, nameOf, namespaceOf } from '../core/sharding/entry-key.ts';
import { compareTexts } from '../core/sharding/text-order.ts';
import {
  appliedOf,
  clearRange,
  NOTHING,
  NOTHING_APPLIED,
  namedChunks,
  type ReplicatedMaps,
  type StoredChunk,
  snapshotPartOf,
} from './memory-snapshot.ts';

export class MemoryStore implements ReplicaStore {
  readonly identity: Identity;
  view = 0;
  private appliedHead: AppliedHead = NOTHING_APPLIED;
  private before: Viewstamp = NOTHING;
  private floor: Viewstamp = NOTHING;
  private isInstalling = false;
  private forsaken = 0;
  private log: LogEntry[] = [];
  private logBytes = 0;
  /** What the log lost at its beginning last. */
  private cut: LogEntry[] = [];
  private rowsByKey = new Map<string, Map<string, Row>>();
  private tombstones = new Map<string, Tombstone>();
  private dedupeRows = new Map<string, DedupeRow>();
  private chunks = new Map<string, StoredChunk>();
  private invalidations = new Map<string, Invalidation>();

  constructor(identity: Identity) {
    this.identity = identity;
  }

  head(): DurableHead {
    const last = this.log.at(-1);
    return {
      ...this.appliedHead,
      identity: this.identity,
      view: this.view,
      lastLogged: last === undefined ? this.before : { view: last.view, op: last.op },
      lastT: last?.t ?? this.appliedHead.appliedT,
      firstOp: this.before.op + 1,
      beforeFirst: this.before,
      logBytes: this.logBytes,
      floor: this.floor,
      isInstalling: this.isInstalling,
      forsaken: this.forsaken,
    };
  }

  /** The head's commit index, without making a head. */
  get commit(): number {
    return this.appliedHead.commit;
  }

  get lastOp(): number {
    return this.before.op + this.log.length;
  }

  /** The entry at `op`, if the log holds it. O(1). */
  entryAt(op: number): LogEntry | undefined {
    return this.log[op - this.before.op - 1];
  }

  /** One of the entries that were cut last. O(those). */
  cutLately(op: number): LogEntry | undefined {
    return this.cut.find((entry) => entry.op === op);
  }

  rowHead({ key, variant }: RowAddress): RowHead | undefined {
    return this.rowsByKey.get(key)?.get(variant);
  }

  rowHeads(key: string): RowHead[] {
    return this.rows(key);
  }

  rows(key: string): Row[] {
    const variants = this.rowsByKey.get(key);
    if (variants === undefined) return [];
    const rows = [...variants.values()];
    return rows.length === 1 ? rows : rows.sort((a, b) => (a.variant < b.variant ? -1 : 1));
  }

  tombstone(key: string): Tombstone | undefined {
    return this.tombstones.get(key);
  }

  invalidation(scope: string): Invalidation | undefined {
    return this.invalidations.get(scope);
  }

  invalidationCounts(): Readonly<Record<ScopeKind, number>> {
    const counts = { ...NO_INVALIDATIONS };
    for (const scope of this.invalidations.keys()) counts[kindOfScope(scope)] += 1;
    return counts;
  }

  invalidationSpan(): InvalidationSpan | null {
    const all = [...this.invalidations.values()];
    const stamps = all.map(newestStamp).sort(compareViewstamps);
    const newest = stamps.at(-1);
    if (newest === undefined) return null;
    return { newest: { view: newest.view, op: newest.op }, firstGoesAt: Math.min(...all.map(dueToGoAt)) };
  }

  dedupe(reqId: string): DedupeRow | undefined {
    return this.dedupeRows.get(reqId);
  }

  logEntries(fromOp: number, bytesMax: number): LogEntry[] {
    const entries: LogEntry[] = [];
    let bytes = 0;
    for (let i = Math.max(0, fromOp - this.before.op - 1); i < this.log.length; i++) {
      const entry = this.log[i] as LogEntry;
      bytes += entryBytes(entry);
      if (entries.length > 0 && bytes > bytesMax) break;
      entries.push(entry);
    }
    return entries;
  }

  viewAt(op: number): number | undefined {
    return this.log[op - this.before.op - 1]?.view;
  }

  logPlaces(fromOp: number, limit: number): LogPlace[] {
    const start = Math.max(0, fromOp - this.before.op - 1);
    const found = this.log.slice(start, start + limit);
    return found.map((entry) => ({ op: entry.op, view: entry.view, t: entry.t, bytes: entryBytes(entry) }));
  }

  hasChunk(hash: string): boolean {
    return this.chunks.has(hash);
  }

  chunk(hash: string): Uint8Array | undefined {
    return this.chunks.get(hash)?.bytes;
  }

  newestChunkAt(): number | null {
    const staged = [...this.chunks.values()].map(({ stagedAt }) => stagedAt);
    return staged.length === 0 ? null : Math.max(...staged);
  }

  expired(t: number, limit: number): RowHead[] {
    return this.everyRow()
      .filter((row) => row.expireAt !== null && row.expireAt <= t)
      .sort((a, b) => (a.expireAt ?? 0) - (b.expireAt ?? 0))
      .slice(0, limit);
  }

  nextExpiry(afterT: number): number | null {
    const later = this.everyRow().flatMap(({ expireAt }) =>
      expireAt !== null && expireAt > afterT ? [expireAt] : [],
    );
    return later.length === 0 ? null : Math.min(...later);
  }

  rowsAfter(cursor: string | null, limit: number): { rows: RowHead[]; cursor: string | null } {
    const place = ({ key, variant }: RowAddress): string => `${key}\0${variant}`;
    const rows = this.everyRow()
      .filter((row) => cursor === null || place(row) > cursor)
      .sort((a, b) => (place(a) < place(b) ? -1 : 1))
      .slice(0, limit);
    const last = rows.at(-1);
    return { rows, cursor: last === undefined ? cursor : place(last) };
  }

  snapshotPart(after: string | null, bytesMax: number): { writes: Write[]; to: string | null } {
    return snapshotPartOf(this.maps, after, bytesMax);
  }

  private get maps(): ReplicatedMaps {
    const { rowsByKey, tombstones, invalidations, dedupeRows } = this;
    return { rowsByKey, tombstones, invalidations, dedupeRows };
  }

  evictable(bytes: number, limit: number): RowHead[] {
    let left = bytes;
    return this.everyRow()
      .filter((row) => !isKvEntryKey(row.key))
      .sort((a, b) => a.writtenAt - b.writtenAt)
      .slice(0, limit)
      .filter((row) => {
        const isNeeded = left > 0;
        left -= row.bytes;
        return isNeeded;
      });
  }

  /** A copy that goes its own way; rows and entries are shared, for nobody changes them. O(rows + entries). */
  clone(identity: Identity = this.identity): MemoryStore {
    const copy = new MemoryStore(identity);
    copy.view = this.view;
    copy.appliedHead = this.appliedHead;
    copy.before = this.before;
    copy.floor = this.floor;
    copy.isInstalling = this.isInstalling;
    copy.forsaken = this.forsaken;
    copy.log = this.log.slice();
    copy.logBytes = this.logBytes;
    for (const [key, variants] of this.rowsByKey) copy.rowsByKey.set(key, new Map(variants));
    copy.tombstones = new Map(this.tombstones);
    copy.dedupeRows = new Map(this.dedupeRows);
    copy.chunks = new Map(this.chunks);
    copy.invalidations = new Map(this.invalidations);
    return copy;
  }

  evictablePairs(limit: number): RowHead[] {
    return this.everyRow()
      .filter((row) => isKvEntryKey(row.key) && row.expireAt !== null)
      .sort((a, b) => (a.expireAt ?? 0) - (b.expireAt ?? 0))
      .slice(0, limit);
  }

  pairsAfter(namespace: string, prefix: string, after: string | null, limit: number): PairHead[] {
    return this.everyRow()
      .filter(({ key }) => isKvEntryKey(key) && namespaceOf(key) === namespace)
      .map((row) => ({ row, name: nameOf(row.key) }))
      .filter(({ name }) => name.startsWith(prefix) && (after === null || compareTexts(name, after) > 0))
      .sort((a, b) => compareTexts(a.name, b.name))
      .slice(0, limit)
      .map(({ row }) => ({ ...row, bodyBytes: bodyBytes(row.value.body) }));
  }

  /** All writes of one `persist`, in order. */
  write(writes: readonly Write[]): void {
    for (const write of writes) this.writeOne(write);
  }

  /** All that must be equal on members that applied the same op: without what each may forget when it likes. */
  replicatedState(): unknown {
    const applied = { ...this.appliedHead, type: 'applied', commit: 0 };
    const byKey = <T>(map: Map<string, T>): [string, T][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      applied,
      rows: byKey(this.rowsByKey).map(([key]) => this.rows(key)),
      tombstones: byKey(this.tombstones).filter(([, { stamp }]) => isNewer(stamp, applied.fillFloor)),
      floor: this.floor,
      invalidations: byKey(this.invalidations),
      dedupe: byKey(this.dedupeRows).filter(([, row]) =>
        stillRemembers(row, applied.applied, applied.appliedT),
      ),
    };
  }

  chunkCount(): number {
    return this.chunks.size;
  }

  private everyRow(): Row[] {
    return [...this.rowsByKey.values()].flatMap((variants) => [...variants.values()]);
  }

  private writeOne(write: Write): void {
    switch (write.type) {
      case 'identity':
        throw new Error('A simulated member has its identity from birth');
      case 'view':
        this.view = write.view;
        break;
      case 'forsaken':
        this.forsaken = write.incarnation;
        break;
      case 'append':
        for (const entry of write.entries) {
          if (entry.op !== this.before.op + this.log.length + 1)
            throw new Error(`Op ${entry.op} leaves a gap`);
          this.log.push(entry);
          this.logBytes += entryBytes(entry);
        }
        break;
      case 'installing':
        this.isInstalling = true;
        break;
      case 'replaceRange':
        clearRange(this.maps, write.after, write.to, (row) => this.deleteRow(row));
        this.write(write.writes);
        break;
      case 'installed':
        this.log = write.keepsSuffix ? this.log.filter(({ op }) => op > write.at.op) : [];
        this.logBytes = this.log.reduce((sum, entry) => sum + entryBytes(entry), 0);
        this.before = write.at;
        this.appliedHead = { ...write.head };
        this.floor = write.floor;
        this.isInstalling = false;
        break;
      case 'truncateSuffix':
        for (const entry of this.log.splice(Math.max(0, write.fromOp - this.before.op - 1)))
          this.logBytes -= entryBytes(entry);
        break;
      case 'truncatePrefix':
        this.cut = this.log.splice(0, write.before.op - this.before.op);
        for (const entry of this.cut) this.logBytes -= entryBytes(entry);
        this.before = write.before;
        break;
      case 'applied':
        this.appliedHead = appliedOf(write);
        break;
      case 'putRow': {
        const { key, variant } = write.row;
        this.rowsByKey.set(key, (this.rowsByKey.get(key) ?? new Map<string, Row>()).set(variant, write.row));
        break;
      }
      case 'deleteRow':
        this.deleteRow(write.address);
        break;
      case 'tombstone':
        this.tombstones.set(write.tombstone.key, write.tombstone);
        break;
      case 'forgetTombstones':
        for (const [key, { stamp }] of this.tombstones) {
          if (!isNewer(stamp, write.upTo)) this.tombstones.delete(key);
        }
        break;
      case 'invalidation':
        this.invalidations.set(write.row.scope, write.row);
        break;
      case 'forgetInvalidations':
        for (const [scope, row] of this.invalidations) {
          if (isForgotten(row, write)) this.invalidations.delete(scope);
        }
        break;
      case 'floor':
        this.floor = write.floor;
        break;
      case 'dedupe':
        this.dedupeRows.set(write.row.reqId, write.row);
        break;
      case 'forgetDedupe': {
        const old = [...this.dedupeRows.values()].filter(
          (row) => row.t < write.beforeT && row.op < write.beforeOp,
        );
        old.sort((a, b) => a.op - b.op);
        for (const { reqId } of old.slice(0, write.limit)) this.dedupeRows.delete(reqId);
        break;
      }
      case 'chunk':
        this.chunks.set(write.hash, { bytes: write.bytes, stagedAt: write.stagedAt });
        break;
      case 'sweepChunks':
        this.sweepChunks(write.stagedBefore);
        break;
      case 'touch':
        break;
      default:
        write satisfies never;
    }
  }

  private deleteRow({ key, variant }: RowAddress): void {
    const variants = this.rowsByKey.get(key);
    variants?.delete(variant);
    if (variants?.size === 0) this.rowsByKey.delete(key);
  }

  private sweepChunks(stagedBefore: number): void {
    const named = namedChunks(this.everyRow(), this.log);
    for (const [hash, { stagedAt }] of this.chunks) {
      if (stagedAt < stagedBefore && !named.has(hash)) this.chunks.delete(hash);
    }
  }
}
