// The queues lab: what users wait for under each strategy, when edges see only their own requests and backends are slow,
// fail or die; simulated, with the product's own code.
import { describeEnvironment, type Environment } from '../environment.ts';
import { inThreads } from '../in-threads.ts';
import type { NumberRow } from '../number-row.ts';
import type { Contender } from './contenders.ts';
import type { Measures } from './measuring.ts';
import { queuesNumbers } from './queues-numbers.ts';
import { runLength } from './run-length.ts';
import type { QueueRun } from './simulate-queues.ts';
import { SERVICE_MS, type Workload } from './workloads.ts';

export interface QueuesOptions {
  readonly quick: boolean;
  readonly seed: number;
  readonly workloads: readonly Workload[];
  readonly contenders: readonly Contender[];
  readonly dispatchers: readonly number[];
  /** 0–1 of the capacity; null: as many as the lab finds useful. */
  readonly loads: readonly number[] | null;
  readonly backends: number;
  /** Of a run; null: by `quick`. */
  readonly requests: number | null;
  /** They change nothing but how long it takes. */
  readonly threads: number;
  /** One line each. */
  readonly progress: (line: string) => void;
}

export interface QueuesRow extends Measures {
  readonly workload: string;
  readonly strategy: string;
  readonly dispatchers: number;
  readonly load: number;
}

export interface QueuesReport {
  readonly lab: 'queues';
  readonly environment: Environment;
  readonly serviceMs: number;
  readonly backends: number;
  readonly workloads: readonly { readonly name: string; readonly summary: string }[];
  readonly rows: readonly QueuesRow[];
  readonly numbers: readonly NumberRow[];
}

export const LOADS: readonly number[] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
export const DISPATCHERS: readonly number[] = [1, 10, 100, 1000];
export const REQUESTS_QUICK = 20_000;
const LOADS_QUICK: readonly number[] = [0.5, 0.8, 0.9];
/** The story is about the backend, not about the load. */
const LOADS_OF_STORY: readonly number[] = [0.8];
const THREAD = new URL('./queue-thread.ts', import.meta.url);
const PROGRESS_EVERY_MS = 10_000;

function loadsFor({ outage, failsFast }: Workload, { loads, quick }: QueuesOptions): readonly number[] {
  if (loads !== null) return loads;
  if (outage || failsFast) return LOADS_OF_STORY;
  return quick ? LOADS_QUICK : LOADS;
}

/** Some have the same figures whatever the number of dispatchers: then one run serves all. */
function countsFor({ outage, failsFast }: Workload, contender: Contender, counts: readonly number[]) {
  if (contender.seesAll) return [[1]];
  const isAlike = contender.isBlind && !outage && !failsFast;
  return isAlike ? [counts] : counts.map((count) => [count]);
}

interface Planned {
  readonly run: QueueRun;
  /** For which it stands. */
  readonly dispatchers: readonly number[];
}

function planned(options: QueuesOptions): Planned[] {
  const { quick, seed, workloads, contenders, backends } = options;
  const requests = options.requests ?? (quick ? REQUESTS_QUICK : null);
  return workloads.flatMap((workload) =>
    loadsFor(workload, options).flatMap((load) =>
      contenders.flatMap((contender) =>
        countsFor(workload, contender, options.dispatchers).map((dispatchers) => {
          const length = runLength(load, backends, requests);
          const [first = 1] = dispatchers;
          return {
            run: { workload, contender, backends, dispatchers: first, load, length, seed },
            dispatchers,
          };
        }),
      ),
    ),
  );
}

export async function runQueues(options: QueuesOptions): Promise<QueuesReport> {
  const { quick, seed, workloads, backends, threads, progress } = options;
  const plan = planned(options);
  let part = '';
  let toldAt = performance.now();
  const measures = await inThreads<QueueRun, Measures>(
    THREAD,
    plan.map(({ run }) => run),
    threads,
    ({ workload, load }, done) => {
      const name = `${workload.name}, load ${load}`;
      if (name === part && performance.now() < toldAt + PROGRESS_EVERY_MS) return;
      part = name;
      toldAt = performance.now();
      progress(`queues: ${name}; ${done} of ${plan.length} runs`);
    },
  );
  const rows = plan.flatMap(({ run, dispatchers }, i) =>
    dispatchers.map((count) => ({
      workload: run.workload.name,
      strategy: run.contender.name,
      dispatchers: count,
      load: run.load,
      ...(measures[i] as Measures),
    })),
  );
  return {
    lab: 'queues',
    environment: describeEnvironment({ seed, quick }, []),
    serviceMs: SERVICE_MS,
    backends,
    workloads: workloads.map(({ name, summary }) => ({ name, summary })),
    rows,
    numbers: queuesNumbers(rows, backends),
  };
}
