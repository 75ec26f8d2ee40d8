// The streams lab: one body of 1 GiB through the product in each direction, and how much memory workerd takes for it
// while it passes: as much as a few chunks, or something piles up. The bare pass-through Worker stands beside it.
import { describeEnvironment, type Environment } from '../environment.ts';
import { type NumberRow, row } from '../number-row.ts';
import { startBareWorkers } from '../overhead/bare-workers.ts';
import { childRunning } from '../overhead/cpu-time.ts';
import { startIpcProcess } from '../overhead/ipc-process.ts';
import { startEdgeProcess } from '../resilience/edge-process.ts';
import { watchMemory } from './resident-bytes.ts';
import { type Direction, transfer } from './transfer.ts';

export interface StreamsOptions {
  readonly quick: boolean;
  /** Recorded only. */
  readonly seed: number;
  /** One line each. */
  readonly progress: (line: string) => void;
}

export interface StreamRun {
  readonly contender: string;
  readonly direction: Direction;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  /** Of its workerd, beyond what it had before; null where the system does not tell. */
  readonly memoryBytes: number | null;
}

export interface StreamsReport {
  readonly lab: 'streams';
  readonly environment: Environment;
  readonly runs: readonly StreamRun[];
  readonly numbers: readonly NumberRow[];
}

const MiB = 2 ** 20;
const PRODUCT = 'roundel';
/** What a garbage collector may leave lying for a while, and far below the body. */
const MEMORY_MAX = 64 * MiB;
const WARM_UP_BYTES = 256 * MiB;

export async function runStreams({ quick, seed, progress }: StreamsOptions): Promise<StreamsReport> {
  const bytes = quick ? 256 * MiB : 1_024 * MiB;
  progress('streams: starting an origin, the bare Worker and the product');
  const origin = startIpcProcess('bench/streams/flood-origin.ts');
  const stops = [origin.stop];
  try {
    const { port } = await origin.ask<{ port: number }>();
    const originUrl = `http://127.0.0.1:${port}`;
    const bare = await startBareWorkers(originUrl);
    stops.push(bare.stop);
    const edge = await startEdgeProcess();
    stops.push(edge.stop);
    await edge.configure({
      pools: { flood: { backends: [{ id: 'flood', url: originUrl }] } },
      routes: [{ id: 'all', pool: 'flood' }],
    });
    const contenders = [
      { contender: 'bare pass-through Worker', url: bare.passThroughUrl, pid: bare.pid },
      { contender: PRODUCT, url: edge.url, pid: childRunning(edge.pid, 'workerd') },
    ];
    const runs: StreamRun[] = [];
    for (const { contender, url, pid } of contenders) {
      for (const direction of ['download', 'upload'] as const) {
        progress(`streams: ${contender}, ${direction}`);
        await transfer(direction, url, WARM_UP_BYTES);
        const memory = watchMemory(pid);
        const startedAt = performance.now();
        const arrived = await transfer(direction, url, bytes);
        const bytesPerSecond = bytes / ((performance.now() - startedAt) / 1_000);
        const memoryBytes = memory.stop();
        if (arrived !== bytes)
          throw new Error(`Cannot measure a ${direction}: ${arrived} of ${bytes} bytes came`);
        runs.push({ contender, direction, bytes, bytesPerSecond, memoryBytes });
      }
    }
    return {
      lab: 'streams',
      environment: describeEnvironment({ seed, quick }, ['workerd']),
      runs,
      numbers: runs.flatMap(({ contender, direction, memoryBytes }) =>
        contender === PRODUCT && memoryBytes !== null
          ? [row(`memory for one ${direction}`, memoryBytes, 'bytes', '≤', MEMORY_MAX)]
          : [],
      ),
    };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}
