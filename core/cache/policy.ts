// What a route says about caching beside the RFCs: the names are those of its configuration.

export interface CachePolicy {
  /** RFC 9111 §4.2.2: a lifetime is guessed where a response that may be kept says none. */
  readonly heuristics: boolean;
  /** Lifetime of a response that says none, where its status is cacheable by default; 0 = none. */
  readonly defaultTtlSeconds: number;
  /** The same by status ("404"), also for a status that is not; goes before `defaultTtlSeconds`. */
  readonly statusTtlSeconds: Readonly<Record<string, number>>;
  /** RFC 5861 §3 and §4, for responses that say nothing of it. */
  readonly staleWhileRevalidateSeconds: number;
  readonly staleIfErrorSeconds: number;
  /** `keep`: stored and replayed, but only where the response says how long it is fresh. */
  readonly setCookie: 'keep' | 'strip' | 'bypass';
  /** Whether the Cache-Control and Pragma of requests count. */
  readonly requestDirectives: boolean;
  /** RFC 9213 §2.2: names in any case, the most specific first. */
  readonly targetedFields: readonly string[];
}

/** As a route has it that says nothing. */
export const DEFAULT_CACHE_POLICY: CachePolicy = {
  heuristics: true,
  defaultTtlSeconds: 0,
  statusTtlSeconds: {},
  staleWhileRevalidateSeconds: 0,
  staleIfErrorSeconds: 86_400,
  setCookie: 'keep',
  requestDirectives: true,
  targetedFields: ['Roundel-CDN-Cache-Control', 'CDN-Cache-Control'],
};

/** What matters once something is stored: a shard is told it with every lookup. */
export type ReusePolicy = Pick<CachePolicy, 'requestDirectives' | 'staleWhileRevalidateSeconds'>;
