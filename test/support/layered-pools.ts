// Pools for tests of what stands around a strategy: backends with states, and a question about them.
import { BALANCERS } from '../../core/load-balancing/create-balancer.ts';
import { divideIntoTiers } from '../../core/load-balancing/divide-into-tiers.ts';
import type { HealthState } from '../../core/load-balancing/health.ts';
import type { SelectableBackend, SelectionQuestion } from '../../core/load-balancing/refusals.ts';
import { selectBackend } from '../../core/load-balancing/select-backend.ts';
import type { SelectionLayers } from '../../core/load-balancing/selection-layers.ts';
import { type Random, seededRandom } from '../../core/random.ts';

export const HASHING = ['consistent-hash', 'maglev', 'rendezvous'] as const;
export const ALL_TYPES = Object.keys(BALANCERS);

export interface LayeredBackend extends SelectableBackend {
  readonly health: HealthState;
  readonly priority: number;
  readonly region?: string | undefined;
  readonly inFlight: number;
  readonly warmth: number;
}

export const backend = (id: string, fields: Partial<LayeredBackend> = {}): LayeredBackend => ({
  id,
  weight: 1,
  state: 'active',
  health: 'healthy',
  priority: 0,
  inFlight: 0,
  warmth: 1,
  ...fields,
});

export interface LayeredPool {
  readonly type: string;
  readonly backends: readonly LayeredBackend[];
  readonly boundedLoad?: number;
  readonly overprovisioning?: number;
  /** Where requests come from. */
  readonly region?: string | null;
  /** By default what the backends say. */
  readonly inFlight?: (index: number) => number;
  readonly warmthOf?: ((index: number) => number) | null;
  readonly random?: Random;
}

/** `more` overrides the question. Few points keep the ring's building out of the time of property tests. */
export function layered(pool: LayeredPool) {
  const { type, backends, region = null, random = seededRandom(1) } = pool;
  const parameters = { type, maxShare: 1.5, hashSeed: 0 };
  const tiers = divideIntoTiers(backends, parameters, region !== null, random)(region);
  const [first] = tiers;
  if (!first) throw new Error('A pool has at least one tier');
  const layers: SelectionLayers = {
    tiers,
    overprovisioning: pool.overprovisioning ?? 1.4,
    boundedLoad: pool.boundedLoad ?? 0,
    warmthOf: pool.warmthOf === undefined ? (index: number) => backends[index]?.warmth ?? 1 : pool.warmthOf,
    hashSeed: 0,
    random,
  };
  const question = (key: string, more: Partial<SelectionQuestion> = {}): SelectionQuestion => ({
    balancer: first.balancer,
    backends,
    key: first.balancer.usesKey ? key : '',
    pool: { inFlight: pool.inFlight ?? ((index) => backends[index]?.inFlight ?? 0) },
    healthOf: (index) => backends[index]?.health ?? 'unknown',
    tried: [],
    layers,
    ...more,
  });
  /** Index; −1 when nobody is left. */
  const pick = (key: string, more: Partial<SelectionQuestion> = {}): number => {
    const selection = selectBackend(question(key, more));
    return selection.type === 'backend' ? selection.backend : -1;
  };
  return { question, pick, tiers };
}
