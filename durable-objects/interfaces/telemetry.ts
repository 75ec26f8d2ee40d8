// What the Telemetry object answers: one object, named "telemetry".

export interface CounterKey {
  readonly route: string;
  readonly pool: string;
  readonly backend: string;
  /** Status class or code as text. */
  readonly status: string;
  /** A cache outcome word: "hit", "miss" …, or "none". */
  readonly cache: string;
}

export interface TelemetryBatch {
  /** Random id of the isolate and a running number: a batch that arrives twice counts once. */
  readonly isolate: string;
  readonly sequence: number;
  readonly requests: readonly (CounterKey & {
    /** Whole second, epoch s. */
    readonly second: number;
    readonly count: number;
    readonly durationsMs: readonly number[];
  })[];
  readonly events: readonly NewEvent[];
  /** Left out where there is none. */
  readonly shardWork?: ShardWork;
  /** Of single requests; left out where there are none. */
  readonly explanations?: readonly KeptExplanation[];
}

/** What became of one live request and why, as `GET explain/ID` gives it. */
export interface KeptExplanation {
  readonly id: string;
  /** `token`: its client asked for it; `sample`: its route has some explained. */
  readonly source: 'token' | 'sample';
  /** null where no route took the request. */
  readonly route: string | null;
  /** JSON. */
  readonly text: string;
}

/** What requests asked of the shards through the edges, and what that took: the amplification that is paid for. */
export interface ShardWork {
  /** Lookups, reads and writes, each once, however often it was tried. */
  readonly operations: number;
  /** By edges and between members. */
  readonly objectCalls: number;
  /** On all members; rows of indexes count as well. */
  readonly rowsWritten: number;
}

export interface NewEvent {
  readonly at: number;
  readonly type: string;
  readonly subject: string;
  readonly detail: Record<string, unknown>;
}

export interface StoredEvent extends NewEvent {
  readonly id: number;
}

/** By status and by cache outcome, of the same requests. */
export interface Counts {
  readonly requests: number;
  readonly statuses: Record<string, number>;
  readonly cache: Record<string, number>;
}

/** At most 5 % off; null where nothing was measured. */
export interface DurationQuantiles {
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
}

export interface StatsSecond extends Counts {
  /** Whole second, epoch s. */
  readonly second: number;
  /** Requests by pool. */
  readonly pools: Record<string, number>;
}

export interface Stats {
  /** Epoch ms. */
  readonly at: number;
  /** Since when the totals are counted, epoch ms. */
  readonly since: number;
  readonly totals: Counts & {
    readonly routes: Record<string, Counts>;
    readonly pools: Record<string, Counts & { readonly backends: Record<string, Counts> }>;
  };
  /** Since when the totals are counted; null for the ratios while there was no operation. */
  readonly shards: ShardWork & {
    readonly objectCallsPerOperation: number | null;
    readonly rowsWrittenPerOperation: number | null;
  };
  /** Of the last five minutes. */
  readonly durations: { readonly all: DurationQuantiles; readonly pools: Record<string, DurationQuantiles> };
  /** Those of the last five minutes in which something was counted, ascending. */
  readonly seconds: readonly StatsSecond[];
}

export interface TelemetryRpc {
  append(batch: TelemetryBatch): Promise<void>;
  /** From other objects. */
  record(events: readonly NewEvent[]): Promise<void>;
  /** Newest first; `after` is a cursor from an earlier page. */
  events(after: string | null, limit: number): Promise<{ events: StoredEvent[]; cursor: string | null }>;
  stats(nowMs: number): Promise<Stats>;
  /** JSON; null when it is not there, or no longer. */
  explanation(id: string): Promise<string | null>;
  /** JSON each, newest first; of one route, or of all. */
  explanations(route: string | null, limit: number): Promise<string[]>;
  /** Signs explain tokens. */
  explainKey(): Promise<string>;
}
