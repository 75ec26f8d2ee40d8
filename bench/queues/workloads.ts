// What the simulated backends do, by name. Each serves one request after the other, in the order in which they came; a
// service takes 50 ms on average, exponentially distributed, unless the workload says otherwise. All have weight 1: the
// strategies are told nothing.
import type { SlowStartParameters } from '../../core/load-balancing/slow-start.ts';

export const SERVICE_MS = 50;
/** A refused connection, or a 503 that costs no work. */
export const FAIL_MS = 1;
/** From the death to its verdict, and from the return to that: the design's goal for a suspicion, and two good probes. */
export const VERDICT_DOWN_MS = 1_000;
export const VERDICT_UP_MS = 2_000;

/** One backend that dies, returns and is cold at first: its caches are empty. */
export interface Outage {
  readonly diesAtMs: number;
  readonly returnsAtMs: number;
  /** Its services take so many times as long at its return, and evenly less until they are normal. */
  readonly coldFactor: number;
  readonly coldMs: number;
}

export interface Workload {
  readonly name: string;
  readonly summary: string;
  /** 0–1 of the backends, at least one; 0 = all are alike. */
  readonly troubledRatio: number;
  /** Of troubled ones: how many times as long a service takes. */
  readonly slowFactor: number;
  /** Troubled ones answer 503 after FAIL_MS. The health check does not see it. */
  readonly failsFast: boolean;
  readonly outage: Outage | null;
  readonly slowStart: SlowStartParameters;
  /** Until this instant, where the story has an end; null: as many requests as were asked for. */
  readonly untilMs: number | null;
}

const OFF: SlowStartParameters = { windowMs: 0, fromRatio: 1 };
const CALM = {
  troubledRatio: 0,
  slowFactor: 1,
  failsFast: false,
  outage: null,
  slowStart: OFF,
  untilMs: null,
};
const OUTAGE: Outage = { diesAtMs: 5_000, returnsAtMs: 10_000, coldFactor: 4, coldMs: 10_000 };
const DIES = { ...CALM, troubledRatio: 1e-9, outage: OUTAGE, untilMs: 25_000 };
/** Warm again three seconds after it is as quick as before. */
const SLOW_START: SlowStartParameters = { windowMs: 11_000, fromRatio: 0.1 };

export const WORKLOADS: readonly Workload[] = [
  { ...CALM, name: 'homogeneous', summary: 'all backends alike' },
  {
    ...CALM,
    name: 'slow-tenth',
    summary: '10 % of the backends are 3 × slower; the load is that of what all together can do',
    troubledRatio: 0.1,
    slowFactor: 3,
  },
  {
    ...CALM,
    name: 'fails-fast',
    summary: 'one backend answers 503 in 1 ms and passes its health check',
    troubledRatio: 1e-9,
    failsFast: true,
  },
  {
    ...DIES,
    name: 'dies',
    summary: 'one backend dies, returns 5 s later and is 4 × slower at first, normal after 10 s',
  },
  {
    ...DIES,
    name: 'dies-slow-start',
    summary: 'the same with slow start: from 10 % of its share to the whole of it within 11 s',
    slowStart: SLOW_START,
  },
];

export function troubledCount({ troubledRatio }: Workload, backends: number): number {
  return troubledRatio === 0 ? 0 : Math.max(1, Math.round(troubledRatio * backends));
}

/** Services that all backends do in the time of one, when nothing is out of order but what always is. */
export function capacityOf(workload: Workload, backends: number): number {
  const troubled = troubledCount(workload, backends);
  return backends - troubled + troubled / workload.slowFactor;
}
