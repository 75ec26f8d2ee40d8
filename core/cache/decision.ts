// The named answers of the cache: the same words stand in Cache-Status, in the counters and in `explain`.
import type { ForwardReason } from '../http/cache-status.ts';

export type { ForwardReason } from '../http/cache-status.ts';

export type CacheDecision =
  /** Answer from the stored response; `ttlSeconds` is negative when a stale one may be used. */
  | {
      readonly type: 'hit';
      readonly ageSeconds: number;
      readonly ttlSeconds: number;
      /** RFC 5861 §3: it is stale, and whoever uses it should see that it is renewed meanwhile. */
      readonly refresh: boolean;
    }
  /** A stored response may be used only after the origin has confirmed it. */
  | {
      readonly type: 'revalidate';
      readonly forward: ForwardReason;
      readonly reason: string;
      readonly ttlSeconds: number;
    }
  /**
   * A part is stored, and more is wanted. `rest`: the origin is asked for what follows it, to be joined to it; else it is
   * asked as the client asks, and what comes may be joined to it.
   */
  | {
      readonly type: 'extend';
      readonly forward: ForwardReason;
      readonly reason: string;
      readonly rest: boolean;
    }
  /** None of the stored variants answers; the origin may say that one of these tags is what it would send. */
  | {
      readonly type: 'offer';
      readonly forward: 'vary-miss';
      readonly reason: 'vary-miss';
      readonly tags: readonly string[];
    }
  /** Nothing usable is stored. */
  | { readonly type: 'miss'; readonly forward: ForwardReason; readonly reason: string }
  /** The client asked for a stored response or none (only-if-cached), and there is none: 504. */
  | { readonly type: 'not-cached'; readonly reason: string };
