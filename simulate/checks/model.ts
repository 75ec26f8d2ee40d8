// The state machine once more, in its plainest form: what the committed log does, entry by entry, without overlay,
// tombstones, floors or forgetting. It is written from the design, not from the code that it judges.
import type { Command, CommandResult, PurgeSelector } from '../../core/replication/commands.ts';
import { SOFT_LIFE_MS } from '../../core/replication/limits.ts';
import type { LogEntry } from '../../core/replication/messages.ts';
import { compareViewstamps, type Viewstamp } from '../../core/replication/viewstamp.ts';
import { isKvEntryKey } from '../../core/sharding/entry-key.ts';
import { covers } from '../clients/keys.ts';

/** Where a command stands in the log. */
interface Place extends Viewstamp {
  readonly item: number;
}

export interface ModelRow {
  readonly key: string;
  readonly variant: string;
  readonly meta: string;
  /** What a counter stands at; null: it is none. */
  readonly number: number | null;
  readonly etag: string;
  readonly writtenAt: Place;
  readonly born: Viewstamp;
  readonly expireAt: number | null;
  readonly tags: readonly string[];
}

export interface LiveModelRow extends ModelRow {
  readonly isStale: boolean;
}

interface Purge {
  readonly selector: PurgeSelector;
  readonly isSoft: boolean;
  readonly place: Place;
  readonly t: number;
}

/** What the command must have answered; null: the model has no opinion. */
export type Expected =
  | { readonly type: 'exactly'; readonly result: CommandResult }
  /** A fill that must be refused, for whatever reason; or that must be accepted, unless its token is very old. */
  | { readonly type: 'fill'; readonly accepted: boolean }
  | null;

const NOTHING: Viewstamp = { view: -1, op: -1 };
/** A fill comes at most this long after its token, by logged time. */
const FILL_LIFE_MS = 60_000;

export class Model {
  private readonly rowsByKey = new Map<string, Map<string, ModelRow>>();
  /** By key: the newest put, delete, URL purge or birth that there ever was. */
  private readonly newest = new Map<string, Viewstamp>();
  /** All purges but hard ones by URL, which take rows away at once; oldest first. */
  private readonly purges: Purge[] = [];
  private readonly variantsMax: number;

  constructor(variantsMax: number) {
    this.variantsMax = variantsMax;
  }

  /** `told`: the result that its client heard, if any did; the model needs it where the design leaves a choice. */
  apply(entry: LogEntry, item: number, command: Command, told: CommandResult | null): Expected {
    const place: Place = { view: entry.view, op: entry.op, item };
    switch (command.type) {
      case 'put': {
        const { key, value, ttlMs, tags } = command;
        const old = this.live(key, entry.t)[0];
        const failed = conditionFailure(command, old);
        if (failed !== null) return failed;
        const expireAt = ttlMs === null ? null : entry.t + ttlMs;
        const etag = etagAt(place);
        this.store({
          key,
          variant: '',
          meta: value.meta,
          number: null,
          etag,
          writtenAt: place,
          born: place,
          expireAt,
          tags,
        });
        return { type: 'exactly', result: { type: 'stored', created: old === undefined, etag } };
      }
      case 'increment': {
        const { key, by, meta, ttlMs, tags } = command;
        const old = this.live(key, entry.t)[0];
        const failed = conditionFailure(command, old);
        if (failed !== null) return failed;
        if (old !== undefined && old.number === null) {
          return { type: 'exactly', result: { type: 'not-an-integer', etag: old.etag } };
        }
        const number = (old?.number ?? 0) + by;
        const etag = etagAt(place);
        const expireAt = ttlMs === null ? null : entry.t + ttlMs;
        const made = { key, variant: '', meta, expireAt, tags };
        this.store({ ...(old ?? made), number, etag, writtenAt: place, born: place });
        return { type: 'exactly', result: { type: 'incremented', value: number, etag } };
      }
      case 'delete': {
        const old = this.live(command.key, entry.t)[0];
        const failed = conditionFailure(command, old);
        if (failed !== null) return failed;
        this.removeAll(command.key, place);
        return { type: 'exactly', result: { type: 'deleted', existed: old !== undefined } };
      }
      case 'purge': {
        const { selector, soft = false } = command;
        if (selector.type === 'url' && !soft) this.removeAll(selector.key, place);
        else this.purges.push({ selector, isSoft: soft, place, t: entry.t });
        return { type: 'exactly', result: { type: 'purged' } };
      }
      case 'fill':
        return this.fill(entry, place, command, told);
      case 'expire':
      case 'evict':
      case 'discard': {
        const { key, variant } = command.address;
        const row = this.rowsByKey.get(key)?.get(variant);
        if (row === undefined || compareViewstamps(row.writtenAt, command.viewstamp) !== 0) return null;
        if (this.mayRemove(command.type, row, entry.t)) this.rowsByKey.get(key)?.delete(variant);
        return null;
      }
      default:
        return null;
    }
  }

  /** What is there at logged time `t`, by variant. */
  live(key: string, t: number): LiveModelRow[] {
    const rows: LiveModelRow[] = [];
    for (const row of this.rowsByKey.get(key)?.values() ?? []) {
      if (row.expireAt !== null && row.expireAt <= t) continue;
      if (this.isPurged(row)) continue;
      rows.push({ ...row, isStale: this.softSince(row) !== null });
    }
    return rows.length < 2 ? rows : rows.sort((a, b) => (a.variant < b.variant ? -1 : 1));
  }

  private fill(
    entry: LogEntry,
    place: Place,
    command: Extract<Command, { type: 'fill' }>,
    told: CommandResult | null,
  ): Expected {
    const accepted = this.acceptsFill(entry.t, command);
    if (command.purges) this.removeAll(command.key, place);
    // What the model would accept may be refused for its age: it goes by what was told.
    if (accepted && told?.type !== 'fill-refused') {
      const { key, variant, value, token, ttlMs, tags } = command;
      const born = { view: token.view, op: token.op };
      this.makeRoom(key, variant);
      this.store({
        key,
        variant,
        meta: value.meta,
        number: null,
        etag: etagAt(place),
        writtenAt: place,
        born,
        expireAt: entry.t + ttlMs,
        tags,
      });
    }
    return { type: 'fill', accepted };
  }

  private acceptsFill(t: number, { key, token, tags }: Extract<Command, { type: 'fill' }>): boolean {
    if (t < token.t || t - token.t > FILL_LIFE_MS) return false;
    if (compareViewstamps(token, this.newest.get(key) ?? NOTHING) < 0) return false;
    return !this.purges.some(
      ({ selector, place }) => compareViewstamps(place, token) > 0 && covers(selector, key, tags),
    );
  }

  /** Unusable ones go first, then whichever was written longest ago. */
  private makeRoom(key: string, variant: string): void {
    const variants = this.rowsByKey.get(key);
    if (variants === undefined) return;
    for (const row of [...variants.values()]) {
      if (row.variant !== variant && this.isPurged(row)) variants.delete(row.variant);
    }
    const others = [...variants.values()].filter((row) => row.variant !== variant);
    others.sort((a, b) => comparePlaces(a.writtenAt, b.writtenAt));
    for (const row of others.slice(0, Math.max(0, others.length - this.variantsMax + 1))) {
      variants.delete(row.variant);
    }
  }

  private mayRemove(why: 'expire' | 'evict' | 'discard', row: ModelRow, t: number): boolean {
    if (why === 'expire') return row.expireAt !== null && row.expireAt <= t;
    if (why === 'evict') return !isKvEntryKey(row.key) || row.expireAt !== null;
    const softSince = this.softSince(row);
    return this.isPurged(row) || (softSince !== null && softSince + SOFT_LIFE_MS <= t);
  }

  private isPurged(row: ModelRow): boolean {
    return this.purges.some((purge) => !purge.isSoft && concerns(purge, row));
  }

  /** Logged time of the soft purge that made it stale; null: none has. */
  private softSince(row: ModelRow): number | null {
    if (isKvEntryKey(row.key)) return null;
    return this.purges.find((purge) => purge.isSoft && concerns(purge, row))?.t ?? null;
  }

  private store(row: ModelRow): void {
    const variants = this.rowsByKey.get(row.key) ?? new Map<string, ModelRow>();
    this.rowsByKey.set(row.key, variants.set(row.variant, row));
    this.note(row.key, row.born);
  }

  private removeAll(key: string, place: Place): void {
    this.rowsByKey.delete(key);
    this.note(key, place);
  }

  private note(key: string, stamp: Viewstamp): void {
    const known = this.newest.get(key);
    if (known === undefined || compareViewstamps(stamp, known) > 0) this.newest.set(key, stamp);
  }
}

/** Covered, and older: a response is as old as its token, a pair as its write. */
function concerns({ selector, place }: Purge, row: ModelRow): boolean {
  if (!covers(selector, row.key, row.tags)) return false;
  return isKvEntryKey(row.key)
    ? comparePlaces(place, row.writtenAt) > 0
    : compareViewstamps(place, row.born) > 0;
}

function comparePlaces(a: Place, b: Place): number {
  return compareViewstamps(a, b) || a.item - b.item;
}

function etagAt({ view, op, item }: Place): string {
  return [view, op, item].map((part) => part.toString(36)).join('-');
}

function conditionFailure(
  { condition }: Extract<Command, { type: 'put' | 'delete' | 'increment' }>,
  old: ModelRow | undefined,
): Expected {
  const fails =
    (condition?.type === 'absent' && old !== undefined) ||
    (condition?.type === 'exists' && old === undefined) ||
    (condition?.type === 'etag' && !(old !== undefined && condition.etags.includes(old.etag)));
  return fails ? { type: 'exactly', result: { type: 'condition-failed', etag: old?.etag ?? null } } : null;
}
