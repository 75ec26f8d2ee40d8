// One life of one member: the object in memory, with its timers, its callers and its clock. After a reset the member has
// a new one; the old may go on for a while without knowing that it was replaced.
import type { ClientAnswer, Message, TimerName } from '../../core/replication/messages.ts';
import type { ReplicaState } from '../../core/replication/replica.ts';
import type { MemoryStore } from '../memory-store.ts';
import type { Scheduled } from './scheduler.ts';

/** A call that this object is carrying out for another member: how it ends. */
export interface Call {
  readonly from: number;
  /** null: it was carried out, and there is nothing to say. */
  answer(message: Message | null): void;
  fail(): void;
}

export class Instance {
  readonly memberId: number;
  /** Counts from 1. */
  readonly life: number;
  /** True time. */
  readonly bornAt: number;
  readonly state: ReplicaState;
  readonly store: MemoryStore;
  /** Another object has taken its place: whatever it writes fails, and what waits for a write never leaves. */
  isSuperseded = false;
  isGone = false;
  /** Ids of those that ask, unlike one another in this life. */
  nextCall = 1;
  readonly timers = new Map<TimerName, Scheduled>();
  readonly callers = new Map<number, (answer: ClientAnswer | null) => void>();
  /** Calls whose answers are held back. */
  readonly openCalls = new Set<Call>();
  private readonly offsetMs: number;
  private readonly rate: number;

  constructor(options: {
    memberId: number;
    life: number;
    bornAt: number;
    state: ReplicaState;
    store: MemoryStore;
    offsetMs: number;
    rate: number;
  }) {
    this.memberId = options.memberId;
    this.life = options.life;
    this.bornAt = options.bornAt;
    this.state = options.state;
    this.store = options.store;
    this.offsetMs = options.offsetMs;
    this.rate = options.rate;
  }

  /** What its clock shows, whole ms. */
  clock(now: number): number {
    return Math.floor((now - START_AT) * this.rate + START_AT + this.offsetMs);
  }

  /** True time until its clock shows `atMs`. */
  untilClock(atMs: number, now: number): number {
    return Math.max(0, (atMs - this.offsetMs - START_AT) / this.rate + START_AT - now);
  }

  /** True time that passes while its clock goes on by `ms`. */
  trueMs(ms: number): number {
    return ms / this.rate;
  }
}

/** When every run begins, epoch ms. */
export const START_AT = 1_800_000_000_000;
