// The product's Worker for tests: the same entry, its Durable Objects open to faults. `POST /__test/faults` with
// { "binding": "SHARD_REPLICA", "name": "…", "fault": { "type": "unreachable" } | null, "methods"?, "calls"? } sets or
// takes back (null) the fault of one object, `DELETE /__test/faults` all of them; in a process with several edges ask
// the first, whose isolate the objects share.

import type { Env } from '../../worker/env.ts';
import product, {
  Directory as ProductDirectory,
  HealthMonitor as ProductHealthMonitor,
  PurgeCoordinator as ProductPurgeCoordinator,
  ShardReplica as ProductShardReplica,
  Telemetry as ProductTelemetry,
} from '../../worker/index.ts';
import { clearFault, clearFaults, type Fault, setFault } from './faults/fault-table.ts';
import { faulty } from './faults/faulty.ts';

export class Directory extends faulty(ProductDirectory) {}
export class HealthMonitor extends faulty(ProductHealthMonitor) {}
export class PurgeCoordinator extends faulty(ProductPurgeCoordinator) {}
export class ShardReplica extends faulty(ProductShardReplica) {}
export class Telemetry extends faulty(ProductTelemetry) {}

const CONTROL_PATH = '/__test/faults';

interface FaultRequest {
  readonly binding: 'DIRECTORY' | 'HEALTH_MONITOR' | 'PURGE_COORDINATOR' | 'SHARD_REPLICA' | 'TELEMETRY';
  readonly name: string;
  readonly fault: Fault | null;
  readonly methods?: readonly string[];
  readonly calls?: number;
}

export default {
  fetch(request, env, context) {
    if (new URL(request.url).pathname === CONTROL_PATH) return control(request, env);
    return product.fetch(request, env, context);
  },
} satisfies ExportedHandler<Env>;

async function control(request: Request, env: Env): Promise<Response> {
  if (request.method === 'DELETE') {
    clearFaults();
    return new Response(null, { status: 204 });
  }
  const { binding, name, fault, methods = null, calls = null } = await request.json<FaultRequest>();
  const objectId = env[binding].idFromName(name).toString();
  if (fault === null) clearFault(objectId);
  else setFault(objectId, fault, { methods, calls });
  return new Response(null, { status: 204 });
}
