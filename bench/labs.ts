// The labs by name: what each measures, its own options, how it runs, and how its report is shown.
import type { Command } from 'commander';
import { addCacheOptions, type CacheFlags, cacheInputs } from './cache/cache-options.ts';
import { cachePlots } from './cache/cache-plots.ts';
import { cacheTable } from './cache/cache-table.ts';
import { runCache } from './cache/run-cache.ts';
import { distributionPlots } from './distribution/distribution-plots.ts';
import { distributionTable } from './distribution/distribution-table.ts';
import { runDistribution } from './distribution/run-distribution.ts';
import type { Environment } from './environment.ts';
import { addLiveOptions, type LiveFlags, liveInputs } from './live/live-options.ts';
import { livePlots } from './live/live-plots.ts';
import { liveTable } from './live/live-table.ts';
import { runLive } from './live/run-live.ts';
import type { NumberRow } from './number-row.ts';
import { overheadPlots } from './overhead/overhead-plots.ts';
import { overheadTable } from './overhead/overhead-table.ts';
import { runOverhead } from './overhead/run-overhead.ts';
import { addQueuesOptions, type QueuesFlags, queuesInputs } from './queues/queues-options.ts';
import { queuesPlots } from './queues/queues-plots.ts';
import { queuesTable } from './queues/queues-table.ts';
import { runQueues } from './queues/run-queues.ts';
import type { Plot } from './report/plot.ts';
import {
  addResilienceOptions,
  type ResilienceFlags,
  resilienceInputs,
} from './resilience/resilience-options.ts';
import { resiliencePlots } from './resilience/resilience-plots.ts';
import { resilienceTable } from './resilience/resilience-table.ts';
import { runResilience, SCENARIOS } from './resilience/run-resilience.ts';
import { runShards } from './shards/run-shards.ts';
import { shardsPlots } from './shards/shards-plots.ts';
import { shardsTable } from './shards/shards-table.ts';
import { runStreams } from './streams/run-streams.ts';
import { streamsPlots } from './streams/streams-plots.ts';
import { streamsTable } from './streams/streams-table.ts';
import { runTorture } from './torture/run-torture.ts';
import { torturePlots } from './torture/torture-plots.ts';
import { tortureTable } from './torture/torture-table.ts';

export interface RunFlags {
  readonly quick: boolean;
  readonly seed: number;
  /** Where the caller stands: what relative file names are relative to. */
  readonly folder: string;
  /** One line each. */
  readonly progress: (line: string) => void;
}

export interface Result {
  /** For `--json`. */
  readonly report: { readonly environment: Environment };
  /** For people. */
  readonly table: string;
  readonly plots: readonly Plot[];
  readonly numbers: readonly NumberRow[];
}

export interface Lab {
  readonly summary: string;
  /** Why `--quick` without a lab's name leaves it out: all labs together are to end within two minutes. */
  readonly notInQuick?: string;
  /** Declares options of its own; they come to `run` beside the flags. */
  addOptions?(command: Command): void;
  /** For `--help`. */
  readonly workloads: readonly string[];
  /** @param own the lab's own options as given, none where all labs run */
  run(flags: RunFlags, own: object): Promise<Result>;
}

export const LABS: Readonly<Record<string, Lab>> = {
  distribution: {
    summary: 'how evenly and how fast strategies spread keys, beside other libraries and balancers',
    workloads: [
      'every strategy with 10, 50, 200 and 1,000 backends',
      'weights equal, and 1:2:4 in turn',
      'keys that are all asked for alike, and by Zipf 1.1',
      'one backend more, one less',
    ],
    async run(flags) {
      const report = runDistribution(flags);
      return {
        report,
        table: distributionTable(report),
        plots: distributionPlots(report),
        numbers: report.numbers,
      };
    },
  },
  queues: {
    summary: 'how long users wait under each strategy when many edges see only their own requests, simulated',
    addOptions: addQueuesOptions,
    workloads: [],
    async run(flags, own: QueuesFlags) {
      const report = await runQueues({ ...flags, ...queuesInputs(own) });
      return { report, table: queuesTable(report), plots: queuesPlots(report), numbers: report.numbers };
    },
  },
  cache: {
    summary: 'what share of requests and bytes each eviction policy misses, on your traces or made-up ones',
    addOptions: addCacheOptions,
    workloads: [
      'zipf    popularity alone',
      'scan    the same, with scans through what nobody else wants',
      'loop    every other request goes round in a loop',
      'shift   what is popular changes',
      'bursts  keys that come in bursts and never again',
      'each with sizes, and (-even) with one byte for each object; or --trace',
    ],
    async run(flags, own: CacheFlags) {
      const report = runCache({ ...flags, ...cacheInputs(own, flags.folder) });
      return { report, table: cacheTable(report), plots: cachePlots(report), numbers: report.numbers };
    },
  },
  live: {
    summary:
      'requests/s and waits beside plain Workers and objects, nginx, haproxy and varnish, on plain workerd',
    addOptions: addLiveOptions,
    workloads: [],
    async run(flags, own: LiveFlags) {
      const report = await runLive({ ...flags, ...liveInputs(own, flags.quick) });
      return { report, table: liveTable(report), plots: livePlots(report), numbers: report.numbers };
    },
  },
  overhead: {
    summary: 'what proxying costs beside a Worker that only passes requests on, on plain workerd',
    notInQuick: 'live measures proxying too',
    workloads: ['GET of 1 KiB over 32 connections in a closed loop, contenders in turn'],
    async run(flags) {
      const report = await runOverhead(flags);
      return { report, table: overheadTable(report), plots: overheadPlots(report), numbers: report.numbers };
    },
  },
  shards: {
    summary:
      'replicated key-value data and both tiers of the cache beside one plain object, on plain workerd',
    notInQuick: 'live measures objects and key-value calls too',
    workloads: [
      'key-value writes, linearizable and bounded reads, hits from the shard and from memory: 1 KiB, 200 keys',
      '32 and 128 connections in a closed loop, contenders in turn',
    ],
    async run(flags) {
      const report = await runShards(flags);
      return { report, table: shardsTable(report), plots: shardsPlots(report), numbers: report.numbers };
    },
  },
  streams: {
    summary: 'memory of the edge while one body of 1 GiB passes, in each direction, on plain workerd',
    notInQuick: 'its bodies are long',
    workloads: ['a download and an upload of 1 GiB (--quick: 256 MiB)'],
    async run(flags) {
      const report = await runStreams(flags);
      return { report, table: streamsTable(report), plots: streamsPlots(report), numbers: report.numbers };
    },
  },
  torture: {
    summary: 'whether anything acknowledged is lost when workerd is killed again and again under load',
    notInQuick: 'it waits for workerd to start again and again',
    workloads: ['six clients of the key-value store; 100 kills (--quick: 10) at random moments'],
    async run(flags) {
      const report = await runTorture(flags);
      return { report, table: tortureTable(report), plots: torturePlots(report), numbers: report.numbers };
    },
  },
  resilience: {
    summary: 'what users notice when backends die, fail or slow down under load, on plain workerd',
    notInQuick: 'its faults take their time',
    addOptions: addResilienceOptions,
    workloads: SCENARIOS.map(({ name, summary }) => `${name.padEnd(28)} ${summary}`),
    async run(flags, own: ResilienceFlags) {
      const report = await runResilience({ ...flags, ...resilienceInputs(own) });
      return {
        report,
        table: resilienceTable(report),
        plots: resiliencePlots(report),
        numbers: report.runs.flatMap(({ scenario, strategy, numbers }) =>
          numbers.map((row) => ({ ...row, figure: `${scenario}, ${strategy}: ${row.figure}` })),
        ),
      };
    },
  },
};
