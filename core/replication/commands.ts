// What clients ask of a shard, as it stands in the log: commands are logged unevaluated, and every condition in them
// is decided when they are applied, in op order, from replicated state and logged time only.
import type { Viewstamp } from './viewstamp.ts';

/** The row's address: `key` decides the slot; `variant` tells apart what lives under one key ('' for key-value data). */
export interface RowAddress {
  readonly key: string;
  readonly variant: string;
}

/** A stored body: inline up to 256 KiB, else the content hashes (hex SHA-256) of its chunks of at most 1 MiB each. */
export type Body =
  | { readonly type: 'inline'; readonly bytes: Uint8Array }
  | { readonly type: 'chunks'; readonly hashes: readonly string[]; readonly bytes: number };

export interface Value {
  /** Opaque to replication: JSON text that the owner of the namespace reads (a stored response, a content type). */
  readonly meta: string;
  readonly body: Body;
}

/** `If-None-Match: *` and `If-Match`; an etag is compared as the opaque text inside the quotes. */
export type Condition =
  | { readonly type: 'absent' }
  | { readonly type: 'exists' }
  | { readonly type: 'etag'; readonly etags: readonly string[] };

/** Given with a lease on a miss; a fill carries it back. `t` is the group's logged time. */
export interface FillToken extends Viewstamp {
  readonly groupId: string;
  readonly t: number;
}

/** What a purge covers (core/replication/purge-scope). */
export type PurgeSelector =
  /** Key of an HTTP entry: every variant, stored or still being fetched. */
  | { readonly type: 'url'; readonly key: string }
  /** Every HTTP entry. */
  | { readonly type: 'all' }
  /** Whatever carries the tag. */
  | { readonly type: 'tag'; readonly tag: string }
  /** Every HTTP entry whose canonical URL begins so; it ends with the "/" of a path segment. */
  | { readonly type: 'prefix'; readonly prefix: string }
  /** Every key-value pair of the namespace. */
  | { readonly type: 'namespace'; readonly namespace: string };

export type Command =
  | {
      readonly type: 'put';
      readonly key: string;
      readonly value: Value;
      readonly condition: Condition | null;
      /** Lifetime from the logged time of the op; null = for ever. */
      readonly ttlMs: number | null;
      readonly tags: readonly string[];
    }
  | { readonly type: 'delete'; readonly key: string; readonly condition: Condition | null }
  | {
      readonly type: 'increment';
      readonly key: string;
      /** A safe integer; what is absent counts as 0. */
      readonly by: number;
      readonly condition: Condition | null;
      /** These three are for a pair that is made by it: one that is there keeps its own. */
      readonly meta: string;
      readonly ttlMs: number | null;
      readonly tags: readonly string[];
    }
  | {
      readonly type: 'fill';
      readonly key: string;
      readonly variant: string;
      readonly value: Value;
      readonly token: FillToken;
      /** How long the row may be kept from the logged time of the op (not how long it is fresh). */
      readonly ttlMs: number;
      readonly tags: readonly string[];
      /** It is what a change has made of the URL: that is purged in any case, and first. Without it, nothing is. */
      readonly purges?: true;
    }
  /** `soft`: what it covers becomes stale instead of unusable. Logs of older versions do not have it: hard. */
  | { readonly type: 'purge'; readonly selector: PurgeSelector; readonly soft?: boolean }
  /** Made by the primary: removes the row unless it has changed since or has not expired by logged time. */
  | { readonly type: 'expire'; readonly address: RowAddress; readonly viewstamp: Viewstamp }
  /** Made by the primary: removes the row for space, unless it changed or is key-value data without a ttl. */
  | { readonly type: 'evict'; readonly address: RowAddress; readonly viewstamp: Viewstamp }
  /** Made by the primary: removes a row that is of no use any more because of a purge, and no other. */
  | { readonly type: 'discard'; readonly address: RowAddress; readonly viewstamp: Viewstamp }
  /**
   * Made by the primary when no row is left for which a purge up to `upTo` matters: their stamps may go, as far as
   * they were due to go at logged time `t`, and fills older than `upTo` are refused.
   */
  | { readonly type: 'floor'; readonly upTo: Viewstamp; readonly t: number }
  /** Made by the primary from what callers know of the configuration: the group's staleness bound (core/replication/bound). */
  | { readonly type: 'bound'; readonly boundMs: number; readonly since: number }
  /** Made by the primary: nothing that was read before the bound of that version may be used any more. */
  | { readonly type: 'boundSettled'; readonly since: number }
  /** Made by the primary: the member has a new storage, and counts again from here on (readmission). */
  | { readonly type: 'readmit'; readonly member: number; readonly incarnation: number }
  /** Made by a primary at the start of its view. */
  | { readonly type: 'viewStart' };

export type FillRefusal =
  | 'purged-since-token'
  | 'written-since-token'
  | 'token-below-floor'
  | 'token-expired'
  | 'time-went-back'
  | 'foreign-group';

/** What applying a command gave; a stored first result answers every later occurrence of the same request id. */
export type CommandResult =
  | { readonly type: 'stored'; readonly created: boolean; readonly etag: string }
  | { readonly type: 'deleted'; readonly existed: boolean }
  | { readonly type: 'incremented'; readonly value: number; readonly etag: string }
  /** Nothing was changed: what is stored is no integer in decimal, or the sum would not be a safe one. */
  | { readonly type: 'not-an-integer'; readonly etag: string }
  | { readonly type: 'out-of-range'; readonly etag: string | null }
  | { readonly type: 'condition-failed'; readonly etag: string | null }
  | { readonly type: 'full' }
  | { readonly type: 'filled' }
  | { readonly type: 'fill-refused'; readonly reason: FillRefusal }
  | { readonly type: 'purged' }
  | { readonly type: 'done' }
  /** The request id was seen before with another command. */
  | { readonly type: 'request-mismatch' };
