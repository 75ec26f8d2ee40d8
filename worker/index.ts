// The Worker's module: what the platform calls, and the Durable Object classes that it looks for here.
import { edgeOf } from './compose.ts';
import type { Env } from './env.ts';
import { serve } from './serve.ts';

export { Directory } from '../durable-objects/directory.ts';
export { HealthMonitor } from '../durable-objects/health-monitor.ts';
export { PurgeCoordinator } from '../durable-objects/purge-coordinator.ts';
export { ShardReplica } from '../durable-objects/shard-replica.ts';
export { Telemetry } from '../durable-objects/telemetry.ts';

export default {
  fetch: (request, env, context) => serve(request, edgeOf(env), context),
} satisfies ExportedHandler<Env>;
