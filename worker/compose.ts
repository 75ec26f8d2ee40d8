// The composition root: the only place where clock, chance, and the parts that last as long as the isolate are made.
import { waitUntil } from 'cloudflare:workers';
import { Flights } from '../core/cache/flights.ts';
import { MemoryTier } from '../core/cache/memory-tier.ts';
import { SharedBodies } from '../core/cache/shared-body.ts';
import { VANTAGE_DEFAULT } from '../core/config/health-schema.ts';
import { ProofLog } from '../core/load-balancing/proof-log.ts';
import { seededRandom } from '../core/random.ts';
import { Contacts } from '../core/replication/contacts.ts';
import type { DirectoryRpc } from '../durable-objects/interfaces/directory.ts';
import type { HealthMonitorRpc } from '../durable-objects/interfaces/health-monitor.ts';
import type { PurgeCoordinatorRpc } from '../durable-objects/interfaces/purge-coordinator.ts';
import type { TelemetryRpc } from '../durable-objects/interfaces/telemetry.ts';
import { createSnapshotSource } from './config-snapshot.ts';
import { createAffinitySigner } from './data-plane/affinity-signer.ts';
import { createPassMemory } from './data-plane/pass-memory.ts';
import { createPlatformCache } from './data-plane/platform-cache.ts';
import { createPoolRegistry } from './data-plane/pool-registry.ts';
import { createShardClient } from './data-plane/shard-client.ts';
import { createTargetMemory } from './data-plane/target-memory.ts';
import { sleep, within } from './data-plane/within.ts';
import type { Edge } from './edge.ts';
import type { Env } from './env.ts';
import { createExplainTokens } from './explain-tokens.ts';
import { createTelemetryRecorder } from './telemetry-recorder.ts';

/** A request whose token is to be checked waits so long at most. */
const EXPLAIN_KEY_WAIT_MS = 1_000;

let edge: Edge | null = null;

/** The isolate's edge; built by its first request, since chance is not to be had before one. */
export function edgeOf(env: Env): Edge {
  if (edge?.env !== env) edge = createEdge(env);
  return edge;
}

function createEdge(env: Env): Edge {
  const now = () => Date.now();
  const [seed = 0] = crypto.getRandomValues(new Uint32Array(1));
  const random = seededRandom(seed);
  const isolateId = crypto.randomUUID().replaceAll('-', '');
  let requests = 0;
  let memory = new MemoryTier(0);
  const newRequestId = () => `${isolateId}-${(requests++).toString(36)}`;

  // A stub belongs to the request that makes it, and is dead after a failure: each call gets a new one.
  const directory = () => objectNamed<DirectoryRpc>(env.DIRECTORY, 'directory');
  const telemetryObject = () => objectNamed<TelemetryRpc>(env.TELEMETRY, 'telemetry');
  const proofs = new ProofLog();
  const telemetry = createTelemetryRecorder({ telemetryObject, isolateId, now, random });
  const snapshots = createSnapshotSource({ now, directory, sleep, proofs });
  const fetchKey = async (): Promise<string> => {
    const key = await within(telemetryObject().explainKey(), EXPLAIN_KEY_WAIT_MS);
    if (key === null) throw new Error(`no key within ${EXPLAIN_KEY_WAIT_MS} ms`);
    return key;
  };
  return {
    env,
    now,
    random,
    isolateId,
    newRequestId,
    snapshots,
    targetOf: createTargetMemory(),
    pools: createPoolRegistry({ random, now, region: env.ROUNDEL_REGION || null }),
    affinitySigner: createAffinitySigner(env.ROUNDEL_AFFINITY_SECRET),
    passMemory: createPassMemory(now),
    flights: new Flights(),
    platformCache: createPlatformCache(() => caches.open('roundel')),
    contacts: new Contacts(),
    sharedBodies: new SharedBodies(),
    memory(bytesMax) {
      if (memory.bytesMax !== bytesMax) memory = new MemoryTier(bytesMax);
      return memory;
    },
    proofs,
    explainTokens: createExplainTokens({ now, fetchKey }),
    shards: createShardClient({
      namespace: env.SHARD_REPLICA,
      now,
      newRequestId,
      waitUntil,
      nextTurn: () => sleep(0),
      heardOf: snapshots.heardOf,
      costs: { operation: telemetry.shardOperation, worked: telemetry.shardWork },
      header: () => {
        const snapshot = snapshots.peek();
        const boundMs = snapshot?.config.staleness.boundMs ?? 0;
        const since = snapshot?.boundSince ?? 0;
        return {
          mapEpoch: snapshot?.shardMap.epoch ?? 0,
          configVersion: snapshot?.version ?? 0,
          healthEpoch: snapshot?.healthEpoch ?? 0,
          ...(since > 0 ? { staleness: { boundMs, since } } : {}),
        };
      },
    }),
    telemetry,
    directory,
    healthMonitor: (pool, vantage) => {
      const id = env.HEALTH_MONITOR.idFromName(`${pool}/${vantage}`);
      const locationHint = vantage as DurableObjectLocationHint;
      const options = vantage === VANTAGE_DEFAULT ? {} : { locationHint };
      return env.HEALTH_MONITOR.get(id, options) as unknown as HealthMonitorRpc;
    },
    purgeCoordinator: () => objectNamed<PurgeCoordinatorRpc>(env.PURGE_COORDINATOR, 'purge-coordinator'),
    telemetryObject,
  };
}

/** The runtime's type of a stub knows nothing of the class behind it: that is in durable-objects/interfaces. */
function objectNamed<Rpc>(namespace: DurableObjectNamespace, name: string): Rpc {
  return namespace.get(namespace.idFromName(name)) as unknown as Rpc;
}
