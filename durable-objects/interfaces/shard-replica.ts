// What a ShardReplica answers: one object per member of a group.
import type { CacheDecision } from '../../core/cache/decision.ts';
import type { ReusePolicy } from '../../core/cache/policy.ts';
import type { Fields } from '../../core/http/fields.ts';
import type { ByteRange } from '../../core/http/ranges.ts';
import type { SelectingFields } from '../../core/http/vary.ts';
import type { BoundNews } from '../../core/replication/bound.ts';
import type { Command, CommandResult, FillToken } from '../../core/replication/commands.ts';
import type {
  LogEntry,
  Message,
  NotReady,
  PageEntry,
  PageWish,
  ReadLevel,
} from '../../core/replication/messages.ts';
import type { ReadNeed } from '../../core/replication/read-need.ts';
import type { Viewstamp } from '../../core/replication/viewstamp.ts';

/** Where the caller believes the member stands; an unborn object learns from it who it is. */
export interface MemberAddress {
  readonly shard: number;
  readonly member: number;
  readonly name: string;
}

/** On every request and answer, so that a stale edge corrects itself. */
export interface EdgeHeader {
  readonly protocol: number;
  readonly mapEpoch: number;
  readonly configVersion: number;
  readonly healthEpoch: number;
  /** The configured staleness bound, where the caller knows one that was ever changed. */
  readonly staleness?: BoundNews;
  /** The caller got no answer from the primary of this view. */
  readonly suspects?: number | null;
  /** The caller cannot reach the primary: who refuses this is to hand it on. Members of older versions do not know it. */
  readonly relay?: boolean;
}

export interface SubmitRequest {
  readonly to: MemberAddress;
  readonly header: EdgeHeader;
  readonly requests: readonly { readonly reqId: string; readonly command: Command }[];
}

/** What a lookup asks. */
export interface LookupQuery {
  /** Canonical cache key of the URL. */
  readonly key: string;
  readonly method: string;
  /** End-to-end request fields: the object picks the variant and decides reuse. */
  readonly fields: Fields;
  /** What tells responses of the URL apart beside Vary, by the route's key. */
  readonly keyParts: SelectingFields;
  /** Of the route. */
  readonly policy: ReusePolicy;
  /** Default: `bounded`. */
  readonly level?: ReadLevel;
  /** What the session has seen of this group; null or none: nothing known. */
  readonly bookmark?: Viewstamp | null;
  /** False for `explain`: looks, takes no lease. */
  readonly wantLease: boolean;
  /** The response with this tag, whatever its selecting fields: the origin has chosen it among those offered. */
  readonly tag?: string;
}

export interface LookupRequest extends LookupQuery {
  readonly to: MemberAddress;
  readonly header: EdgeHeader;
}

/** Of several requests, in one call. */
export interface LookupsRequest {
  readonly to: MemberAddress;
  readonly header: EdgeHeader;
  readonly queries: readonly LookupQuery[];
}

export interface KvReadRequest {
  readonly to: MemberAddress;
  readonly header: EdgeHeader;
  readonly key: string;
  /** Edges of an older version do not say: linearizable. */
  readonly need?: ReadNeed | undefined;
  readonly withBody: boolean;
}

export type BatchOp =
  | { readonly type: 'read'; readonly key: string }
  | {
      readonly type: 'write';
      readonly reqId: string;
      readonly command: Extract<Command, { type: 'put' | 'delete' | 'increment' }>;
    };

/** Several of key-value data at once; what concerns one key happens in this order. */
export interface BatchRequest {
  readonly to: MemberAddress;
  readonly header: EdgeHeader;
  readonly need: ReadNeed;
  readonly ops: readonly BatchOp[];
}

/** One of several requests' operations that travel together and know nothing of one another. */
export type GatheredOp =
  | { readonly type: 'command'; readonly reqId: string; readonly command: Command }
  | {
      readonly type: 'read';
      readonly key: string;
      readonly need: ReadNeed;
      readonly withBody: boolean;
    };

export interface GatheredRequest {
  readonly to: MemberAddress;
  readonly header: EdgeHeader;
  readonly ops: readonly GatheredOp[];
}

export interface KvPageRequest extends PageWish {
  readonly to: MemberAddress;
  readonly header: EdgeHeader;
  readonly need: ReadNeed;
}

/** What members did and nobody has reported yet. Soft: what travels with an answer that gets lost is not counted. */
export interface MemberWork {
  /** Calls of the answering member to others. */
  readonly objectCalls: number;
  /** Rows of tables and indexes, its own and those that others told it of. */
  readonly rowsWritten: number;
}

/** An entry, its items encoded. */
export type PackedEntry = Omit<LogEntry, 'items'> & { readonly items: Uint8Array };

/** A message to a member. With `packed` the entries of its body are none: these are they. */
export type PackedMessage = Message & { readonly packed?: readonly PackedEntry[] };

/** A message between members, and the rows that its sender has written since it last told. */
export type CountedMessage = Message & {
  readonly rowsWritten?: number;
  /** The sender takes entries packed. */
  readonly unpacks?: boolean;
};

/** Refusals every call can meet. `retryable` ones may be tried again with the same request id. */
/** `isPartlyDone`: of several commands in one call some were carried out; their request ids are remembered. */
export type MemberRefusal = RefusalReason & { readonly isPartlyDone?: boolean };

type RefusalReason =
  | { readonly type: 'not-primary'; readonly view: number; readonly primary: number }
  /** The member was the primary until just now: a command may or may not take effect. */
  | { readonly type: 'deposed'; readonly view: number; readonly primary: number }
  | { readonly type: 'not-ready'; readonly reason: NotReady }
  | { readonly type: 'overloaded' }
  | { readonly type: 'unknown-protocol' }
  /** Waited in vain: a command may or may not take effect, a read was not answered. */
  | { readonly type: 'timed-out' }
  /** Over the limit of a log item or chunk: never logged. */
  | { readonly type: 'too-large'; readonly bytes: number; readonly bytesMax: number };

export type StageAnswer = { readonly type: 'staged' } | MemberRefusal;

/** How old what a read shows may be: what was committed longer ago than `ageMs` is in it (null = not known). */
export interface Aged {
  readonly ageMs: number | null;
  /** The bound of the group's bounded reads. Counted on by the caller from when it sent the question. */
  readonly boundMs: number;
}

interface Answered {
  readonly header: EdgeHeader;
  readonly groupId: string;
  readonly view: number;
}

export type SubmitAnswer = Answered &
  (
    | {
        readonly type: 'results';
        readonly results: readonly CommandResult[];
        readonly bookmark: Viewstamp;
        /** The largest staleness bound that an answer may still carry which does not show the results. */
        readonly limitMs: number;
      }
    | MemberRefusal
  );

export interface LookedUp extends Aged {
  readonly type: 'decision';
  /** What the cache can do with what it holds: core/cache decides, inside the object. */
  readonly decision: CacheDecision;
  /** The stored response's meta (JSON of a StoredResponse) when the decision names one. */
  readonly meta: string | null;
  /** Its body when it may be answered from; empty for HEAD; chunks joined by a stream when large. */
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
  readonly bodyBytes: number;
  /** Which bytes of it are in `body`; null = all. Only of a hit that asks for a range. */
  readonly span: ByteRange | null;
  /** Every response stored under the key is told apart by the same fields: no other than this one could answer. */
  readonly isOnlyChoice: boolean;
  readonly lease: FillToken | null;
  /** Whose fetch of the key is under way; objects of an older version do not say. */
  readonly takenBy?: FillToken | null;
  readonly bookmark: Viewstamp;
}

export type LookupAnswer = Answered & (LookedUp | MemberRefusal);

/** The bodies or values asked for are too many bytes for a common answer: to be asked for by itself. Nothing was done. */
export interface TooMuch {
  readonly type: 'too-much';
}

/** What one of several lookups came to; its body is no stream. */
export type LookupOutcome = LookedUp | TooMuch | MemberRefusal;

export type LookupsAnswer = Answered &
  (
    | {
        readonly type: 'looked-up';
        /** One for each query, in order. */
        readonly outcomes: readonly LookupOutcome[];
      }
    | MemberRefusal
  );

/** What a member shows of a pair. */
export type KvFound =
  | {
      readonly type: 'found';
      readonly meta: string;
      readonly etag: string;
      readonly writtenAt: number;
      readonly expireAt: number | null;
      /** The group's logged time now. */
      readonly t: number;
      readonly tags: readonly string[];
      readonly body: Uint8Array | null;
      readonly bodyBytes: number;
      readonly bookmark: Viewstamp;
    }
  | { readonly type: 'absent'; readonly bookmark: Viewstamp };

export type KvReadAnswer = Answered & (KvFound | MemberRefusal);

export type GatheredOutcome =
  | { readonly type: 'result'; readonly result: CommandResult; readonly bookmark: Viewstamp }
  | KvFound
  | TooMuch
  | MemberRefusal;

export type GatheredAnswer = Answered &
  (
    | {
        readonly type: 'gathered';
        /** One for each op, in order. */
        readonly outcomes: readonly GatheredOutcome[];
      }
    | MemberRefusal
  );

export type BatchOutcome =
  | { readonly type: 'result'; readonly result: CommandResult }
  | {
      readonly type: 'found';
      readonly meta: string;
      readonly etag: string;
      readonly body: Uint8Array | null;
      readonly bodyBytes: number;
    }
  | { readonly type: 'absent' }
  /** The values asked for are too many bytes together for one answer. */
  | { readonly type: 'too-much' };

export type BatchAnswer = Answered &
  (
    | {
        readonly type: 'outcomes';
        /** One for each op, in order. */
        readonly outcomes: readonly BatchOutcome[];
        readonly bookmark: Viewstamp;
      }
    | MemberRefusal
  );

export type KvPageAnswer = Answered &
  (
    | {
        readonly type: 'page';
        readonly entries: readonly PageEntry[];
        /** Complete up to this name; null = to the end. */
        readonly upTo: string | null;
        readonly bookmark: Viewstamp;
      }
    | MemberRefusal
  );

export interface MemberStatus {
  readonly member: number;
  readonly groupId: string | null;
  readonly view: number;
  readonly role: 'primary' | 'backup';
  readonly state: 'unborn' | 'recovering' | 'changing-view' | 'normal' | 'lost';
  readonly op: number;
  readonly commit: number;
  readonly applied: number;
  readonly entries: number;
  readonly bytes: number;
  /** As far as it heard; members of earlier versions do not say. */
  readonly isMajorityLost?: boolean;
}

export interface ShardReplicaRpc {
  /** Member to member; at most one message in return, which the caller takes as an event. */
  deliver(to: MemberAddress, message: PackedMessage): Promise<CountedMessage | null>;
  submit(request: SubmitRequest): Promise<SubmitAnswer>;
  lookup(request: LookupRequest): Promise<LookupAnswer>;
  lookups(request: LookupsRequest): Promise<LookupsAnswer>;
  kvRead(request: KvReadRequest): Promise<KvReadAnswer>;
  gathered(request: GatheredRequest): Promise<GatheredAnswer>;
  kvBatch(request: BatchRequest): Promise<BatchAnswer>;
  kvPage(request: KvPageRequest): Promise<KvPageAnswer>;
  /** Puts a chunk of a large body in place at this member and its peers, before the command that names it. */
  stage(to: MemberAddress, header: EdgeHeader, hash: string, bytes: Uint8Array): Promise<StageAnswer>;
  /** The fetch that a lease was given for goes on. */
  renew(to: MemberAddress, key: string, token: FillToken, isRelayed?: boolean): Promise<void>;
  /** The fetch that a lease was given for came to nothing that can be stored. */
  release(to: MemberAddress, key: string, token: FillToken, isRelayed?: boolean): Promise<void>;
  status(to: MemberAddress): Promise<MemberStatus>;
  /** The Directory has recorded that this storage is nobody's: it is emptied, and the object begins anew. */
  forget(to: MemberAddress): Promise<void>;
}
