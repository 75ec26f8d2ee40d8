// What the PurgeCoordinator answers: one object, named "purge-coordinator".
import type { Viewstamp } from '../../core/replication/viewstamp.ts';

export interface PurgeSelection {
  /** Canonical cache keys of URLs; every variant. */
  readonly keys: readonly string[];
  readonly tags: readonly string[];
  /** Canonical URLs that end with the "/" of a path segment. */
  readonly prefixes: readonly string[];
  /** Every HTTP entry. */
  readonly all: boolean;
  /** Of key-value data. */
  readonly namespaces: readonly string[];
  /** HTTP entries become stale instead of unusable. */
  readonly soft: boolean;
}

export interface PurgeRequest extends PurgeSelection {
  readonly purgeId: string;
  readonly by: string;
  /** `strict` is answered later: when no read but `any` shows what was there before. By default `committed`. */
  readonly guarantee?: 'committed' | 'strict';
}

export interface PurgeAnswer {
  /** `done`: committed by every shard that it concerns, and as strict as was asked for. */
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
