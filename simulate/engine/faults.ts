// What may go wrong in one run. Each seed draws its own mixture, each fault with its own probability, and many seeds are
// spared some faults altogether: a run with every fault at once hides what a single one would show.
import type { MessageBody } from '../../core/replication/messages.ts';
import type { Chance } from './chance.ts';

/** Every fault by name; the rows of the coverage table. */
export const FAULTS = [
  'drop',
  'delay',
  'duplicate',
  'reorder',
  'error-after-execution',
  'partition',
  'one-way-partition',
  'edge-partition',
  'crash-before-durable',
  'crash-after-durable',
  'zombie-twin',
  'eviction',
  'reset-all',
  'slow-disk',
  'storage-loss',
  'rollback',
  'clock-jump',
  'alarm-late',
  'alarm-twice',
  'alarm-lost',
  'overload',
  'stale-edge',
  'slow-origin',
  'failing-origin',
  'coordinator-crash',
] as const;

export type FaultName = (typeof FAULTS)[number];

/** How often an episode begins, on average; null = never. */
type EveryMs = number | null;

export interface Faults {
  /** Probabilities per message. */
  readonly drop: number;
  readonly errorAfterExecution: number;
  readonly duplicate: number;
  /** One kind of message gets lost much more often than the others. */
  readonly dropMore: { readonly type: MessageBody['type']; readonly probability: number } | null;
  /** Of what is lost: how much goes without a word, instead of as a failed call. */
  readonly silent: number;
  /** A message takes up to seconds, with a heavy tail, and is overtaken by many. */
  readonly slow: number;
  /** Messages of one link may overtake one another by milliseconds. */
  readonly reorder: boolean;
  /** Probabilities per step: the object is gone before, or after, its writes are durable. */
  readonly crashBeforeDurable: number;
  readonly crashAfterDurable: number;
  /** The same, after, where the step gives the object's storage up. */
  readonly crashGivingUp: number;
  /** Of crashes: the share that keeps the member away for many seconds. */
  readonly longOutage: number;
  /** How often whoever becomes primary is cut off or reset within a moment. */
  readonly primaryHunt: number;
  readonly partition: EveryMs;
  readonly oneWayPartition: EveryMs;
  readonly edgePartition: EveryMs;
  readonly zombieTwin: EveryMs;
  readonly eviction: EveryMs;
  readonly resetAll: EveryMs;
  readonly overload: EveryMs;
  readonly storageLoss: EveryMs;
  readonly rollback: EveryMs;
  /** How often whoever promises a view loses its storage within a moment. */
  readonly promiseLoss: number;
  /** How often whoever takes over a log is cut off, until its source may have moved on, and then from the others only. */
  readonly pullHunt: number;
  /** How much of what members say of a view that they leave is late. */
  readonly lateLeaving: number;
  readonly staleEdge: EveryMs;
  readonly coordinatorCrash: EveryMs;
  /** Of strict purges that wait: how often the coordinator ends meanwhile, and goes on at once with a clock that is ahead. */
  readonly coordinatorAhead: number;
  /** Mean time until a write is durable, ms, with a heavy tail; 0 = at once. */
  readonly diskMs: number;
  /** Clocks of the objects differ by up to this much, anew in each life; and their rates by this share. */
  readonly clockSkewMs: number;
  readonly clockDrift: number;
  /** In one of so many lives the clock is off by up to an hour. */
  readonly clockJump: number;
  /** Probabilities per alarm. */
  readonly alarmLate: number;
  readonly alarmTwice: number;
  readonly alarmLost: number;
}

export const NO_FAULTS: Faults = {
  drop: 0,
  errorAfterExecution: 0,
  duplicate: 0,
  dropMore: null,
  silent: 0,
  slow: 0,
  reorder: false,
  crashBeforeDurable: 0,
  crashAfterDurable: 0,
  crashGivingUp: 0,
  longOutage: 0,
  primaryHunt: 0,
  partition: null,
  oneWayPartition: null,
  edgePartition: null,
  zombieTwin: null,
  eviction: null,
  resetAll: null,
  overload: null,
  storageLoss: null,
  rollback: null,
  promiseLoss: 0,
  pullHunt: 0,
  lateLeaving: 0,
  staleEdge: null,
  coordinatorCrash: null,
  coordinatorAhead: 0,
  diskMs: 0,
  clockSkewMs: 0,
  clockDrift: 0,
  clockJump: 0,
  alarmLate: 0,
  alarmTwice: 0,
  alarmLost: 0,
};

/** Those whose loss leaves members knowing different things. */
const DROPPED: readonly MessageBody['type'][] = [
  'prepare',
  'prepareOk',
  'confirm',
  'joinView',
  'pull',
  'exitView',
];

/** Clock rates differ from true time by at most this share (the design's assumption for I8 and I9). */
const DRIFT_MAX = 0.01;

export function drawFaults(chance: Chance): Faults {
  // One run in sixteen is spared everything: what fails there fails without any fault.
  if (chance.hits(1 / 16)) return NO_FAULTS;
  const sometimes = (max: number): number => (chance.hits(0.5) ? chance.next() * max : 0);
  const every = (probability: number, min: number, max: number): EveryMs =>
    chance.hits(probability) ? chance.between(min, max) : null;
  const promisesGo = chance.hits(0.25);
  return {
    drop: sometimes(0.12),
    errorAfterExecution: sometimes(0.1),
    duplicate: sometimes(0.15),
    dropMore: chance.hits(0.3) ? { type: chance.pick(DROPPED), probability: chance.between(0.3, 0.9) } : null,
    silent: chance.next(),
    slow: chance.hits(0.6) ? chance.next() ** 2 * 0.15 : 0,
    reorder: chance.hits(0.7),
    crashBeforeDurable: sometimes(0.006),
    crashAfterDurable: sometimes(0.006),
    crashGivingUp: sometimes(0.8),
    longOutage: sometimes(0.7),
    primaryHunt: chance.hits(0.25) ? 1 : sometimes(0.8),
    partition: every(0.4, 1_000, 6_000),
    oneWayPartition: every(0.4, 1_000, 6_000),
    edgePartition: every(0.25, 2_000, 8_000),
    zombieTwin: every(0.4, 1_000, 6_000),
    eviction: every(0.3, 500, 5_000),
    resetAll: every(0.2, 3_000, 12_000),
    overload: every(0.25, 2_000, 8_000),
    staleEdge: every(0.25, 1_000, 5_000),
    coordinatorCrash: every(0.4, 500, 5_000),
    coordinatorAhead: chance.hits(0.5) ? 0.9 : 0,
    diskMs: sometimes(12),
    clockSkewMs: sometimes(5_000),
    clockDrift: sometimes(DRIFT_MAX),
    clockJump: sometimes(0.1),
    alarmLate: sometimes(0.9),
    alarmTwice: sometimes(0.5),
    alarmLost: sometimes(0.6),
    storageLoss: every(0.35, 1_000, 8_000),
    rollback: every(0.35, 1_000, 8_000),
    pullHunt: chance.hits(0.6) ? 1 : 0,
    promiseLoss: promisesGo ? chance.between(0.2, 0.9) : 0,
    lateLeaving: promisesGo ? chance.between(0.2, 0.9) : 0,
  };
}
