// The pools of the current configuration, ready to choose from: each pool's balancer is built whole from its version's
// backends and swapped with it, while what was measured of them (backend-state.ts, pool-state.ts) lives by id and outlasts versions.
import type { Backend, Pool } from '../../core/config/schema.ts';
import type { Balancer, PoolView } from '../../core/load-balancing/balancer.ts';
import { CircuitBreaker } from '../../core/load-balancing/circuit-breaker.ts';
import { createBalancer } from '../../core/load-balancing/create-balancer.ts';
import type { Random } from '../../core/random.ts';
import type { EdgeSnapshot } from '../config-snapshot.ts';
import { type BackendState, newBackendState } from './backend-state.ts';
import { type PoolLayers, poolLayers } from './pool-layers.ts';
import { newPoolState, type PoolState, redefinePoolState } from './pool-state.ts';

export interface RuntimeBackend {
  readonly id: string;
  readonly config: Backend;
  /** scheme://host[:port], without the base path. */
  readonly origin: string;
  /** "" or "/…" without a trailing slash. */
  readonly basePath: string;
  readonly state: BackendState;
}

export interface RuntimePool {
  readonly name: string;
  readonly config: Pool;
  readonly backends: readonly RuntimeBackend[];
  readonly balancer: Balancer;
  /** Then their tiers' balancers are asked, of which `balancer` is one. */
  readonly layers: PoolLayers | null;
  /** What is measured of the backends, as it counts at that time (epoch ms). */
  viewAt(nowMs: number): PoolView;
  readonly state: PoolState;
}

export interface PoolRegistry {
  /** The pool as the snapshot's version defines it; null when it has none of that name. O(1) once built. */
  get(snapshot: EdgeSnapshot, name: string): RuntimePool | null;
}

export interface PoolSurroundings {
  readonly random: Random;
  now(): number;
  /** Where this edge stands, for pools that prefer what is near; null when it was not told. */
  readonly region: string | null;
}

export function createPoolRegistry({ random, now, region }: PoolSurroundings): PoolRegistry {
  /** By pool definition: an unchanged snapshot keeps its objects, so a version's pools are built once. */
  const built = new WeakMap<Pool, RuntimePool>();
  /** By "POOL/BACKEND" (neither holds a slash). */
  const backendStates = new Map<string, BackendState>();
  /** By pool name. */
  const poolStates = new Map<string, PoolState>();

  const stateOfBackend = (pool: string, backend: string): BackendState => {
    const key = `${pool}/${backend}`;
    const state = backendStates.get(key) ?? newBackendState();
    backendStates.set(key, state);
    return state;
  };

  const stateOfPool = (name: string, config: Pool): PoolState => {
    const state = poolStates.get(name) ?? newPoolState(config, random);
    poolStates.set(name, state);
    redefinePoolState(state, config, now());
    return state;
  };
  const build = (name: string, config: Pool): RuntimePool => {
    const backends = config.backends.map((backend): RuntimeBackend => {
      const { origin, basePath } = splitOrigin(backend.url);
      const state = stateOfBackend(name, backend.id);
      redefineCircuit(state, config);
      return { id: backend.id, config: backend, origin, basePath, state };
    });
    const { type, maxShare, hashSeed } = config.strategy;
    const layers = poolLayers(config, region, random);
    const [firstTier] = layers?.tiersFor(null) ?? [];
    return {
      name,
      config,
      backends,
      balancer: firstTier?.balancer ?? createBalancer({ type, maxShare, hashSeed }, config.backends, random),
      layers,
      viewAt: (nowMs) => ({
        inFlight: (backend) => backends[backend]?.state.inFlight ?? 0,
        latencyMs: (backend) => backends[backend]?.state.meter.latencyMs(nowMs) ?? null,
        failureLoad: (backend) => backends[backend]?.state.meter.failureLoad(nowMs) ?? 0,
      }),
      state: stateOfPool(name, config),
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
        forgetUnused(backendStates, snapshot);
        for (const known of poolStates.keys()) {
          if (!Object.hasOwn(snapshot.config.pools, known)) poolStates.delete(known);
        }
      }
      return pool;
    },
  };
}

/** One that is there keeps its state and its counts. */
function redefineCircuit(state: BackendState, { circuitBreaker }: Pool): void {
  if (!circuitBreaker.enabled) state.circuit = null;
  else if (state.circuit === null) state.circuit = new CircuitBreaker(circuitBreaker);
  else state.circuit.redefine(circuitBreaker);
}

/** Backends that left the configuration are forgotten once nothing of theirs is in flight. O(backends). */
function forgetUnused(states: Map<string, BackendState>, snapshot: EdgeSnapshot): void {
  const known = new Set<string>();
  for (const [pool, { backends }] of Object.entries(snapshot.config.pools)) {
    for (const { id } of backends) known.add(`${pool}/${id}`);
  }
  for (const [key, { inFlight }] of states) if (inFlight === 0 && !known.has(key)) states.delete(key);
}

/** `url` has passed the schema: scheme://host[:port][/base]. */
export function splitOrigin(url: string): { origin: string; basePath: string } {
  const pathStart = url.indexOf('/', url.indexOf('://') + 3);
  if (pathStart === -1) return { origin: url, basePath: '' };
  return { origin: url.slice(0, pathStart), basePath: url.slice(pathStart).replace(/\/$/, '') };
}
