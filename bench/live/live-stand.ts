// Everything that the live lab asks, each a process of its own: origins, plain Workers and objects, the product twice, the
// load, and those neighbours that this machine has.
import type { ConfigDocument } from '../../core/config/schema.ts';
import { startBareWorkers } from '../overhead/bare-workers.ts';
import { childRunning } from '../overhead/cpu-time.ts';
import { type IpcProcess, startIpcProcess } from '../overhead/ipc-process.ts';
import { startEdgeProcess } from '../resilience/edge-process.ts';
import type { StrategyType } from '../resilience/stand.ts';
import { startPlainObjects } from '../shards/plain-objects.ts';
import type { Places } from './contenders.ts';
import { haproxy } from './neighbours/haproxy.ts';
import { type Neighbour, type Skipped, startNeighbour } from './neighbours/neighbour.ts';
import { nginx } from './neighbours/nginx.ts';
import { varnish } from './neighbours/varnish.ts';
import type { WorkloadName } from './workloads.ts';

export interface LiveStand {
  /** Those that the workloads ask for. */
  readonly places: Places;
  readonly skipped: readonly Skipped[];
  readonly load: IpcProcess;
  /** How many requests each of the proxied origins has had so far, and after them the one whose answers are kept. */
  originCounts(): Promise<readonly number[]>;
  stop(): Promise<void>;
}

const RECIPES = [nginx, haproxy, varnish];
/** Behind each proxy. */
export const ORIGINS = 4;
/** What the origin of the caches says: it stays fresh for longer than the lab runs. */
const CACHE_CONTROL = 'max-age=86400';

export async function startLiveStand(
  workloads: readonly WorkloadName[],
  strategies: readonly StrategyType[],
): Promise<LiveStand> {
  const isNeeded = (...by: readonly WorkloadName[]) => by.some((name) => workloads.includes(name));
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const one of stops.reverse()) await one();
  };
  const kept = <T extends { stop(): Promise<void> }>(one: T): T => {
    stops.push(one.stop);
    return one;
  };
  try {
    const load = kept(startIpcProcess('bench/load/load-process.ts'));
    const startOrigin = async (...args: string[]) => {
      const process = kept(startIpcProcess('bench/overhead/plain-origin.ts', args));
      const { port } = await process.ask<{ port: number }>();
      return { process, url: `http://127.0.0.1:${port}` };
    };
    const proxied = await Promise.all(Array.from({ length: ORIGINS }, () => startOrigin()));
    const cached = await startOrigin(CACHE_CONTROL);
    const [first] = proxied as [(typeof proxied)[number]];
    const bare = kept(await startBareWorkers(first.url));
    const areObjectsNeeded = isNeeded('shard', 'kv-read', 'kv-write');
    const objects = areObjectsNeeded ? kept(await startPlainObjects()) : null;
    const urls = proxied.map(({ url }) => url);
    const startProduct = async (memoryBytes: number | null) => {
      const config = documentOf(strategies, urls, cached.url, memoryBytes);
      const edge = kept(await startEdgeProcess({ config }));
      return { url: edge.url, token: edge.token, pid: childRunning(edge.pid, 'workerd') };
    };
    const product = isNeeded('proxy', 'cache') ? await startProduct(null) : null;
    const shards = areObjectsNeeded ? await startProduct(0) : null;
    const neighbours: Neighbour[] = [];
    const skipped: Skipped[] = [];
    for (const recipe of isNeeded('constant', 'proxy', 'cache') ? RECIPES : []) {
      const started = await startNeighbour(recipe, { proxied: urls, cached: cached.url });
      if ('reason' in started) skipped.push(started);
      else neighbours.push(kept(started));
    }
    const at = (url: string) => ({ url, pid: bare.pid });
    return {
      places: {
        origin: { url: first.url, pid: first.process.pid },
        constant: at(bare.constantUrl),
        passThrough: at(bare.passThroughUrl),
        keeping: at(bare.keepingUrl),
        object: objects && { url: objects.objectUrl, pid: objects.pid },
        product,
        shards,
        neighbours,
      },
      skipped,
      load,
      originCounts: () =>
        Promise.all(
          [...proxied, cached].map(
            async ({ process }) => (await process.ask<{ requests: number }>({})).requests,
          ),
        ),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function documentOf(
  strategies: readonly StrategyType[],
  urls: readonly string[],
  cachedUrl: string,
  memoryBytes: number | null,
): ConfigDocument {
  const backends = urls.map((url, i) => ({ id: `origin-${i}`, url }));
  const pools = strategies.map((type) => [type, { backends, strategy: { type, key: ['path'] } }] as const);
  return {
    shards: { count: 1 },
    ...(memoryBytes === null ? {} : { l1: { bytesMax: memoryBytes } }),
    pools: { kept: { backends: [{ id: 'kept', url: cachedUrl }] }, ...Object.fromEntries(pools) },
    routes: [
      { id: 'kept', match: { paths: ['/kept/*'] }, pool: 'kept', cache: { enabled: true } },
      ...strategies.map((type) => ({ id: type, match: { paths: [`/${type}/*`] }, pool: type })),
    ],
  };
}
