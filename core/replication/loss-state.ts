// What a member knows, in memory, of storages that were lost or set back: its own and the others'.
import type { Seen } from './rollback-alarm.ts';

export interface LossState {
  /** Incarnations of members that have asked to be readmitted. */
  readonly asked: Map<number, number>;
  /** People have been told that a majority is lost. */
  isMajorityTold: boolean;
  /** Only while this member waits to be readmitted: since when it asks, and when it did so last. */
  asking: { readonly since: number; sentAt: number | null } | null;
  /** How far the others had come (rollback-alarm). */
  readonly seen: Map<number, Seen>;
  /** This storage is not the one that its member votes with: nothing is done any more, in this life or the next. */
  isForsaken: boolean;
}

export function newLossState(isForsaken: boolean): LossState {
  return { asked: new Map(), isMajorityTold: false, asking: null, seen: new Map(), isForsaken };
}
