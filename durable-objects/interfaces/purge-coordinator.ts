// What the PurgeCoordinator answers: one object, named "purge-coordinator".
import type { Viewstamp } from '../../core/replication/viewstamp.ts';

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
