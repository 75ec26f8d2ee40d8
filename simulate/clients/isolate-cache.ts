// An edge's own copies of what it has read, held by the rule of the product's memory tier (core/cache/held-answers): good
// for bounded reads until the limit that they came with, counted from the edge's own send time.
import { type HeldAnswer, HeldAnswers } from '../../core/cache/held-answers.ts';
import type { ClientAnswer, LiveRow } from '../../core/replication/messages.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';

export interface Copy extends HeldAnswer {
  readonly rows: readonly LiveRow[];
  readonly bookmark: Viewstamp;
  readonly t: number;
}

/** Enough for every key of a run. */
const BYTES_MAX = 10_000;

export class IsolateCache {
  private readonly held = new HeldAnswers<Copy>(BYTES_MAX, { isSame: () => true, bytesOf: () => 1 });

  /** `askedAt`: when the edge asked, by its own clock. Without an age nothing is known of how old it may be. */
  keep(key: string, answer: Extract<ClientAnswer, { type: 'rows' }>, askedAt: number, now: number): void {
    const { rows, bookmark, t, ageMs, boundMs } = answer;
    if (rows.length === 0 || ageMs === null) return;
    this.held.keep(key, { rows, bookmark, t, askedAt, usableUntil: askedAt + boundMs - ageMs }, now);
  }

  find(key: string, now: number): Copy | undefined {
    const [copy] = this.held.usable(key, now);
    // What has expired by the group's time is of no use, whatever its age.
    const isExpired = copy?.rows.some(({ expireAt }) => expireAt !== null && expireAt <= now);
    return isExpired === true ? undefined : copy;
  }

  forget(key: string, now: number): void {
    this.held.forget(key, now);
  }

  forgetAll(now: number): void {
    this.held.forgetAll(now);
  }
}
