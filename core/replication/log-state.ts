// What a replica remembers of its log between two steps.
import type { LoggedReadmission } from './logged-readmissions.ts';
import type { LogEntry } from './messages.ts';
import type { Viewstamp } from './viewstamp.ts';

export interface TailEntry {
  readonly entry: LogEntry;
  readonly bytes: number;
}

export interface LogState {
  /** The viewstamp just before the oldest entry. */
  before: Viewstamp;
  /** Of the newest entry; equal to `before` when the log is empty. */
  last: Viewstamp;
  lastT: number;
  bytes: number;
  /** The newest entries once more in memory, contiguous up to `last`; empty after a boot. */
  readonly tail: TailEntry[];
  /** The readmissions among the entries that are not applied yet. */
  readmissions: readonly LoggedReadmission[];
}
