// One seed is one run: the same things happen at the same instants, every time. Faults go on while clients work; then
// everything heals, and the group must serve within ten seconds, converge and fall silent.
import { seededRandom } from '../../core/random.ts';
import { checkConverged } from '../checks/converged.ts';
import { GroupChecker } from '../checks/group-checker.ts';
import { checkLinearizable } from '../checks/linearizable.ts';
import { checkBounds, checkJoins, checkPromises, checkSessions } from '../checks/promises.ts';
import { checkPurges } from '../checks/purges.ts';
import { checkReplay } from '../checks/replay.ts';
import { asViolation, type Invariant, must } from '../checks/violation.ts';
import { Origin } from '../clients/origin.ts';
import { Workload } from '../clients/workload.ts';
import { Chance } from '../engine/chance.ts';
import { Cluster } from '../engine/cluster.ts';
import { drawFaults, type FaultName, type Faults, NO_FAULTS } from '../engine/faults.ts';
import { START_AT } from '../engine/instance.ts';
import { Nemesis } from '../engine/nemesis.ts';
import { Scheduler } from '../engine/scheduler.ts';
import { Trace } from '../engine/trace.ts';
import { World } from '../engine/world.ts';
import { Coverage } from './coverage.ts';
import { checkLiveness } from './healed-phase.ts';
import { phaseOf } from './phase.ts';
import { drawLimits, drawMembers, drawShards, operationsOf, type ProfileName } from './profiles.ts';

export interface Run {
  readonly operations: number;
  readonly acknowledgedWrites: number;
  readonly openWrites: number;
  readonly reads: number;
  /** Fetches of others that were taken before they were stored. */
  readonly joins: number;
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
  const clusters: Cluster[] = [];
  try {
    return run(seed, options, clusters);
  } catch (error) {
    const violation = asViolation(error);
    const stopped = stoppedIn(clusters);
    // Objects that stop themselves again and again serve nobody: then that is what is wrong.
    if (stopped !== null && VAGUE.has(violation.invariant)) throw asViolation(stopped);
    throw violation;
  }
}

/** What may follow from anything. */
const VAGUE: ReadonlySet<Invariant> = new Set(['liveness', 'idle', 'assertion']);

function stoppedIn(clusters: readonly Cluster[]): unknown {
  return clusters.find(({ stopped }) => stopped !== null)?.stopped ?? null;
}

/** One group, with whoever looks on and whoever makes things go wrong there. */
interface Stage {
  readonly cluster: Cluster;
  readonly checker: GroupChecker;
  readonly nemesis: Nemesis;
}

/** `clusters` gets the run's groups as they are made. */
function run(seed: number, options: RunOptions, clusters: Cluster[]): Run {
  const { profile } = options;
  const chance = new Chance(seededRandom(seed));
  const trace = new Trace(options.print ?? null);
  const faults = options.faults ?? drawFaults(chance);
  const limits = drawLimits(profile, chance, faults);
  const scheduler = new Scheduler(START_AT);
  const coverage = new Coverage();
  const stages = Array.from({ length: drawShards(profile, chance) }, (_, shard): Stage => {
    const members = options.members ?? drawMembers(chance, faults);
    const cluster = new Cluster({
      members,
      chance,
      shard,
      scheduler,
      faults,
      limits,
      trace,
      happened: (fault, member) => coverage.count(fault, phaseOf(cluster, member, checker.committed.length)),
    });
    clusters.push(cluster);
    const checker = new GroupChecker(cluster);
    // The coordinator is one more that calls the group from outside.
    const nemesis = new Nemesis(cluster, EDGES + 1);
    cluster.observer = {
      step(member, instance, event, effects) {
        checker.step(member, instance, event, effects);
        nemesis.look(member, instance);
      },
      replaced: (member) => checker.replaced(member),
      escaped: (member, instance, effect) => checker.escaped(member, instance, effect),
    };
    return { cluster, checker, nemesis };
  });
  const world = new World(clusters);
  const sometimes = (max: number): number => (chance.hits(0.5) ? chance.next() * max : 0);
  /** Counted where the primary is, whatever group that concerns. */
  const happened = (fault: FaultName): void => {
    const { cluster, nemesis } = chance.pick(stages);
    cluster.happened(fault, nemesis.primary);
  };
  const origin = new Origin(chance, { failing: sometimes(0.3), crawling: sometimes(0.4) }, happened);
  const operate = operationsOf(profile, chance, origin);
  const workload = new Workload(world, { edges: EDGES, clients: CLIENTS, operate });
  const { coordinator, history } = workload;
  coordinator.onCrash = () => happened('coordinator-crash');
  for (const { cluster, nemesis } of stages) {
    nemesis.onStaleEdge = (edge) => workload.edges[edge]?.forget(cluster.shard);
  }

  const beganAt = scheduler.now;
  workload.start(options.operations, chance.pick([10, 60, 300]));
  for (const { nemesis } of stages) nemesis.start();
  if (profile === 'invalidation') coordinator.start();
  const endAt = beganAt + RUN_MS_MIN + options.operations * OPERATION_MS_MAX;
  scheduler.run(() => workload.running === 0, endAt, 500 * options.operations + 1_000_000);
  must(workload.running === 0, 'liveness', () => 'clients have not come to an end in time');

  for (const { nemesis } of stages) nemesis.heal(NO_FAULTS);
  coordinator.heal();
  workload.bound.settle();
  world.print(() => 'everything heals');
  const { failoverMs, cutOffMs } = checkLiveness(world, workload, profile);
  for (const { cluster, checker } of stages) {
    const { shard } = cluster;
    const seen = history.of(shard);
    checkConverged(cluster, workload.bound.newest);
    checkReplay(seen, checker.entries, { shard, variantsMax: workload.limits.variantsMax });
    checkSessions(seen);
    checkBounds(seen, checker.committed, workload.limits.boundMs);
  }
  if (profile === 'invalidation') {
    checkPromises(history, origin);
    checkJoins(history.joins, origin);
  }
  const jumps = faults.clockJump > 0 ? Number.POSITIVE_INFINITY : 0;
  const ranMs = scheduler.now - beganAt;
  checkLinearizable(history, { ms: jumps + 2 * faults.clockSkewMs + 2 * faults.clockDrift * ranMs + 1 });
  const groups = stages.map(({ cluster: { shard }, checker: { entries } }) => ({ shard, entries }));
  checkPurges(history.purges, groups, (key) => world.shardOf(key));

  const stopped = stoppedIn(clusters);
  if (stopped !== null) throw stopped;
  for (const { reqId, result } of history.writes) trace.mixText(`${reqId} ${result?.type}`);
  for (const { purgeId, answeredAt } of history.purges) trace.mixText(`${purgeId} ${answeredAt}`);
  for (const { key, text } of history.joins) trace.mixText(`${key} ${text}`);
  const acknowledgedWrites = history.writes.filter(({ result }) => result !== null).length;
  const purgesDone = history.purges.filter(({ answeredAt }) => answeredAt !== null).length;
  const sum = (count: (cluster: Cluster) => number): number =>
    clusters.reduce((total, cluster) => total + count(cluster), 0);
  return {
    operations: workload.operations,
    acknowledgedWrites: acknowledgedWrites + purgesDone,
    openWrites: history.writes.length - acknowledgedWrites + history.purges.length - purgesDone,
    reads: history.reads.length,
    joins: history.joins.length,
    committedOps: stages.reduce((total, { checker }) => total + checker.committed.length, 0),
    lives: sum(({ members }) => members.reduce((lives, { life }) => lives + life, 0)),
    messages: sum(({ messagesSent }) => messagesSent),
    steps: sum(({ stepsTaken }) => stepsTaken),
    simulatedMs: ranMs,
    failoverMs,
    cutOffMs,
    coverage: coverage.counts,
    traceHash: trace.hash,
  };
}
