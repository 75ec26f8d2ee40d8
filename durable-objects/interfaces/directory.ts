// What the Directory answers: one object, named "directory". The Worker imports these types and nothing else of the class.
import type { ConfigDiff } from '../../core/config/diff.ts';
import type { ConfigEdit } from '../../core/config/edit.ts';
import type { FieldError } from '../../core/config/field-error.ts';
import type { ConfigPreview } from '../../core/config/preview.ts';
import type { Config, ConfigDocument } from '../../core/config/schema.ts';
import type { HealthState } from '../../core/load-balancing/health.ts';
import type { Proof } from '../../core/load-balancing/proof-log.ts';

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
  /**
   * In a monitor's report: the running number of its verdicts, of which an older one never overrides a newer one. In a
   * snapshot: the health epoch at which the vantages' verdicts came to this one.
   */
  readonly epoch: number;
  readonly reason: string;
}

/** What an edge knows, and asks about anew. */
export interface SnapshotQuestion {
  readonly version: number;
  readonly healthEpoch: number;
  readonly mapEpoch: number;
  /** What its requests have proved since the last question, by `version`; left out where it is nothing. */
  readonly proofs?: readonly Proof[];
}

/** Only what differs from the question is filled in. */
export interface SnapshotAnswer {
  readonly version: number;
  readonly healthEpoch: number;
  /** The version since which `staleness.boundMs` is what it is; 0 = it was never changed. */
  readonly boundSince: number;
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
      /** 1 of the first storage; of each that replaces a lost one, one more. */
      readonly incarnation: number;
      readonly epoch: number;
      readonly members: readonly ShardMember[];
      /** For code of version 0.1, which has the bound from here; later code has it from the log. */
      readonly boundMs?: number;
    }
  /** The nonce of a storage that has been replaced: it cannot be the member's again. */
  | { readonly type: 'superseded' }
  /** This member's storage was lost, and its code knows nothing of readmissions: it must stay away. */
  | { readonly type: 'lost' }
  | { readonly type: 'unknown-member' };

/** What an operator has done to a shard: recorded before anything else happens. */
export type RebirthAnswer =
  | {
      readonly type: 'reborn';
      readonly epoch: number;
      readonly before: ShardGroup;
      readonly after: ShardGroup;
    }
  /** Somebody was faster: the group that was meant is no more. */
  | { readonly type: 'other-group'; readonly groupId: string }
  | { readonly type: 'unknown-shard' };

export interface DirectoryRpc {
  snapshot(question: SnapshotQuestion): Promise<SnapshotAnswer>;
  change(request: ChangeRequest): Promise<ChangeAnswer>;
  current(): Promise<ConfigVersion>;
  version(version: number): Promise<ConfigVersion | null>;
  /** Newest first. */
  versions(): Promise<ConfigVersionSummary[]>;
  /** A configuration file handed to the start command: a new version iff its text differs from the last one. */
  adoptFile(document: unknown, digest: string): Promise<ChangeAnswer>;
  /**
   * `name`: the object's own, so that one of an abandoned map is told `unknown-member`. `isReadmittable`: its code knows
   * that a later incarnation than the first may not vote before it is readmitted; that of version 0.1 does not.
   */
  registerBirth(
    shard: number,
    member: number,
    nonce: string,
    name?: string,
    isReadmittable?: boolean,
  ): Promise<BirthAnswer>;
  /**
   * The storage of this member is to count as lost: whatever it has, it will be readmitted as another. False: there is no
   * such member.
   */
  declareLost(shard: number, member: number, by: string): Promise<boolean>;
  /** The shard has a new, empty group in the place of the given one. */
  rebirth(shard: number, groupId: string, by: string): Promise<RebirthAnswer>;
  /**
   * From a HealthMonitor: its new verdicts, or none, which says that it goes on probing. Those of backends or of a
   * vantage that the pool no longer has, or of an older epoch, are ignored.
   */
  reportVerdicts(pool: string, vantage: string, verdicts: Record<string, HealthVerdict>): Promise<void>;
  /** To a HealthMonitor: backends of the pool that answered users well, and how long ago in ms. */
  proofsOf(pool: string): Promise<(readonly [backend: string, ageMs: number])[]>;
  shardMap(): Promise<ShardMap>;
}
