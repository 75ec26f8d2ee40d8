// What the main thread and the workers say to one another.
import type { Invariant } from '../checks/violation.ts';
import type { ProfileName } from '../run/profiles.ts';

/** A run of seeds of one profile; ends early at the first violation if `stopAtFirst`. */
export interface Job {
  readonly profile: ProfileName;
  readonly firstSeed: number;
  readonly seeds: number;
  readonly operations: number;
  readonly stopAtFirst: boolean;
}

export interface FoundViolation {
  readonly profile: ProfileName;
  readonly seed: number;
  readonly invariant: Invariant;
  readonly sentence: string;
  readonly stack: string;
}

/** Sums over the seeds of a job. */
export interface Sums {
  seeds: number;
  operations: number;
  acknowledgedWrites: number;
  openWrites: number;
  reads: number;
  joins: number;
  committedOps: number;
  lives: number;
  messages: number;
  steps: number;
  simulatedMs: number;
}

export interface JobResult {
  readonly profile: ProfileName;
  readonly sums: Sums;
  readonly coverage: readonly number[];
  /** How long each failover took, simulated ms. */
  readonly failoversMs: readonly number[];
  /** How long each edge that could not reach the primary waited, simulated ms. */
  readonly cutOffsMs: readonly number[];
  readonly violations: readonly FoundViolation[];
  /** All trace hashes of the job, mixed in the order of the seeds. */
  readonly traceHash: string;
  /** CPU time of the thread, ms. */
  readonly cpuMs: number;
}

export function noSums(): Sums {
  return {
    seeds: 0,
    operations: 0,
    acknowledgedWrites: 0,
    openWrites: 0,
    reads: 0,
    joins: 0,
    committedOps: 0,
    lives: 0,
    messages: 0,
    steps: 0,
    simulatedMs: 0,
  };
}

export function addSums(to: Sums, more: Readonly<Sums>): void {
  for (const name of Object.keys(to) as (keyof Sums)[]) to[name] += more[name];
}
