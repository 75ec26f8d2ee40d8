// What this isolate knows of one pool as a whole, by its name: outlasts configuration versions.
import type { Pool } from '../../core/config/schema.ts';
import { HedgeDelay } from '../../core/load-balancing/hedge-delay.ts';
import { OutlierDetector } from '../../core/load-balancing/outlier-detector.ts';
import { RetryBudget } from '../../core/load-balancing/retry-budget.ts';
import { SlowStart } from '../../core/load-balancing/slow-start.ts';
import { SuspicionPacer } from '../../core/load-balancing/suspicion-pacer.ts';
import { WaitLine } from '../../core/load-balancing/wait-line.ts';
import type { Random } from '../../core/random.ts';

/** One mirrored request on its way. */
export interface MirrorCopy {
  /** Epoch ms; beyond it whoever made it is gone. */
  readonly endsAt: number;
}

const NEVER = Number.NEGATIVE_INFINITY;

export interface PoolState {
  readonly outliers: OutlierDetector;
  readonly suspicions: SuspicionPacer;
  readonly slowStart: SlowStart;
  readonly retryBudget: RetryBudget;
  readonly hedgeDelay: HedgeDelay;
  /** Requests that wait for a place in flight. */
  readonly waiting: WaitLine;
  /** Events about the pool, told now and then. */
  readonly told: {
    panicAt: number;
    fellBackAt: number;
    affinityOffAt: number;
    overloadedAt: number;
    /** By the reason: when it was last told, and how many requests were not mirrored since. */
    mirrorsSkipped: Map<string, { toldAt: number; requests: number }>;
  };
  /** Copies on their way to this pool. */
  readonly mirrors: Set<MirrorCopy>;
}

export function newPoolState({ outlier, retryBudget }: Pool, random: Random): PoolState {
  return {
    outliers: new OutlierDetector(outlier, random),
    suspicions: new SuspicionPacer(),
    slowStart: new SlowStart(),
    retryBudget: new RetryBudget(retryBudget),
    hedgeDelay: new HedgeDelay(),
    waiting: new WaitLine(),
    told: {
      panicAt: NEVER,
      fellBackAt: NEVER,
      affinityOffAt: NEVER,
      overloadedAt: NEVER,
      mirrorsSkipped: new Map(),
    },
    mirrors: new Set(),
  };
}

/** For a new version: what is known stays with each id. O(backends). */
export function redefinePoolState(
  { outliers, suspicions, slowStart, retryBudget, hedgeDelay }: PoolState,
  { outlier, backends, slowStart: slowStartParameters, retryBudget: budget }: Pool,
  nowMs: number,
): void {
  const all = backends.map(({ id }) => id);
  const eligible = backends
    .filter(({ state, weight }) => state === 'active' && weight > 0)
    .map(({ id }) => id);
  outliers.redefine(outlier, all, eligible);
  slowStart.redefine(slowStartParameters, all, eligible, nowMs);
  suspicions.keepOnly(all);
  retryBudget.redefine(budget);
  hedgeDelay.keepOnly(all);
}
