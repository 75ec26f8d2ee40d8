// The named answers of the cache: the same words stand in Cache-Status, in the counters and in `explain`.

/** RFC 9211 §2.2: why a request goes forward. */
export type ForwardReason =
  | 'bypass'
  | 'method'
  | 'uri-miss'
  | 'vary-miss'
  | 'miss'
  | 'request'
  | 'stale'
  | 'partial';

export type CacheDecision =
  /** Answer from the stored response. */
  | { readonly type: 'hit'; readonly ageSeconds: number; readonly ttlSeconds: number }
  /** A stored response may be used only after the origin has confirmed it. */
  | {
      readonly type: 'revalidate';
      readonly forward: ForwardReason;
      readonly reason: string;
      readonly ttlSeconds: number;
    }
  /** Nothing usable is stored. */
  | { readonly type: 'miss'; readonly forward: ForwardReason; readonly reason: string };
