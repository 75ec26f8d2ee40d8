// What the PurgeCoordinator answers: one object, named "purge-coordinator".
import type { PurgeAnswer } from '../../core/purging/purge-book.ts';
import type { PurgeSelection } from '../../core/purging/purge-selection.ts';

export type { PurgeAnswer };

export interface PurgeRequest extends PurgeSelection {
  readonly purgeId: string;
  readonly by: string;
  /** `strict` is answered later: when no read but `any` shows what was there before. By default `committed`. */
  readonly guarantee?: 'committed' | 'strict';
}

export interface PurgeCoordinatorRpc {
  /** Writes its intent first; `mismatch` when the id was used for another selection. */
  purge(request: PurgeRequest): Promise<PurgeAnswer>;
}
