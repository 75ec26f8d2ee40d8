// Every request that an origin received, as it arrived: what tests read, filter, clear and assert.
import type { FieldLine } from './reply.ts';
import { covers } from './script-book.ts';

export interface LedgerEntry {
  readonly id: number;
  /** Epoch ms at which the head had arrived. */
  readonly at: number;
  readonly method: string;
  /** Raw, as on the request line. */
  readonly target: string;
  /** Raw lines in order (on Workers: names in lower case, sorted, repetitions joined). */
  readonly fields: readonly FieldLine[];
  /** Running number of the connection; 0 where the runtime does not tell. */
  readonly connection: number;
  /** Bytes of the body received so far. */
  readonly bodyBytes: number;
  /** Hex SHA-256 of the whole body; null until it has arrived. */
  readonly bodySha256: string | null;
  /** The first 64 KiB of the body as text. */
  readonly body: string;
  readonly outcome: 'pending' | 'answered' | 'fault' | 'client-left';
  /** Status of the answer; null before there is one, and when there is none. */
  readonly status: number | null;
}

export interface LedgerFilter {
  /** As in a script: "GET /x", "/x*". */
  readonly on?: string;
  /** Ids above it. */
  readonly after?: number;
}

const ENTRIES_MAX = 10_000;

export class Ledger {
  #entries: LedgerEntry[] = [];
  #lastId = 0;

  record(
    entry: Pick<LedgerEntry, 'at' | 'method' | 'target' | 'fields' | 'connection'>,
  ): (change: Partial<LedgerEntry>) => void {
    const recorded: LedgerEntry = {
      id: ++this.#lastId,
      ...entry,
      bodyBytes: 0,
      bodySha256: null,
      body: '',
      outcome: 'pending',
      status: null,
    };
    this.#entries.push(recorded);
    if (this.#entries.length > ENTRIES_MAX) this.#entries.splice(0, ENTRIES_MAX / 10);
    return (change) => Object.assign(recorded, change);
  }

  /** Oldest first; at most the last 10,000 are kept. */
  entries(filter: LedgerFilter = {}): LedgerEntry[] {
    const { on = '*', after = 0 } = filter;
    return this.#entries.filter((entry) => entry.id > after && covers(on, entry.method, entry.target));
  }

  /** One text a request: "GET /x", followed by the named field lines that it carries. */
  wire(filter: LedgerFilter & { readonly fields?: readonly string[] } = {}): string[] {
    const names = (filter.fields ?? []).map((name) => name.toLowerCase());
    return this.entries(filter).map((entry) =>
      [
        `${entry.method} ${entry.target}`,
        ...entry.fields
          .filter(([name]) => names.includes(name.toLowerCase()))
          .map(([name, value]) => `${name}: ${value}`),
      ].join('\n'),
    );
  }

  clear(): void {
    this.#entries = [];
  }
}
