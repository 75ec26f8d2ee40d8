// What a member knows of a snapshot that it reads out, or takes in.
import type { Viewstamp } from './viewstamp.ts';

/** A snapshot that is being read out here: nothing is applied meanwhile. */
export interface SnapshotRead {
  readonly id: string;
  readonly to: number;
  /** The op that it shows. */
  readonly at: Viewstamp;
  askedAt: number;
}

/** A snapshot that is being taken in. */
export interface Install {
  readonly source: number;
  id: string | null;
  at: Viewstamp | null;
  /** The place up to which it is on the disk. */
  after: string | null;
  /** null: nothing asked for is on its way. */
  sentAt: number | null;
  movedAt: number;
  /** Questions in a row that did not reach the source. */
  failures: number;
  readonly chunksWanted: Set<string>;
}
