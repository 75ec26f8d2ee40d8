// The streams lab: one body of 1 GiB through the product in each direction, and how much memory workerd takes for it
// while it passes: as much as a few chunks, or something piles up. The bare pass-through Worker stands beside it. Then the
// same on a route that caches: too large to be stored, known from its head or only once it has come so far; and as many
// bytes in bodies that are stored, fetched one after the other, and as many out of the cache.
import { describeEnvironment, type Environment } from '../environment.ts';
import { type NumberRow, row } from '../number-row.ts';
import { startBareWorkers } from '../overhead/bare-workers.ts';
import { childRunning } from '../overhead/cpu-time.ts';
import { startIpcProcess } from '../overhead/ipc-process.ts';
import { startEdgeProcess } from '../resilience/edge-process.ts';
import { watchMemory } from './resident-bytes.ts';
import { type Direction, download, transfer } from './transfer.ts';

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
  /** Of all bodies together. */
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
/** The largest that may be stored, by configuration. */
const STORED_BYTES_MAX = 25 * MiB;
/**
 * While bodies of that size are stored: the copy as it came, chunks of it on their way into three members, all of which
 * share the process here, and for the most part what the garbage collector has not got round to (docs/adr/0052).
 */
const FILL_MEMORY_MAX = 12 * STORED_BYTES_MAX;

const TOO_LARGE = `${PRODUCT}, caching, too large by its head`;
const GROWS_TOO_LARGE = `${PRODUCT}, caching, grows too large`;
const STORED = `${PRODUCT}, caching, stored (25 MiB each)`;
const HITS = `${PRODUCT}, caching, hits (25 MiB each)`;
const MEMORY_GOALS: Readonly<Record<string, number>> = {
  [PRODUCT]: MEMORY_MAX,
  [TOO_LARGE]: MEMORY_MAX,
  [GROWS_TOO_LARGE]: MEMORY_MAX + STORED_BYTES_MAX,
  [STORED]: FILL_MEMORY_MAX,
  [HITS]: MEMORY_MAX,
};

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
      routes: [
        {
          id: 'cached',
          match: { paths: ['/cached/*'] },
          pool: 'flood',
          cache: { enabled: true, maxObjectBytes: STORED_BYTES_MAX },
        },
        { id: 'all', pool: 'flood' },
      ],
    });
    const pid = childRunning(edge.pid, 'workerd');
    const runs: StreamRun[] = [];
    const measure = async (
      contender: string,
      direction: Direction,
      expected: number,
      run: () => Promise<number>,
      watched: number | null,
    ): Promise<void> => {
      progress(`streams: ${contender}, ${direction}`);
      const memory = watchMemory(watched);
      const startedAt = performance.now();
      const arrived = await run();
      const bytesPerSecond = expected / ((performance.now() - startedAt) / 1_000);
      const memoryBytes = memory.stop();
      if (arrived !== expected)
        throw new Error(`Cannot measure a ${direction} (${contender}): ${arrived} of ${expected} bytes came`);
      runs.push({ contender, direction, bytes: expected, bytesPerSecond, memoryBytes });
    };
    const plain = [
      { contender: 'bare pass-through Worker', url: bare.passThroughUrl, watched: bare.pid },
      { contender: PRODUCT, url: edge.url, watched: pid },
    ];
    for (const { contender, url, watched } of plain) {
      for (const direction of ['download', 'upload'] as const) {
        await transfer(direction, url, WARM_UP_BYTES);
        await measure(contender, direction, bytes, () => transfer(direction, url, bytes), watched);
      }
    }
    const cached = `${edge.url}/cached`;
    const large = `${cached}/large/${bytes}`;
    await measure(TOO_LARGE, 'download', bytes, () => download(large), pid);
    await measure(GROWS_TOO_LARGE, 'download', bytes, () => download(`${large}/chunked`), pid);
    const count = Math.ceil(bytes / STORED_BYTES_MAX);
    const each = (urlOf: (i: number) => string) => async () => {
      let arrived = 0;
      for (let i = 0; i < count; i++) arrived += await download(urlOf(i));
      return arrived;
    };
    const storable = (i: number) => `${cached}/stored/${i}/${STORED_BYTES_MAX}`;
    await download(storable(count));
    await measure(STORED, 'download', count * STORED_BYTES_MAX, each(storable), pid);
    await measure(
      HITS,
      'download',
      count * STORED_BYTES_MAX,
      each(() => storable(0)),
      pid,
    );
    return {
      lab: 'streams',
      environment: describeEnvironment({ seed, quick }, ['workerd']),
      runs,
      numbers: runs.flatMap(({ contender, direction, memoryBytes }) => {
        const most = MEMORY_GOALS[contender];
        if (most === undefined || memoryBytes === null) return [];
        return [row(`memory, ${contender}, ${direction}`, memoryBytes, 'bytes', '≤', most)];
      }),
    };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}
