// The simulated edges: each sees its own requests only, and chooses with the product's own code, from the strategy up to
// ejections, verdicts, slow start and the bound of the load.
import { outlierSchema } from '../../core/config/outlier-schema.ts';
import type { AttemptOutcome } from '../../core/load-balancing/attempt-outcome.ts';
import type { PoolView } from '../../core/load-balancing/balancer.ts';
import { divideIntoTiers } from '../../core/load-balancing/divide-into-tiers.ts';
import { LoadMeter } from '../../core/load-balancing/load-meter.ts';
import { OutlierDetector } from '../../core/load-balancing/outlier-detector.ts';
import type { SelectionQuestion } from '../../core/load-balancing/refusals.ts';
import { selectBackend } from '../../core/load-balancing/select-backend.ts';
import type { SelectionLayers, Tier } from '../../core/load-balancing/selection-layers.ts';
import { SlowStart } from '../../core/load-balancing/slow-start.ts';
import type { Random } from '../../core/random.ts';
import type { Contender } from './contenders.ts';
import type { Verdicts } from './verdicts.ts';
import type { Workload } from './workloads.ts';

export interface Clock {
  nowMs: number;
}

export interface Dispatcher {
  readonly usesKey: boolean;
  /** Backend index; −1: nobody may be taken. It counts as in flight until `ended`. */
  choose(key: string): number;
  ended(backend: number, startedAtMs: number, outcome: AttemptOutcome): void;
}

export interface Surroundings {
  readonly backends: readonly string[];
  readonly workload: Workload;
  readonly contender: Contender;
  readonly clock: Clock;
  readonly verdicts: Verdicts;
  readonly random: Random;
}

/** The product's defaults. */
const OUTLIER = outlierSchema.parse({});
const READS_LATENCY = 'peak-ewma';
const MAX_SHARE = 1.1;
const OVERPROVISIONING = 1.4;

/** Hashing strategies keep nothing between requests: all dispatchers share one. */
export function createDispatchers(count: number, surroundings: Surroundings): Dispatcher[] {
  const { backends, contender, random } = surroundings;
  const selectable = backends.map((id) => ({ id, weight: 1, priority: 0, state: 'active' as const }));
  const parameters = { type: contender.type ?? '', maxShare: MAX_SHARE, hashSeed: 0 };
  const makeTiers = () => divideIntoTiers(selectable, parameters, false, random)(null);
  let shared: readonly Tier[] | null = null;
  return Array.from({ length: count }, () => {
    const tiers: readonly Tier[] = shared ?? makeTiers();
    if (tiers[0]?.balancer.usesKey) shared = tiers;
    return createDispatcher(selectable, tiers, surroundings);
  });
}

function createDispatcher(
  backends: SelectionQuestion['backends'],
  tiers: readonly Tier[],
  { workload, contender, clock, verdicts, random }: Surroundings,
): Dispatcher {
  const ids = backends.map(({ id }) => id);
  const balancer = tiers[0]?.balancer;
  if (!balancer) throw new Error('Cannot simulate a pool without backends');
  const inFlight = new Int32Array(ids.length);
  const meters: (LoadMeter | undefined)[] = new Array(ids.length).fill(undefined);
  const mayFail = workload.failsFast || workload.outage !== null;
  // The others read failures only: a thousand edges with a hundred meters each are more than a cache of the processor holds.
  const readsLatency = contender.type === READS_LATENCY;
  const outliers = new OutlierDetector(OUTLIER, random);
  outliers.redefine(OUTLIER, ids, ids);
  const slowStart = workload.slowStart.windowMs > 0 ? new SlowStart() : null;
  slowStart?.redefine(workload.slowStart, ids, ids, 0);

  const isUsable = (id: string) => verdicts.of(id)?.state !== 'unhealthy';
  const isEjected = (index: number): boolean => {
    const id = ids[index] as string;
    if (outliers.ejectedUntil(id, clock.nowMs) === null) return false;
    const verdict = verdicts.of(id);
    if (verdict?.state === 'healthy') outliers.heardHealthy(id, verdict.since, clock.nowMs);
    return outliers.ejectedUntil(id, clock.nowMs) !== null;
  };
  const pool: PoolView = {
    inFlight: (index) => inFlight[index] as number,
    latencyMs: (index) => meters[index]?.latencyMs(clock.nowMs) ?? null,
    failureLoad: (index) => meters[index]?.failureLoad(clock.nowMs) ?? 0,
  };
  const warmthOf = (index: number): number => {
    const id = ids[index] as string;
    isEjected(index);
    return slowStart?.warmth(id, outliers.ejectionEndedAt(id, clock.nowMs), clock.nowMs) ?? 1;
  };
  const layers: SelectionLayers | null =
    contender.boundedLoad > 0 || slowStart !== null
      ? {
          tiers,
          overprovisioning: OVERPROVISIONING,
          boundedLoad: contender.boundedLoad,
          warmthOf: slowStart && warmthOf,
          hashSeed: 0,
          random,
        }
      : null;
  const question: { -readonly [K in keyof SelectionQuestion]: SelectionQuestion[K] } = {
    balancer,
    backends,
    key: '',
    pool,
    healthOf: (index) => verdicts.of(ids[index] as string)?.state ?? 'unknown',
    layers,
    panicThreshold: 0.5,
    tried: [],
  };
  if (mayFail) question.isEjected = isEjected;

  return {
    usesKey: balancer.usesKey === true,
    choose(key) {
      question.key = key;
      slowStart?.look(verdicts.current, verdicts.of, 'healthy', clock.nowMs);
      const selection = selectBackend(question);
      if (selection.type !== 'backend') return -1;
      inFlight[selection.backend] = (inFlight[selection.backend] as number) + 1;
      return selection.backend;
    },
    ended(index, startedAtMs, outcome) {
      inFlight[index] = (inFlight[index] as number) - 1;
      if (mayFail) outliers.record(ids[index] as string, outcome, clock.nowMs, isUsable);
      if (outcome === 'success' && !readsLatency) return;
      let meter = meters[index];
      if (!meter) {
        meter = new LoadMeter();
        meters[index] = meter;
      }
      meter.record(clock.nowMs - startedAtMs, outcome !== 'success', clock.nowMs);
    },
  };
}
