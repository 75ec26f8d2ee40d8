// The bounds of one replica. Those marked "replicated" decide what applying an op does: every member of a group must
// be created with the same ones, or the members' states part ways.

export interface ReplicaLimits {
  /**
   * Replicated. Bytes of key-value rows without a ttl, beyond which a put is `full`; beyond as many of all of them the
   * primary proposes evictions of those with one.
   */
  readonly kvBytesMax: number;
  /** Bytes of HTTP rows beyond which the primary proposes evictions. */
  readonly httpBytesMax: number;
  /** Replicated. Rows under one key; a fill beyond them drops the variant written longest ago. */
  readonly variantsMax: number;
  /** Stamps that purges left behind; a purge beyond them must be tried again later. */
  readonly invalidationsMax: number;
  /** Commands queued or logged and not yet applied, and reads waiting for a recovering primary: each as many. */
  readonly queueMax: number;
  readonly queueBytesMax: number;
  /** Bytes of one log item: an inline body (at most 256 KiB), its meta, tags and key. */
  readonly itemBytesMax: number;
  readonly entryItemsMax: number;
  /** Bytes of one log entry (a single item may reach it), and of one prepare. */
  readonly entryBytesMax: number;
  readonly chunkBytesMax: number;
  /** Log entries in flight: appended, not yet committed; also prepares in flight to one backup. */
  readonly windowMax: number;
  /** A fetch that nobody has heard of for so long is given up: somebody else may begin. */
  readonly leaseMs: number;
  readonly leasesMax: number;
  /** Replicated. How old what a bounded read shows may be until the log says otherwise (bound). */
  readonly boundMs: number;
  /** How long a read waits for a recovering primary. */
  readonly readWaitMs: number;
  /** How long a session read waits at a backup for what it lacks: news of a commit travel, and follow it (`followMs`). */
  readonly sessionWaitMs: number;
  /** From the last commit to the message that tells the backups. */
  readonly followMs: number;
  /** Between confirm rounds of an active primary that has no other reason for one. */
  readonly heartbeatMs: number;
  /** A backup without evidence of the primary for so long asks it... */
  readonly probeAfterMs: number;
  /** ...and after so long believes that it is gone; a primary without answers from a majority, that it is deaf. */
  readonly suspectAfterMs: number;
  /** A promised view that has not started by then is left again. */
  readonly viewStartMs: number;
  /** How long an `exitView` counts, and how often it is said. */
  readonly exitLifeMs: number;
  readonly exitEveryMs: number;
  /** Questions of a view change that got no answer are asked again after so long. */
  readonly changeResendMs: number;
  /** A group without requests for so long goes to rest. */
  readonly idleMs: number;
  /** How long a member waits for others that do not answer before it rests without them, and looks again by alarm. */
  readonly patienceMs: number;
  /** A backup that has not answered for so long is asked again. */
  readonly answerTimeoutMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** State hashes are compared at every op that is a multiple of this. */
  readonly hashEveryOps: number;
  /** Ops whose rows wait for more of their kind before they are persisted: a boot applies them again. */
  readonly overlayOpsMax: number;
  /** Rows applied but not yet persisted, and their bytes. */
  readonly overlayRowsMax: number;
  readonly overlayBytesMax: number;
  /** The log keeps its newest ops up to the greater of these two... */
  readonly logOps: number;
  readonly logBytes: number;
  /** ...and, for a backup that has not got them yet, up to the lesser of these two. */
  readonly logOpsMax: number;
  readonly logBytesMax: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** Of new groups: how old what a bounded read shows may be, ms. */
export const BOUND_MS = 5_000;

export const DEFAULT_LIMITS: ReplicaLimits = {
  kvBytesMax: 1024 * MIB,
  httpBytesMax: 2048 * MIB,
  variantsMax: 16,
  invalidationsMax: 50_000,
  queueMax: 4096,
  queueBytesMax: 16 * MIB,
  itemBytesMax: 512 * KIB,
  entryItemsMax: 256,
  entryBytesMax: MIB,
  chunkBytesMax: MIB,
  windowMax: 4,
  leaseMs: 4_000,
  leasesMax: 20_000,
  boundMs: BOUND_MS,
  readWaitMs: 2_000,
  sessionWaitMs: 100,
  followMs: 50,
  heartbeatMs: 500,
  probeAfterMs: 1_000,
  suspectAfterMs: 2_000,
  viewStartMs: 1_000,
  exitLifeMs: 2_000,
  exitEveryMs: 500,
  changeResendMs: 200,
  idleMs: 30_000,
  patienceMs: 30_000,
  answerTimeoutMs: 1_500,
  backoffMinMs: 100,
  backoffMaxMs: 5_000,
  hashEveryOps: 1_000,
  overlayRowsMax: 2048,
  overlayOpsMax: 128,
  overlayBytesMax: 4 * MIB,
  logOps: 10_000,
  logBytes: 16 * MIB,
  logOpsMax: 100_000,
  logBytesMax: 64 * MIB,
};

/** Replicated: a fill comes at most this long after its token, by logged time; tombstones live at least as long. */
export const TOMBSTONE_LIFE_MS = 60_000;

/** Replicated: a request id is remembered for this long by logged time, and for this many ops. */
export const DEDUPE_LIFE_MS = 600_000;
export const DEDUPE_OPS = 1_000;

/** Replicated: a row that was purged softly may be used for so long (the longest that errors are answered stale). */
export const SOFT_LIFE_MS = 86_400_000;

/** A chunk that nothing names goes when it was staged longer ago than this. */
export const CHUNK_LIFE_MS = 600_000;
