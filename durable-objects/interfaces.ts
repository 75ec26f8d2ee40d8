// What each kind of Durable Object answers, as its callers see it. The Worker imports these types and nothing else
// of this folder; the classes say `implements`.
import type { CacheDecision } from '../core/cache/decision.ts';
import type { ConfigDiff } from '../core/config/diff.ts';
import type { ConfigEdit } from '../core/config/edit.ts';
import type { FieldError } from '../core/config/field-error.ts';
import type { ConfigPreview } from '../core/config/preview.ts';
import type { Config, ConfigDocument } from '../core/config/schema.ts';
import type { Fields } from '../core/http/fields.ts';
import type { HealthState } from '../core/load-balancing/health.ts';
import type { SuspicionAnswer } from '../core/load-balancing/suspicion-pacer.ts';
import type { Command, CommandResult, FillToken } from '../core/replication/commands.ts';
import type { Message, NotReady } from '../core/replication/messages.ts';
import type { Viewstamp } from '../core/replication/viewstamp.ts';

// ——— Directory: one object, named "directory" ———

export interface ShardMember {
  /** Durable Object name of the ShardReplica. */
  readonly name: string;
  readonly region: string;
}

export interface ShardGroup {
  readonly shard: number;
  readonly groupId: string;
  readonly members: readonly ShardMember[];
}

export interface ShardMap {
  readonly epoch: number;
  /** Shard of each of the 1,024 slots. */
  readonly slots: readonly number[];
  readonly groups: readonly ShardGroup[];
}

/** Verdicts by pool, then backend id; a backend without one has its pool's `health.initial`. */
export type HealthVerdicts = Record<string, Record<string, HealthVerdict>>;

export interface HealthVerdict {
  readonly state: HealthState;
  /** Since when, epoch ms. */
  readonly since: number;
  /** The monitor's epoch at which the verdict was made: an older one never overrides a newer one. */
  readonly epoch: number;
  readonly reason: string;
}

/** What an edge knows, and asks about anew. */
export interface SnapshotQuestion {
  readonly version: number;
  readonly healthEpoch: number;
  readonly mapEpoch: number;
}

/** Only what differs from the question is filled in. */
export interface SnapshotAnswer {
  readonly version: number;
  readonly healthEpoch: number;
  readonly config: Config | null;
  readonly health: HealthVerdicts | null;
  readonly shardMap: ShardMap | null;
}

export interface ConfigVersion {
  readonly version: number;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly createdBy: string;
  readonly config: ConfigDocument;
}

export type ConfigVersionSummary = Omit<ConfigVersion, 'config'>;

export interface ChangeRequest {
  readonly edit: ConfigEdit;
  readonly by: string;
  /** Versions that the caller accepts as current; null = any. */
  readonly ifMatch: readonly number[] | null;
  readonly dryRun: boolean;
}

export type ChangeAnswer =
  | { readonly type: 'changed'; readonly version: ConfigVersionSummary }
  /** The document is what it was: no new version. */
  | { readonly type: 'unchanged'; readonly version: ConfigVersionSummary }
  | { readonly type: 'dry-run'; readonly diff: ConfigDiff; readonly preview: ConfigPreview }
  | { readonly type: 'invalid'; readonly errors: readonly FieldError[] }
  | { readonly type: 'version-conflict'; readonly current: number }
  | { readonly type: 'not-found'; readonly what: string };

export type BirthAnswer =
  | {
      readonly type: 'born';
      readonly groupId: string;
      readonly incarnation: number;
      readonly epoch: number;
      readonly members: readonly ShardMember[];
      readonly boundMs: number;
    }
  /** Another nonce is on record: this member's storage was lost. */
  | { readonly type: 'lost' }
  | { readonly type: 'unknown-member' };

export interface DirectoryRpc {
  snapshot(question: SnapshotQuestion): Promise<SnapshotAnswer>;
  change(request: ChangeRequest): Promise<ChangeAnswer>;
  current(): Promise<ConfigVersion>;
  version(version: number): Promise<ConfigVersion | null>;
  /** Newest first. */
  versions(): Promise<ConfigVersionSummary[]>;
  /** A configuration file handed to the start command: a new version iff its text differs from the last one. */
  adoptFile(document: unknown, digest: string): Promise<ChangeAnswer>;
  /** `name`: the object's own, so that one of an abandoned map is told `unknown-member`. */
  registerBirth(shard: number, member: number, nonce: string, name?: string): Promise<BirthAnswer>;
  /** From a HealthMonitor; verdicts of backends the pool no longer has, or of an older epoch, are ignored. */
  reportVerdicts(pool: string, verdicts: Record<string, HealthVerdict>): Promise<void>;
  shardMap(): Promise<ShardMap>;
}

// ——— HealthMonitor: one object per pool and vantage, named "POOL/VANTAGE" (now one vantage: "default") ———

export interface BackendProbeState {
  readonly state: HealthState;
  readonly since: number;
  readonly epoch: number;
  readonly lastProbeAt: number | null;
  readonly lastError: string | null;
}

export interface ProbeResult {
  readonly ok: boolean;
  readonly status: number | null;
  readonly error: string | null;
  readonly tookMs: number;
}

/** By backend; `unprobed`: those that the time did not reach. */
export interface ProbeRound {
  readonly results: Record<string, ProbeResult>;
  readonly unprobed: readonly string[];
}

export interface HealthMonitorRpc {
  /** Idempotent: `version` older than what the monitor knows is ignored; a pool without `health` stops probing. */
  configure(pool: string, version: number, definition: Config['pools'][string] | null): Promise<void>;
  status(): Promise<Record<string, BackendProbeState>>;
  /** An edge met `sign` at a backend: verified by one probe at once, whose failure is a verdict. */
  suspect(pool: string, backend: string, sign: string): Promise<SuspicionAnswer>;
  /** Probes every backend of `definition` once, disabled ones included; changes nothing and makes no verdict. */
  probeOnce(definition: Config['pools'][string]): Promise<ProbeRound>;
}

// ——— ShardReplica: one object per member of a group ———

/** Where the caller believes the member stands; an unborn object learns from it who it is. */
export interface MemberAddress {
  readonly shard: number;
  readonly member: number;
  readonly name: string;
}

/** On every request and answer, so that a stale edge corrects itself. */
export interface EdgeHeader {
  readonly protocol: number;
  readonly mapEpoch: number;
  readonly configVersion: number;
  readonly healthEpoch: number;
}

export interface SubmitRequest {
  readonly to: MemberAddress;
  readonly header: EdgeHeader;
  readonly requests: readonly { readonly reqId: string; readonly command: Command }[];
}

export interface LookupRequest {
  readonly to: MemberAddress;
  readonly header: EdgeHeader;
  /** Canonical cache key of the URL. */
  readonly key: string;
  readonly method: string;
  /** End-to-end request fields: the object picks the variant and decides reuse. */
  readonly fields: Fields;
  /** False for `explain`: looks, takes no lease. */
  readonly wantLease: boolean;
}

export interface KvReadRequest {
  readonly to: MemberAddress;
  readonly header: EdgeHeader;
  readonly key: string;
  readonly withBody: boolean;
}

/** Refusals every call can meet. `retryable` ones may be tried again with the same request id. */
export type MemberRefusal =
  | { readonly type: 'not-primary'; readonly view: number; readonly primary: number }
  | { readonly type: 'not-ready'; readonly reason: NotReady }
  | { readonly type: 'overloaded' }
  | { readonly type: 'unknown-protocol' }
  /** Waited in vain: a command may or may not take effect, a read was not answered. */
  | { readonly type: 'timed-out' }
  /** Over the limit of a log item or chunk: never logged. */
  | { readonly type: 'too-large'; readonly bytes: number; readonly bytesMax: number };

export type StageAnswer = { readonly type: 'staged' } | MemberRefusal;

interface Answered {
  readonly header: EdgeHeader;
  readonly groupId: string;
  readonly view: number;
}

export type SubmitAnswer = Answered &
  (
    | { readonly type: 'results'; readonly results: readonly CommandResult[]; readonly bookmark: Viewstamp }
    | MemberRefusal
  );

export type LookupAnswer = Answered &
  (
    | {
        readonly type: 'decision';
        /** What the cache can do with what it holds: core/cache decides, inside the object. */
        readonly decision: CacheDecision;
        /** The stored response's meta (JSON of a StoredResponse) when the decision names one. */
        readonly meta: string | null;
        /** Its body when it may be answered from; empty for HEAD; chunks joined by a stream when large. */
        readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
        readonly bodyBytes: number;
        readonly lease: FillToken | null;
        readonly bookmark: Viewstamp;
      }
    | MemberRefusal
  );

export type KvReadAnswer = Answered &
  (
    | {
        readonly type: 'found';
        readonly meta: string;
        readonly etag: string;
        readonly writtenAt: number;
        readonly expireAt: number | null;
        /** The group's logged time now. */
        readonly t: number;
        readonly tags: readonly string[];
        readonly body: Uint8Array | null;
        readonly bodyBytes: number;
        readonly bookmark: Viewstamp;
      }
    | { readonly type: 'absent'; readonly bookmark: Viewstamp }
    | MemberRefusal
  );

export interface MemberStatus {
  readonly member: number;
  readonly groupId: string | null;
  readonly view: number;
  readonly role: 'primary' | 'backup';
  readonly state: 'unborn' | 'recovering' | 'normal' | 'lost';
  readonly op: number;
  readonly commit: number;
  readonly applied: number;
  readonly entries: number;
  readonly bytes: number;
}

export interface ShardReplicaRpc {
  /** Member to member; at most one message in return, which the caller takes as an event. */
  deliver(to: MemberAddress, message: Message): Promise<Message | null>;
  submit(request: SubmitRequest): Promise<SubmitAnswer>;
  lookup(request: LookupRequest): Promise<LookupAnswer>;
  kvRead(request: KvReadRequest): Promise<KvReadAnswer>;
  /** Puts a chunk of a large body in place at this member and its peers, before the command that names it. */
  stage(to: MemberAddress, header: EdgeHeader, hash: string, bytes: Uint8Array): Promise<StageAnswer>;
  /** The fetch that a lease was given for came to nothing that can be stored. */
  release(to: MemberAddress, key: string, token: FillToken): Promise<void>;
  status(to: MemberAddress): Promise<MemberStatus>;
}

// ——— PurgeCoordinator: one object, named "purge-coordinator" ———

export interface PurgeRequest {
  readonly purgeId: string;
  /** Canonical cache keys of URLs; every variant goes. */
  readonly keys: readonly string[];
  readonly all: boolean;
  readonly by: string;
}

export interface PurgeAnswer {
  readonly type: 'done' | 'pending' | 'mismatch';
  readonly purgeId: string;
  readonly shards: { readonly acked: number; readonly total: number };
  readonly missing: readonly number[];
  readonly tookMs: number;
  /** By group id. */
  readonly bookmarks: Record<string, Viewstamp>;
}

export interface PurgeCoordinatorRpc {
  /** Writes its intent first; `mismatch` when the id was used for another selection. */
  purge(request: PurgeRequest): Promise<PurgeAnswer>;
}

// ——— Telemetry: one object, named "telemetry" ———

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
}
