// The live lab: the product on plain workerd beside the least that does the same there, and beside other people's proxies
// and caches where this machine has them, before real origins under a real load. A closed loop tells requests/s, an open
// one how long users wait. Contenders take turns, round after round, so that whatever else the machine does falls on all
// of them; ratios come before absolute figures.
import { describeEnvironment, type Environment } from '../environment.ts';
import type { ClosedOrder, ClosedResult } from '../load/closed-round.ts';
import type { OpenOrder, OpenResult } from '../load/open-round.ts';
import type { NumberRow } from '../number-row.ts';
import { BODY_BYTES } from '../overhead/plain-answer.ts';
import { askOnce, inTurn, takeTurn } from '../overhead/taking-turns.ts';
import { type Contender, contendersOf } from './contenders.ts';
import {
  type ClosedTurn,
  type Latency,
  latencyOf,
  type OpenTurn,
  type Throughput,
  throughputOf,
} from './live-figures.ts';
import { numbersOf } from './live-numbers.ts';
import type { LiveInputs } from './live-options.ts';
import { type LiveStand, startLiveStand } from './live-stand.ts';
import type { Skipped } from './neighbours/neighbour.ts';
import type { WorkloadName } from './workloads.ts';

export interface LiveOptions extends LiveInputs {
  readonly quick: boolean;
  /** Of the moments at which users come. */
  readonly seed: number;
  /** One line each. */
  readonly progress: (line: string) => void;
}

interface Named {
  readonly workload: WorkloadName;
  readonly contender: string;
}
export interface ThroughputRow extends Named, Throughput {
  readonly connections: number;
}
export interface LatencyRow extends Named, Latency {
  /** Requests/s that were due. */
  readonly rate: number;
}

export interface LiveReport {
  readonly lab: 'live';
  readonly environment: Environment;
  readonly rounds: number;
  readonly roundMs: number;
  readonly workloads: readonly {
    readonly name: WorkloadName;
    readonly summary: string;
    readonly base: string;
  }[];
  readonly throughput: readonly ThroughputRow[];
  readonly latency: readonly LatencyRow[];
  readonly skipped: readonly Skipped[];
  /** The load's own: processor time a request at its best, the requests/s that one core would be enough for. */
  readonly load: {
    readonly cpuMicros: number;
    readonly ceilingPerSecond: number;
    readonly mostPerSecond: number;
  } | null;
  readonly numbers: readonly NumberRow[];
}

/** Before its first turn, each. */
const WARM_UP_MS = 300;
const WARM_UP_MS_WHOLE = 1_000;
/** Of a turn of the open loop, at least: so that it has a p99 of its own. */
const OPEN_REQUESTS_MIN = 150;
/** Of the open loop: whoever comes when all are taken waits, and it counts. */
const OPEN_CONNECTIONS_MAX = 256;

export async function runLive(options: LiveOptions): Promise<LiveReport> {
  const { quick, seed, workloads, strategies, connections, rates, rounds, roundMs, progress } = options;
  progress('live: starting origins, plain Workers, the product and its neighbours');
  const names = workloads.map(({ name }) => name);
  const stand = await startLiveStand(names, strategies);
  try {
    for (const { name, reason } of stand.skipped) progress(`live: without ${name}: ${reason}`);
    const contenders = contendersOf(stand.places, names, strategies);
    for (const contender of contenders) {
      progress(`live: warming up: ${contender.workload}, ${contender.name}`);
      await prepare(contender);
      await closedTurn(stand, contender, connections[0] ?? 8, quick ? WARM_UP_MS : WARM_UP_MS_WHOLE);
    }
    const closed = new Turns<ClosedTurn>();
    const open = new Turns<OpenTurn>();
    for (let round = 0; round < rounds; round++) {
      progress(`live: round ${round + 1} of ${rounds}`);
      for (const count of connections) {
        for (const contender of inTurn(contenders, round)) {
          closed.add(contender, count, await closedTurn(stand, contender, count, roundMs));
        }
      }
      for (const [i, rate] of rates.entries()) {
        for (const contender of inTurn(contenders, round)) {
          // The same moments for all contenders of a round.
          const chance = seed + round * rates.length + i;
          open.add(contender, rate, await openTurn(stand, contender, rate, chance, roundMs));
        }
      }
    }
    const baseOf = (contender: Contender): string =>
      workloads.find(({ name }) => name === contender.workload)?.base ?? '';
    const namesOf = ({ workload, name }: Contender) => ({ workload, contender: name });
    const throughput = connections.flatMap((count) =>
      contenders.map((one) => ({
        ...namesOf(one),
        connections: count,
        ...throughputOf(closed.of(one, count), closed.of({ ...one, name: baseOf(one) }, count)),
      })),
    );
    const latency = rates.flatMap((rate) =>
      contenders.map((one) => ({
        ...namesOf(one),
        rate,
        ...latencyOf(open.of(one, rate), open.of({ ...one, name: baseOf(one) }, rate)),
      })),
    );
    const environment = describeEnvironment({ seed, quick }, ['workerd']);
    const others = stand.places.neighbours.map(({ name, version }) => [name, version] as const);
    return {
      lab: 'live',
      environment: { ...environment, versions: { ...environment.versions, ...Object.fromEntries(others) } },
      rounds,
      roundMs,
      workloads,
      throughput,
      latency,
      skipped: stand.skipped,
      load: loadOf(closed.all()),
      numbers: numbersOf(throughput, latency),
    };
  } finally {
    await stand.stop();
  }
}

/** Turns of each contender with each number of connections, or at each rate, in the order of the rounds. */
class Turns<T> {
  readonly #turns = new Map<string, T[]>();

  #at({ workload, name }: Pick<Contender, 'workload' | 'name'>, setting: number): T[] {
    const key = `${workload}\n${name}\n${setting}`;
    const found = this.#turns.get(key) ?? [];
    this.#turns.set(key, found);
    return found;
  }

  add(contender: Contender, setting: number, turn: T): void {
    this.#at(contender, setting).push(turn);
  }

  of(contender: Pick<Contender, 'workload' | 'name'>, setting: number): readonly T[] {
    return this.#at(contender, setting);
  }

  all(): readonly T[] {
    return [...this.#turns.values()].flat();
  }
}

/** Whoever reads finds what was written before. */
async function prepare({ workload, name, asked }: Contender): Promise<void> {
  if (workload === 'kv-read') {
    const url = asked.url.replace('/read/', '/write/').replace(/\?.*/, '');
    await askOnce(name, { ...asked, url, method: 'PUT', bodyBytes: BODY_BYTES });
  }
  await askOnce(name, asked);
}

async function closedTurn(
  { load, originCounts }: LiveStand,
  { asked, pid }: Contender,
  connections: number,
  ms: number,
): Promise<ClosedTurn> {
  const order: ClosedOrder = { ...asked, connections, ms };
  const before = await originCounts();
  const turn = await takeTurn(pid, () => load.ask<ClosedResult>(order));
  const after = await originCounts();
  return { ...turn, atOrigins: after.map((count, i) => count - (before[i] ?? 0)) };
}

function openTurn(
  { load }: LiveStand,
  { asked }: Contender,
  perSecond: number,
  seed: number,
  ms: number,
): Promise<OpenTurn> {
  const order: OpenOrder = {
    ...asked,
    perSecond,
    seed,
    connectionsMax: OPEN_CONNECTIONS_MAX,
    ms: Math.max(ms, (1_000 * OPEN_REQUESTS_MIN) / perSecond),
  };
  return load.ask<OpenResult>(order);
}

function loadOf(turns: readonly ClosedTurn[]): LiveReport['load'] {
  const known = turns.filter(({ requests }) => requests > 0);
  if (known.length === 0) return null;
  const least = Math.min(...known.map(({ loadCpuMicros }) => loadCpuMicros));
  return {
    cpuMicros: least,
    ceilingPerSecond: 1e6 / least,
    mostPerSecond: Math.max(...known.map(({ perSecond }) => perSecond)),
  };
}
