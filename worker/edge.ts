// The edge of one isolate, as its two planes see it: compose.ts builds it once, requests use it.

import type { Flights } from '../core/cache/flights.ts';
import type { MemoryTier } from '../core/cache/memory-tier.ts';
import type { SharedBodies } from '../core/cache/shared-body.ts';
import type { ParsedTarget } from '../core/http/target.ts';
import type { ProofLog } from '../core/load-balancing/proof-log.ts';
import type { Random } from '../core/random.ts';
import type { Contacts } from '../core/replication/contacts.ts';
import type { DirectoryRpc } from '../durable-objects/interfaces/directory.ts';
import type { HealthMonitorRpc } from '../durable-objects/interfaces/health-monitor.ts';
import type { PurgeCoordinatorRpc } from '../durable-objects/interfaces/purge-coordinator.ts';
import type { MemberWork } from '../durable-objects/interfaces/shard-replica.ts';
import type { KeptExplanation, NewEvent, TelemetryRpc } from '../durable-objects/interfaces/telemetry.ts';
import type { SnapshotSource } from './config-snapshot.ts';
import type { AffinitySigner } from './data-plane/affinity-signer.ts';
import type { PassMemory } from './data-plane/pass-memory.ts';
import type { PlatformCache } from './data-plane/platform-cache.ts';
import type { PoolRegistry } from './data-plane/pool-registry.ts';
import type { ShardClient } from './data-plane/shard-client.ts';
import type { Env } from './env.ts';
import type { ExplainTokens } from './explain-tokens.ts';

export type { EdgeSnapshot, SnapshotSource } from './config-snapshot.ts';

/** One data-plane request, counted once. */
export interface RequestRecord {
  readonly route: string;
  readonly pool: string;
  readonly backend: string;
  readonly status: number;
  readonly cache: string;
  readonly endedAt: number;
  readonly durationMs: number;
}

export interface TelemetryRecorder {
  /** In memory; handed to the Telemetry object within about a second, off the request's path. */
  request(record: RequestRecord, context: ExecutionContext): void;
  event(event: NewEvent, context: ExecutionContext): void;
  /** A request asked a shard for something. Handed over with the rest, or once `deliver` is called. */
  shardOperation(): void;
  shardWork(work: MemberWork): void;
  /** Somebody of this request's has to hand over what is counted. */
  deliver(context: ExecutionContext): void;
  /** Whether another explanation would be kept now: 200 a second that were asked for, ten samples. */
  hasRoomToExplain(source: KeptExplanation['source']): boolean;
  explanation(explanation: KeptExplanation, context: ExecutionContext): void;
}

export interface Edge {
  readonly env: Env;
  now(): number;
  readonly random: Random;
  /** Random text of the isolate, for request ids and telemetry batches. */
  readonly isolateId: string;
  newRequestId(): string;
  readonly snapshots: SnapshotSource;
  /** parseTarget, of URLs that come again. */
  readonly targetOf: (url: string) => ParsedTarget;
  readonly pools: PoolRegistry;
  /** null without its secret. */
  readonly affinitySigner: AffinitySigner | null;
  readonly passMemory: PassMemory;
  readonly flights: Flights;
  readonly platformCache: PlatformCache;
  readonly contacts: Contacts;
  readonly sharedBodies: SharedBodies;
  /** Of that size; another one begins empty. */
  memory(bytesMax: number): MemoryTier;
  readonly proofs: ProofLog;
  readonly explainTokens: ExplainTokens;
  readonly shards: ShardClient;
  readonly telemetry: TelemetryRecorder;
  readonly directory: () => DirectoryRpc;
  readonly healthMonitor: (pool: string, vantage: string) => HealthMonitorRpc;
  readonly purgeCoordinator: () => PurgeCoordinatorRpc;
  readonly telemetryObject: () => TelemetryRpc;
}
