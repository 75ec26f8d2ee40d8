// What the platform hands the Worker: bindings and secrets.

export interface Env {
  DIRECTORY: DurableObjectNamespace;
  SHARD_REPLICA: DurableObjectNamespace;
  HEALTH_MONITOR: DurableObjectNamespace;
  PURGE_COORDINATOR: DurableObjectNamespace;
  TELEMETRY: DurableObjectNamespace;

  /** Without it the control plane is closed. */
  ROUNDEL_ADMIN_TOKEN?: string;
  ROUNDEL_PURGE_TOKEN?: string;
  ROUNDEL_KV_TOKEN?: string;
  ROUNDEL_READ_TOKEN?: string;
  /** Signs affinity cookies; without it there are none. */
  ROUNDEL_AFFINITY_SECRET?: string;
  /** Where this edge stands, for pools with `preferRegion`, where the platform does not tell where clients are. */
  ROUNDEL_REGION?: string;
  /** Path of the control plane, default "/_roundel". */
  ROUNDEL_PREFIX?: string;
  /** When set, the control plane answers on this host name only. */
  ROUNDEL_ADMIN_HOST?: string;
}
