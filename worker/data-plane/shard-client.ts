// The edge's way to the shards: finds the group of a key, calls its primary, follows corrections, tries again with
// the same request id, and tells "absent" from "could not be read".

import type { Fields } from '../../core/http/fields.ts';
import type { Command, CommandResult, FillToken } from '../../core/replication/commands.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';
import type { KvReadAnswer, LookupAnswer, MemberStatus, ShardMap } from '../../durable-objects/interfaces.ts';

export type ShardFailure =
  /** Nothing was done, or nothing was asked. */
  | { readonly type: 'unavailable'; readonly detail: string }
  /** A write may or may not have happened. */
  | { readonly type: 'outcome-unknown'; readonly detail: string };

export type Lookup = Extract<LookupAnswer, { type: 'decision' }>;
export type KvRead = Extract<KvReadAnswer, { type: 'found' | 'absent' }>;

export interface WriteOutcome {
  readonly type: 'result';
  readonly result: CommandResult;
  readonly groupId: string;
  readonly bookmark: Viewstamp;
}

export interface ShardStatus {
  readonly shard: number;
  readonly groupId: string;
  readonly members: readonly {
    readonly name: string;
    readonly region: string;
    /** null: it did not answer. */
    readonly status: MemberStatus | null;
  }[];
}

export interface ShardClient {
  slotOf(key: string): number;
  shardOf(map: ShardMap, key: string): number;
  lookup(
    map: ShardMap,
    query: {
      readonly key: string;
      readonly method: string;
      readonly fields: Fields;
      readonly wantLease: boolean;
    },
  ): Promise<Lookup | ShardFailure>;
  /** Bodies over 256 KiB are staged in chunks first. */
  write(
    map: ShardMap,
    key: string,
    reqId: string,
    command: UnstagedCommand,
  ): Promise<WriteOutcome | ShardFailure>;
  kvRead(
    map: ShardMap,
    key: string,
    withBody: boolean,
  ): Promise<(KvRead & { groupId: string }) | ShardFailure>;
  release(map: ShardMap, key: string, token: FillToken): Promise<void>;
  status(map: ShardMap): Promise<ShardStatus[]>;
}

/** A command whose body is still plain bytes. */
export type UnstagedCommand =
  | Unstaged<Extract<Command, { type: 'put' }>>
  | Unstaged<Extract<Command, { type: 'fill' }>>
  | Exclude<Command, { type: 'put' | 'fill' }>;

type Unstaged<C> = Omit<C, 'value'> & { readonly meta: string; readonly body: Uint8Array };
