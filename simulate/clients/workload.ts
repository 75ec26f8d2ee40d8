// The clients of one run, each on one of the edges: what they do is a profile's, how often and when is here.
import { DEFAULT_LIMITS, type ReplicaLimits } from '../../core/replication/limits.ts';
import type { World } from '../engine/world.ts';
import { ConfiguredBound } from './configured-bound.ts';
import { Coordinator } from './coordinator.ts';
import { Edge } from './edge.ts';
import { History } from './history.ts';
import { Session } from './session.ts';

/** Probability of a lull after an operation. */
const LULL = 0.01;

/** Does one operation and calls `done` once; what goes on beside its client counts through `beside`. */
export type Operate = (session: Session, workload: Workload, done: () => void) => void;

export class Workload {
  readonly world: World;
  readonly coordinator: Coordinator;
  /** Equal in all groups. */
  readonly limits: ReplicaLimits;
  readonly history: History;
  readonly edges: readonly Edge[];
  readonly sessions: readonly Session[];
  /** Clients, and work beside them, that are not done yet. */
  running = 0;
  readonly bound: ConfiguredBound;
  /** Operations begun. */
  operations = 0;
  private readonly operate: Operate;
  /** All clients pause until then: long enough, now and then, for a group to go to rest. */
  private lullUntil = 0;

  constructor(world: World, options: { edges: number; clients: number; operate: Operate }) {
    this.world = world;
    this.operate = options.operate;
    this.limits = { ...DEFAULT_LIMITS, ...world.cluster(0).limits };
    const { chance, scheduler } = world;
    this.bound = new ConfiguredBound(chance, scheduler, this.limits.boundMs, options.edges);
    this.history = new History(scheduler);
    this.coordinator = new Coordinator(world, options.edges);
    this.edges = Array.from({ length: options.edges }, (_, id) => new Edge(id, world, this.bound));
    this.sessions = Array.from({ length: options.clients }, (_, id) => {
      const edge = this.edges[id % options.edges] as Edge;
      return new Session(id, edge, this.coordinator, this.history);
    });
  }

  /** Starts all clients, with so many operations between them and pauses of up to `thinkMs`. */
  start(operations: number, thinkMs: number): void {
    this.bound.start();
    const share = Math.floor(operations / this.sessions.length);
    const rest = operations - share * this.sessions.length;
    for (const session of this.sessions) {
      this.running += 1;
      this.work(session, session.id < rest ? share + 1 : share, thinkMs);
    }
  }

  private work(session: Session, left: number, thinkMs: number): void {
    if (left === 0) {
      this.running -= 1;
      return;
    }
    this.operations += 1;
    this.operate(session, this, () => {
      const { chance, scheduler } = this.world;
      if (chance.hits(LULL)) this.lullUntil = scheduler.now + chance.between(1_000, 8_000);
      const pauseMs = Math.max(0, this.lullUntil - scheduler.now) + chance.next() * thinkMs;
      this.later(pauseMs, () => this.work(session, left - 1, thinkMs));
    });
  }

  /** Work that nobody waits for; the run ends only after it. */
  beside(delayMs: number, work: (done: () => void) => void): void {
    this.running += 1;
    this.later(delayMs, () =>
      work(() => {
        this.running -= 1;
      }),
    );
  }

  later(delayMs: number, run: () => void): void {
    this.world.scheduler.after(delayMs, run);
  }
}
