// A purge as it is written down before anything of it is sent, and where it is written.
import type { Viewstamp } from '../replication/viewstamp.ts';
import type { PurgeSelection } from './purge-selection.ts';

export interface Intent {
  readonly purgeId: string;
  /** Digest of the selection: the same id with another one is refused. */
  readonly digest: string;
  readonly by: string;
  /** Epoch ms. */
  readonly createdAt: number;
  /** null while a shard is missing. */
  readonly doneAt: number | null;
  /** The shards that it concerns; empty until the shard map was known. */
  readonly targets: readonly Target[];
}

/** A shard that the purge concerns. */
export interface Target {
  readonly shard: number;
  readonly groupId: string;
  /** Where the shard committed it; null = not yet. */
  readonly bookmark: Viewstamp | null;
  /** The largest staleness bound that an answer of it may still carry from before; not known of old ones. */
  readonly limitMs?: number;
}

/** Durable; each call as a whole or not at all, and before anything that is sent after it. */
export interface IntentStore {
  find(purgeId: string): Intent | null;
  add(intent: Intent, selection: PurgeSelection): void;
  /** Of a purge that is not done. */
  selection(purgeId: string): PurgeSelection;
  setTargets(purgeId: string, targets: readonly Target[]): void;
  setTried(purgeId: string, triedAt: number): void;
  /** From here on the purge is only reported: its selection is let go. */
  setDone(purgeId: string, doneAt: number): void;
  /** Tried longest ago first. */
  pending(limit: number): Intent[];
  pendingCount(): number;
  /** When the oldest one was created, epoch ms. */
  oldestAt(): number | null;
  /** Forgets up to `limit` purges, done or not, that are older; answers those that were not done. */
  forget(createdBefore: number, limit: number): Intent[];
}
