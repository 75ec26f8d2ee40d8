// The isolate's copy of configuration, health and shard map, kept at most a second old by asking the Directory.
// One request at a time asks; what it learns is left in plain variables. Others never await its promise (a promise
// that another request's I/O resolves may go on in the wrong context, or hang when that request is cancelled): they
// look at the variables again by timers of their own.
import type { Config } from '../core/config/schema.ts';
import type { ProofLog } from '../core/load-balancing/proof-log.ts';
import type {
  DirectoryRpc,
  HealthVerdicts,
  ShardMap,
  SnapshotAnswer,
} from '../durable-objects/interfaces/directory.ts';

export interface EdgeSnapshot {
  readonly version: number;
  readonly healthEpoch: number;
  /** The version since which the staleness bound is what it is. */
  readonly boundSince: number;
  readonly config: Config;
  readonly health: HealthVerdicts;
  readonly shardMap: ShardMap;
}

export interface SnapshotSource {
  /**
   * At most a second old where the Directory answers; null when this isolate has none after 2 s. At once where nothing
   * has to be waited for, as for nearly every request of a busy isolate. `nowMs`: the clock, for who has looked already.
   */
  current(background: Background, nowMs?: number): EdgeSnapshot | Promise<EdgeSnapshot | null>;
  /** Without waiting. */
  peek(): EdgeSnapshot | null;
  /** An answer of another object mentioned newer ones: check at the next opportunity. */
  heardOf(version: number, healthEpoch: number): void;
}

/** Of an ExecutionContext: what a request starts and does not wait for. */
export interface Background {
  waitUntil(promise: Promise<unknown>): void;
}

/** Younger than this: used as it is, nobody asks. */
const QUIET_MS = 500;
/** Up to this age it is used as it is; beyond, it is checked first. */
const TRUSTED_MS = 1000;
const CHECK_WAIT_MS = 100;
const FIRST_WAIT_MS = 2000;
/** A check that has not come back by then may have died with its request: another may start. */
const CHECK_EXPIRES_MS = 1500;
/** Least distance of two checks, however urgent. */
const CHECK_SPACING_MS = 50;
const POLL_MS = 4;

export interface SnapshotSourceParts {
  now(): number;
  directory(): Pick<DirectoryRpc, 'snapshot'>;
  /** Resolves after `ms` on the calling request's own timer. */
  sleep(ms: number): Promise<void>;
  /** Told along with the question; lost when that fails, which costs a probe. */
  readonly proofs?: Pick<ProofLog, 'take'>;
}

export function createSnapshotSource({
  now,
  directory,
  sleep,
  proofs: proofLog,
}: SnapshotSourceParts): SnapshotSource {
  let snapshot: EdgeSnapshot | null = null;
  /** When the last check that was answered was asked. */
  let checkedAt = Number.NEGATIVE_INFINITY;
  /** When somebody last waited in vain: for a second after it nobody waits again. */
  let gaveUpAt = Number.NEGATIVE_INFINITY;
  let checkStartedAt = Number.NEGATIVE_INFINITY;
  let isChecking = false;
  let newerExists = false;

  const check = async (): Promise<void> => {
    const startedAt = now();
    checkStartedAt = startedAt;
    isChecking = true;
    newerExists = false;
    const proofs = snapshot && proofLog?.take(snapshot.version, startedAt);
    try {
      const answer = await directory().snapshot({
        version: snapshot?.version ?? -1,
        healthEpoch: snapshot?.healthEpoch ?? -1,
        mapEpoch: snapshot?.shardMap.epoch ?? -1,
        ...(proofs ? { proofs } : {}),
      });
      snapshot = merge(snapshot, answer);
      checkedAt = Math.max(checkedAt, startedAt);
    } catch {
      // The Directory cannot be reached: the edge serves on with what it has.
    } finally {
      if (checkStartedAt === startedAt) isChecking = false;
    }
  };

  /** The check that this request now makes, or null when another is under way or has just ended. */
  const startCheck = (background: Background): Promise<void> | null => {
    const sinceMs = now() - checkStartedAt;
    if (sinceMs < (isChecking ? CHECK_EXPIRES_MS : CHECK_SPACING_MS)) return null;
    const mine = check();
    background.waitUntil(mine);
    return mine;
  };

  const waitFor = async (isDone: () => boolean, limitMs: number, background: Background): Promise<void> => {
    const deadlineAt = now() + limitMs;
    while (!isDone() && now() < deadlineAt) {
      const mine = startCheck(background);
      await (mine ? Promise.race([mine, sleep(deadlineAt - now())]) : sleep(POLL_MS));
    }
  };

  const firstOne = async (background: Background): Promise<EdgeSnapshot | null> => {
    await waitFor(() => snapshot !== null, FIRST_WAIT_MS, background);
    return snapshot;
  };

  const checkedOne = async (background: Background): Promise<EdgeSnapshot | null> => {
    const isChecked = () => now() - checkedAt < TRUSTED_MS;
    await waitFor(isChecked, CHECK_WAIT_MS, background);
    if (!isChecked()) gaveUpAt = now();
    return snapshot;
  };

  return {
    peek: () => snapshot,

    heardOf(version, healthEpoch) {
      if (snapshot && (version > snapshot.version || healthEpoch > snapshot.healthEpoch)) newerExists = true;
    },

    current(background, askedAt = now()) {
      if (snapshot === null) return firstOne(background);
      const ageMs = askedAt - checkedAt;
      if (ageMs >= (newerExists ? 0 : QUIET_MS)) startCheck(background);
      const mayWait = ageMs >= TRUSTED_MS && askedAt - gaveUpAt >= TRUSTED_MS;
      return mayWait ? checkedOne(background) : snapshot;
    },
  };
}

/** What did not change stays the same object, so that what was compiled from it stays too. */
function merge(known: EdgeSnapshot | null, answer: SnapshotAnswer): EdgeSnapshot | null {
  // Answers may overtake each other: versions and epochs only grow.
  const isNewerConfig = answer.config !== null && answer.version >= (known?.version ?? 0);
  const isNewerHealth = answer.health !== null && answer.healthEpoch >= (known?.healthEpoch ?? 0);
  const config = isNewerConfig ? answer.config : known?.config;
  const health = isNewerHealth ? answer.health : known?.health;
  const shardMap = answer.shardMap ?? known?.shardMap;
  if (!config || !health || !shardMap) return known;
  return {
    version: isNewerConfig ? answer.version : (known?.version ?? answer.version),
    // A Directory of an older version does not tell.
    boundSince: (isNewerConfig ? answer.boundSince : known?.boundSince) ?? 0,
    healthEpoch: isNewerHealth ? answer.healthEpoch : (known?.healthEpoch ?? answer.healthEpoch),
    config,
    health,
    shardMap:
      known && answer.shardMap && answer.shardMap.epoch < known.shardMap.epoch ? known.shardMap : shardMap,
  };
}
