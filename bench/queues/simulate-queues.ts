// One run: requests that come at random instants to dispatchers at random, each of which chooses a backend by what it
// sees. Since a backend serves in the order of arrival, when a request will leave is known when it comes: only ends are
// events. Arrivals and services come from a chance of their own, so that contenders meet the same ones.
import type { AttemptOutcome } from '../../core/load-balancing/attempt-outcome.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import { type Contender, JOIN_SHORTEST } from './contenders.ts';
import { type Clock, createDispatchers } from './dispatchers.ts';
import { EventHeap } from './event-heap.ts';
import { type Measures, measuring } from './measuring.ts';
import { createVerdicts } from './verdicts.ts';
import { capacityOf, FAIL_MS, SERVICE_MS, troubledCount, type Workload } from './workloads.ts';

export interface QueueRun {
  readonly workload: Workload;
  readonly contender: Contender;
  readonly backends: number;
  readonly dispatchers: number;
  /** Of the capacity of all backends, 0–1. */
  readonly load: number;
  /** Where the workload's story has no end of its own. */
  readonly requests: number;
  readonly seed: number;
}

/** Of the requests, at the beginning: the queues have to fill first. */
const WARM_UP_RATIO = 0.2;
const OUTCOMES: readonly AttemptOutcome[] = ['success', 'gateway-error', 'local-error'];

/** Pure: the same run gives the same figures. */
export function simulateQueues(run: QueueRun): Measures {
  const { workload, contender, backends: count, load, seed } = run;
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
  const requests = workload.untilMs === null ? run.requests : Math.round(workload.untilMs / gapMs);
  const troubled = troubledCount(workload, count);
  const measures = measuring({
    requests,
    backends: count,
    troubled,
    fromMs: outage?.diesAtMs ?? requests * WARM_UP_RATIO * gapMs,
    watchFromMs: outage?.returnsAtMs ?? 0,
    watchUntilMs: outage ? outage.returnsAtMs + outage.coldMs : Number.POSITIVE_INFINITY,
  });

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

  for (let i = 0; i < requests; i++) {
    const nowMs = clock.nowMs - Math.log(1 - traffic.next()) * gapMs;
    const dispatcher = Math.floor(traffic.next() * run.dispatchers);
    const draw = -Math.log(1 - traffic.next()) * SERVICE_MS;
    const key = String(Math.floor(traffic.next() * 0x1_0000_0000));
    while (heap.nextAt <= nowMs) end();
    clock.nowMs = nowMs;
    verdicts.advance(nowMs);
    const backend = dispatchers[dispatcher]?.choose(usesKey ? key : '') ?? shortest(queued, chance);
    if (backend < 0) {
      measures.refused(nowMs);
      continue;
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
    measures.sent(nowMs, backend, endsAt - nowMs, serviceMs, outcome !== 0);

    queued[backend] = (queued[backend] as number) + 1;
    const item = unused.pop() ?? ofBackend.length;
    ofDispatcher[item] = dispatcher;
    ofBackend[item] = backend;
    startedAt[item] = nowMs;
    outcomes[item] = outcome;
    heap.push(endsAt, item);
  }
  return measures.result(clock.nowMs);
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
