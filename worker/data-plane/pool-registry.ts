// The pools of the current configuration, ready to choose from: each pool's balancer is built whole from its version's
// backends and swapped with it, while requests in flight and ejections live by backend id and outlast versions.
import type { Backend, Pool } from '../../core/config/schema.ts';
import type { Balancer, PoolView } from '../../core/load-balancing/balancer.ts';
import { createBalancer } from '../../core/load-balancing/create-balancer.ts';
import { OutlierDetector } from '../../core/load-balancing/outlier-detector.ts';
import { SuspicionPacer } from '../../core/load-balancing/suspicion-pacer.ts';
import type { Random } from '../../core/random.ts';
import type { EdgeSnapshot } from '../config-snapshot.ts';

export interface RuntimeBackend {
  readonly id: string;
  readonly config: Backend;
  /** scheme://host[:port], without the base path. */
  readonly origin: string;
  /** "" or "/…" without a trailing slash. */
  readonly basePath: string;
  readonly load: BackendLoad;
}

export interface BackendLoad {
  /** Requests of this isolate that wait for this backend or stream from it. */
  inFlight: number;
  /** When a failure of it was last told as an event, epoch ms: once a second is enough. */
  failureToldAt: number;
}

export interface RuntimePool {
  readonly name: string;
  readonly config: Pool;
  readonly backends: readonly RuntimeBackend[];
  readonly balancer: Balancer;
  readonly view: PoolView;
  readonly outliers: OutlierDetector;
  readonly suspicions: SuspicionPacer;
  /** Events about the pool, told now and then. */
  readonly told: { panicAt: number };
}

export interface PoolRegistry {
  /** The pool as the snapshot's version defines it; null when it has none of that name. O(1) once built. */
  get(snapshot: EdgeSnapshot, name: string): RuntimePool | null;
}

export function createPoolRegistry(random: Random): PoolRegistry {
  /** By pool definition: an unchanged snapshot keeps its objects, so a version's pools are built once. */
  const built = new WeakMap<Pool, RuntimePool>();
  /** By "POOL/BACKEND" (neither holds a slash). */
  const loads = new Map<string, BackendLoad>();

  const loadOf = (pool: string, backend: string): BackendLoad => {
    const key = `${pool}/${backend}`;
    let load = loads.get(key);
    if (!load) {
      load = { inFlight: 0, failureToldAt: 0 };
      loads.set(key, load);
    }
    return load;
  };

  /** By pool name. */
  const watches = new Map<string, Pick<RuntimePool, 'outliers' | 'suspicions' | 'told'>>();
  const watchOf = (name: string, { outlier, backends }: Pool) => {
    const watch = watches.get(name) ?? {
      outliers: new OutlierDetector(outlier, random),
      suspicions: new SuspicionPacer(),
      told: { panicAt: Number.NEGATIVE_INFINITY },
    };
    watches.set(name, watch);
    const all = backends.map(({ id }) => id);
    const eligible = backends.filter(({ state, weight }) => state === 'active' && weight > 0);
    watch.outliers.redefine(
      outlier,
      all,
      eligible.map(({ id }) => id),
    );
    watch.suspicions.keepOnly(all);
    return watch;
  };

  const build = (name: string, config: Pool): RuntimePool => {
    const backends = config.backends.map((backend): RuntimeBackend => {
      const { origin, basePath } = splitOrigin(backend.url);
      return { id: backend.id, config: backend, origin, basePath, load: loadOf(name, backend.id) };
    });
    const { type, maxShare, hashSeed } = config.strategy;
    return {
      name,
      config,
      backends,
      balancer: createBalancer({ type, maxShare, hashSeed }, config.backends, random),
      view: { inFlight: (backend) => backends[backend]?.load.inFlight ?? 0 },
      ...watchOf(name, config),
    };
  };

  return {
    get(snapshot, name) {
      const config = Object.hasOwn(snapshot.config.pools, name) ? snapshot.config.pools[name] : undefined;
      if (!config) return null;
      let pool = built.get(config);
      if (!pool) {
        pool = build(name, config);
        built.set(config, pool);
        forgetUnused(loads, snapshot);
        for (const known of watches.keys()) {
          if (!Object.hasOwn(snapshot.config.pools, known)) watches.delete(known);
        }
      }
      return pool;
    },
  };
}

/** Backends that left the configuration are forgotten once nothing of theirs is in flight. O(backends). */
function forgetUnused(loads: Map<string, BackendLoad>, snapshot: EdgeSnapshot): void {
  const known = new Set<string>();
  for (const [pool, { backends }] of Object.entries(snapshot.config.pools)) {
    for (const { id } of backends) known.add(`${pool}/${id}`);
  }
  for (const [key, { inFlight }] of loads) if (inFlight === 0 && !known.has(key)) loads.delete(key);
}

/** `url` has passed the schema: scheme://host[:port][/base]. */
export function splitOrigin(url: string): { origin: string; basePath: string } {
  const pathStart = url.indexOf('/', url.indexOf('://') + 3);
  if (pathStart === -1) return { origin: url, basePath: '' };
  return { origin: url.slice(0, pathStart), basePath: url.slice(pathStart).replace(/\/$/, '') };
}
