// An edge's own copies of what it has read: good for bounded reads until the limit that they came with, counted from the
// edge's own send time.
import type { LiveRow } from '../../core/replication/messages.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';

export interface Copy {
  readonly rows: readonly LiveRow[];
  readonly bookmark: Viewstamp;
  readonly t: number;
  /** Of use until then, by the edge's clock. */
  readonly until: number;
}

export class IsolateCache {
  private readonly copies = new Map<string, Copy>();

  /** `sentAt`: when the edge asked, by its own clock. Without an age nothing is known of how old it may be. */
  keep(
    key: string,
    answer: {
      readonly rows: readonly LiveRow[];
      readonly bookmark: Viewstamp;
      readonly t: number;
      readonly ageMs: number | null;
      readonly boundMs: number;
    },
    sentAt: number,
  ): void {
    const { rows, bookmark, t, ageMs, boundMs } = answer;
    if (rows.length === 0 || ageMs === null) return;
    this.copies.set(key, { rows, bookmark, t, until: sentAt + boundMs - ageMs });
  }

  find(key: string, now: number): Copy | undefined {
    const copy = this.copies.get(key);
    if (copy === undefined || copy.until <= now) return undefined;
    // What has expired by the group's time is of no use, whatever its age.
    const isExpired = copy.rows.some(({ expireAt }) => expireAt !== null && expireAt <= now);
    return isExpired ? undefined : copy;
  }
}
