// One run: requests that come at random instants to dispatchers at random, each of which chooses a backend by what it
// sees. Since a backend serves in the order of arrival, when a request will leave is known when it comes: only ends are
// events. Arrivals and services come from a chance of their own, so that contenders meet the same ones.
import type { AttemptOutcome } from '../../core/load-balancing/attempt-outcome.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import { type Contender, JOIN_SHORTEST } from './contenders.ts';
import { type Clock, createDispatchers } from './dispatchers.ts';
import { EventHeap } from './event-heap.ts';
import { BATCHES, type Measures, Measuring } from './measuring.ts';
import type { RunLength } from './run-length.ts';
import { createVerdicts } from './verdicts.ts';
import { capacityOf, FAIL_MS, SERVICE_MS, troubledCount, type Workload } from './workloads.ts';

export interface QueueRun {
  readonly workload: Workload;
  readonly contender: Contender;
  readonly backends: number;
  readonly dispatchers: number;
  /** Of the capacity of all backends, 0–1. */
  readonly load: number;
  readonly length: RunLength;
  readonly seed: number;
}

/** p99 is known well enough. */
export const WITHIN = 0.05;
const OUTCOMES: readonly AttemptOutcome[] = ['success', 'gateway-error', 'local-error'];

/** Pure: the same run gives the same figures. */
export function simulateQueues(run: QueueRun): Measures {
  const { workload, backends } = run;
  const { outage } = workload;
  const measuring = new Measuring({
    backends,
    troubled: troubledCount(workload, backends),
    watchFromMs: outage?.returnsAtMs ?? 0,
    watchUntilMs: outage ? outage.returnsAtMs + outage.coldMs : Number.POSITIVE_INFINITY,
    isStory: workload.untilMs !== null,
  });
  if (workload.untilMs === null) untilKnown(run, measuring);
  else tellStories(run, workload.untilMs, measuring);
  return measuring.result();
}

/** Longer and longer, until p99 is known, will never be, or takes too long to get known. */
function untilKnown(run: QueueRun, measuring: Measuring): void {
  const { warmUp, batch, most } = run.length;
  const world = createWorld(run, run.seed, measuring);
  world.ask(warmUp);
  measuring.begin(world.nowMs());
  for (let size = batch; ; size *= 2) {
    while (measuring.batches < BATCHES) {
      world.ask(size);
      measuring.endBatch(world.nowMs());
    }
    const isEnough = 2 * size * BATCHES > most || !measuring.isStable();
    if (isEnough || (measuring.p99Within() ?? 0) <= WITHIN) return;
    measuring.pairBatches();
  }
}

/** The same story again and again, with other chances. */
function tellStories(run: QueueRun, untilMs: number, measuring: Measuring): void {
  for (let i = 0; i < run.length.stories; i++) {
    const world = createWorld(run, run.seed + 7919 * i, measuring);
    measuring.begin(run.workload.outage?.diesAtMs ?? 0);
    world.ask(Math.round(untilMs / world.gapMs));
    measuring.endBatch(world.nowMs());
  }
}

interface World {
  /** Between requests, on average. */
  readonly gapMs: number;
  nowMs(): number;
  /** So many requests come. */
  ask(requests: number): void;
}

function createWorld(run: QueueRun, seed: number, measuring: Measuring): World {
  const { workload, contender, backends: count, load } = run;
  const { outage } = workload;
  const traffic = seededRandom(seed);
  const chance = seededRandom(seed ^ 0x5eed);
  const clock: Clock = { nowMs: 0 };
  const ids = Array.from({ length: count }, (_, i) => `backend-${i}`);
  const verdicts = createVerdicts(ids[0] ?? '', outage);
  const dispatchers =
    contender.name === JOIN_SHORTEST
      ? []
      : createDispatchers(run.dispatchers, {
          backends: ids,
          workload,
          contender,
          clock,
          verdicts,
          random: chance,
        });
  const usesKey = dispatchers[0]?.usesKey === true;
  const gapMs = SERVICE_MS / (load * capacityOf(workload, count));
  const troubled = troubledCount(workload, count);

  const heap = new EventHeap();
  const freeAt = new Float64Array(count);
  const queued = new Int32Array(count);
  let hasReturned = false;
  // By number of what is under way.
  const ofDispatcher: number[] = [];
  const ofBackend: number[] = [];
  const startedAt: number[] = [];
  const outcomes: number[] = [];
  const unused: number[] = [];

  const end = (): void => {
    clock.nowMs = heap.nextAt;
    const item = heap.pop();
    const backend = ofBackend[item] as number;
    queued[backend] = (queued[backend] as number) - 1;
    const outcome = OUTCOMES[outcomes[item] as number] as AttemptOutcome;
    dispatchers[ofDispatcher[item] as number]?.ended(backend, startedAt[item] as number, outcome);
    unused.push(item);
  };

  const come = (): void => {
    const nowMs = clock.nowMs - Math.log(1 - traffic.next()) * gapMs;
    const dispatcher = Math.floor(traffic.next() * run.dispatchers);
    const draw = -Math.log(1 - traffic.next()) * SERVICE_MS;
    // Drawn in any case, so that all contenders meet the same traffic.
    const keyNumber = Math.floor(traffic.next() * 0x1_0000_0000);
    while (heap.nextAt <= nowMs) end();
    clock.nowMs = nowMs;
    verdicts.advance(nowMs);
    const backend =
      dispatchers[dispatcher]?.choose(usesKey ? String(keyNumber) : '') ?? shortest(queued, chance);
    if (backend < 0) {
      measuring.refused(nowMs);
      return;
    }
    if (outage && !hasReturned && nowMs >= outage.returnsAtMs) {
      hasReturned = true;
      freeAt[0] = 0;
    }

    const isTroubled = backend < troubled;
    let endsAt: number;
    let outcome = 0;
    let serviceMs = 0;
    if (isTroubled && workload.failsFast) {
      endsAt = nowMs + FAIL_MS;
      outcome = 1;
    } else if (isTroubled && outage && nowMs >= outage.diesAtMs && nowMs < outage.returnsAtMs) {
      endsAt = nowMs + FAIL_MS;
      outcome = 2;
    } else {
      const startsAt = Math.max(nowMs, freeAt[backend] as number);
      serviceMs = draw * (isTroubled ? workload.slowFactor * coldness(workload, startsAt) : 1);
      endsAt = startsAt + serviceMs;
      freeAt[backend] = endsAt;
      if (isTroubled && outage && nowMs < outage.diesAtMs && endsAt > outage.diesAtMs) {
        endsAt = outage.diesAtMs;
        outcome = 2;
      }
    }
    measuring.sent(nowMs, backend, endsAt - nowMs, serviceMs, outcome !== 0);

    queued[backend] = (queued[backend] as number) + 1;
    const item = unused.pop() ?? ofBackend.length;
    ofDispatcher[item] = dispatcher;
    ofBackend[item] = backend;
    startedAt[item] = nowMs;
    outcomes[item] = outcome;
    heap.push(endsAt, item);
  };

  return {
    gapMs,
    nowMs: () => clock.nowMs,
    ask(requests) {
      for (let i = 0; i < requests; i++) come();
    },
  };
}

/** How many times as long its services take at that instant. */
function coldness({ outage }: Workload, atMs: number): number {
  if (!outage || atMs < outage.returnsAtMs) return 1;
  const left = 1 - (atMs - outage.returnsAtMs) / outage.coldMs;
  return 1 + (outage.coldFactor - 1) * Math.max(0, left);
}

/** One of the shortest queues, by chance. */
function shortest(queued: Int32Array, random: Random): number {
  let best = -1;
  let length = Number.POSITIVE_INFINITY;
  let ties = 0;
  for (let i = 0; i < queued.length; i++) {
    const own = queued[i] as number;
    if (own > length) continue;
    ties = own < length ? 1 : ties + 1;
    if (own < length || random.next() * ties < 1) best = i;
    length = own;
  }
  return best;
}
