// One seed is one run: the same things happen at the same instants, every time. Faults go on while clients work; then
// everything heals, and the group must serve within ten seconds, converge and fall silent.
import { seededRandom } from '../../core/random.ts';
import { DEFAULT_LIMITS } from '../../core/replication/limits.ts';
import { checkConverged } from '../checks/converged.ts';
import { GroupChecker } from '../checks/group-checker.ts';
import { checkLinearizable } from '../checks/linearizable.ts';
import { checkBounds, checkPromises, checkSessions } from '../checks/promises.ts';
import { checkReplay } from '../checks/replay.ts';
import { asViolation, type Invariant, must } from '../checks/violation.ts';
import { Origin } from '../clients/origin.ts';
import { Workload } from '../clients/workload.ts';
import { Chance } from '../engine/chance.ts';
import { Cluster } from '../engine/cluster.ts';
import { drawFaults, type Faults, NO_FAULTS } from '../engine/faults.ts';
import { Nemesis } from '../engine/nemesis.ts';
import { Trace } from '../engine/trace.ts';
import { Coverage } from './coverage.ts';
import { checkLiveness } from './healed-phase.ts';
import { phaseOf } from './phase.ts';
import { drawLimits, drawMembers, operationsOf, type ProfileName } from './profiles.ts';

export interface Run {
  readonly operations: number;
  readonly acknowledgedWrites: number;
  readonly openWrites: number;
  readonly reads: number;
  readonly committedOps: number;
  readonly lives: number;
  readonly messages: number;
  readonly steps: number;
  readonly simulatedMs: number;
  /** From the crash of the primary, after everything had healed, to the next write and read; null: not tried. */
  readonly failoverMs: number | null;
  /** Until an edge that could not reach the primary had written and read; null: there was none. */
  readonly cutOffMs: number | null;
  /** Fault by phase, as in `Coverage`. */
  readonly coverage: readonly number[];
  /** The same for the same seed. */
  readonly traceHash: string;
}

export interface RunOptions {
  readonly profile: ProfileName;
  readonly operations: number;
  readonly members?: number;
  readonly faults?: Faults;
  readonly print?: (line: string) => void;
}

const EDGES = 3;
const CLIENTS = 6;
/** Simulated time after which a run must have ended by itself: what one operation may take at worst, and some. */
const RUN_MS_MIN = 3_600_000;
const OPERATION_MS_MAX = 12_000;

/** Throws a Violation if anything that must hold did not. */
export function runSeed(seed: number, options: RunOptions): Run {
  let cluster: Cluster | null = null;
  try {
    return run(seed, options, (created) => {
      cluster = created;
    });
  } catch (error) {
    const violation = asViolation(error);
    const { stopped = null } = (cluster ?? {}) as Partial<Cluster>;
    // Objects that stop themselves again and again serve nobody: then that is what is wrong.
    if (stopped !== null && VAGUE.has(violation.invariant)) throw asViolation(stopped);
    throw violation;
  }
}

/** What may follow from anything. */
const VAGUE: ReadonlySet<Invariant> = new Set(['liveness', 'idle', 'assertion']);

function run(seed: number, options: RunOptions, created: (cluster: Cluster) => void): Run {
  const chance = new Chance(seededRandom(seed));
  const trace = new Trace(options.print ?? null);
  const faults = options.faults ?? drawFaults(chance);
  const coverage = new Coverage();
  const cluster: Cluster = new Cluster({
    members: options.members ?? drawMembers(chance),
    chance,
    faults,
    limits: drawLimits(chance, faults),
    trace,
    happened: (fault, member) => coverage.count(fault, phaseOf(cluster, member, checker.committed.length)),
  });
  created(cluster);
  const checker = new GroupChecker(cluster);
  const sometimes = (max: number): number => (chance.hits(0.5) ? chance.next() * max : 0);
  const origin = new Origin(chance, { failing: sometimes(0.3), crawling: sometimes(0.4) }, (fault) =>
    cluster.happened(fault, nemesis.primary),
  );
  const operate = operationsOf(options.profile, chance, origin);
  const workload = new Workload(cluster, { edges: EDGES, clients: CLIENTS, operate });
  const nemesis = new Nemesis(cluster, EDGES);
  cluster.observer = {
    step(member, instance, event, effects) {
      checker.step(member, instance, event, effects);
      nemesis.look(member, instance);
    },
    replaced: (member) => checker.replaced(member),
    escaped: (member, instance, effect) => checker.escaped(member, instance, effect),
  };
  nemesis.onStaleEdge = (edge) => workload.edges[edge]?.forget();

  const { scheduler } = cluster;
  const beganAt = scheduler.now;
  workload.start(options.operations, chance.pick([10, 60, 300]));
  nemesis.start();
  const endAt = beganAt + RUN_MS_MIN + options.operations * OPERATION_MS_MAX;
  scheduler.run(() => workload.running === 0, endAt, 500 * options.operations + 1_000_000);
  must(workload.running === 0, 'liveness', () => 'clients have not come to an end in time');

  nemesis.heal(NO_FAULTS);
  workload.bound.settle();
  cluster.print('everything heals');
  const { failoverMs, cutOffMs } = checkLiveness(cluster, workload, options.profile);
  checkConverged(cluster, workload.bound.newest);
  const { history } = workload;
  checkReplay(history, checker.entries, cluster.limits.variantsMax ?? DEFAULT_LIMITS.variantsMax);
  checkSessions(history);
  checkBounds(history, checker.committed, cluster.limits.boundMs ?? DEFAULT_LIMITS.boundMs);
  if (options.profile === 'invalidation') checkPromises(history, origin);
  const jumps = faults.clockJump > 0 ? Number.POSITIVE_INFINITY : 0;
  const ranMs = scheduler.now - beganAt;
  checkLinearizable(history, { ms: jumps + 2 * faults.clockSkewMs + 2 * faults.clockDrift * ranMs + 1 });

  if (cluster.stopped !== null) throw cluster.stopped;
  for (const { reqId, result } of history.writes) trace.mixText(`${reqId} ${result?.type}`);
  const acknowledgedWrites = history.writes.filter(({ result }) => result !== null).length;
  return {
    operations: workload.operations,
    acknowledgedWrites,
    openWrites: history.writes.length - acknowledgedWrites,
    reads: history.reads.length,
    committedOps: checker.committed.length,
    lives: cluster.members.reduce((sum, { life }) => sum + life, 0),
    messages: cluster.messagesSent,
    steps: cluster.stepsTaken,
    simulatedMs: ranMs,
    failoverMs,
    cutOffMs,
    coverage: coverage.counts,
    traceHash: trace.hash,
  };
}
