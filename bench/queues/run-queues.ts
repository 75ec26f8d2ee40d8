// The queues lab: what users wait for under each strategy, when edges see only their own requests and backends are slow,
// fail or die; simulated, with the product's own code.
import { describeEnvironment, type Environment } from '../environment.ts';
import type { Contender } from './contenders.ts';
import type { Measures } from './measuring.ts';
import { simulateQueues } from './simulate-queues.ts';
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
  /** Of a run at loads up to 0.8; null: by `quick`. */
  readonly requests: number | null;
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
}

export const LOADS: readonly number[] = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95];
export const DISPATCHERS: readonly number[] = [1, 10, 100, 1000];
const LOADS_QUICK: readonly number[] = [0.5, 0.8, 0.9];
/** The story is about the backend, not about the load. */
const LOADS_OF_STORY: readonly number[] = [0.8];
const REQUESTS = 200_000;
const REQUESTS_QUICK = 20_000;

/** The nearer to 1, the longer it takes until queues are as long as they get; a quick run does not wait for that. */
function requestsFor(load: number, requests: number, quick: boolean): number {
  return quick ? requests : Math.round(requests * Math.max(1, 0.2 / (1 - load)));
}

function loadsFor({ outage, failsFast }: Workload, { loads, quick }: QueuesOptions): readonly number[] {
  if (loads !== null) return loads;
  if (outage || failsFast) return LOADS_OF_STORY;
  return quick ? LOADS_QUICK : LOADS;
}

export function runQueues(options: QueuesOptions): QueuesReport {
  const { quick, seed, workloads, contenders, dispatchers, backends, progress } = options;
  const requests = options.requests ?? (quick ? REQUESTS_QUICK : REQUESTS);
  const rows: QueuesRow[] = [];
  for (const workload of workloads) {
    for (const load of loadsFor(workload, options)) {
      progress(`queues: ${workload.name}, load ${load}`);
      for (const contender of contenders) {
        for (const count of contender.seesAll ? [1] : dispatchers) {
          const measures = simulateQueues({
            workload,
            contender,
            backends,
            dispatchers: count,
            load,
            requests: requestsFor(load, requests, quick),
            seed,
          });
          rows.push({
            workload: workload.name,
            strategy: contender.name,
            dispatchers: count,
            load,
            ...measures,
          });
        }
      }
    }
  }
  return {
    lab: 'queues',
    environment: describeEnvironment({ seed, quick }, []),
    serviceMs: SERVICE_MS,
    backends,
    workloads: workloads.map(({ name, summary }) => ({ name, summary })),
    rows,
  };
}
