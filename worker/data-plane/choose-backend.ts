// The question to the balancing core: who is asking (the strategy's key), how each backend is (the snapshot's
// verdicts, this isolate's ejections), and who has been tried.
import type { Target } from '../../core/http/target.ts';
import type { HealthState } from '../../core/load-balancing/health.ts';
import { type SelectionQuestion, selectBackend } from '../../core/load-balancing/select-backend.ts';
import type { EdgeSnapshot } from '../config-snapshot.ts';
import { ejectedUntil, verdictOf } from './ejections.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';

/** Of a visit: what a choice depends on. */
export interface Asking {
  readonly snapshot: EdgeSnapshot;
  readonly target: Target;
  readonly clientIp: string;
}

export type Choice =
  | { readonly type: 'backend'; readonly index: number; readonly backend: RuntimeBackend }
  /** `detail` says how many there are and why none may be tried. */
  | { readonly type: 'no-backend'; readonly detail: string };

/** `tried`: indexes of this request's earlier attempts. */
export function chooseBackend(
  asking: Asking,
  pool: RuntimePool,
  tried: readonly number[],
  nowMs: number,
): Choice {
  const selection = selectBackend(selectionQuestion(asking, pool, tried, nowMs));
  if (selection.type === 'no-backend') return { type: 'no-backend', detail: whyNone(pool) };
  const backend = pool.backends[selection.backend];
  if (!backend) throw new Error(`Pool "${pool.name}" has no backend ${selection.backend}`);
  return { type: 'backend', index: selection.backend, backend };
}

export function selectionQuestion(
  asking: Asking,
  pool: RuntimePool,
  tried: readonly number[],
  nowMs: number,
): SelectionQuestion {
  return {
    balancer: pool.balancer,
    backends: pool.config.backends,
    key: strategyKey(asking, pool),
    pool: pool.view,
    healthOf: healthOf(asking, pool),
    isEjected: (index) => ejectedUntil(asking.snapshot, pool, pool.backends[index]?.id ?? '', nowMs) !== null,
    tried,
  };
}

/** The first of the strategy's key list that the request has; '' = none, which the strategies place at random. */
function strategyKey({ target, clientIp }: Asking, { config, balancer }: RuntimePool): string {
  if (balancer.type !== 'consistent-hash') return '';
  for (const part of config.strategy.key) {
    const value = { 'client-ip': clientIp, path: target.path, url: target.canonicalUrl }[part];
    if (value !== '') return value;
  }
  return '';
}

/** A pool that is not probed has healthy backends; one that is, has its initial state until a verdict. */
function healthOf(
  { snapshot }: Asking,
  { name, config, backends }: RuntimePool,
): (index: number) => HealthState {
  const initial = config.health?.initial ?? 'healthy';
  if (!config.health) return () => initial;
  return (index) => verdictOf(snapshot, name, backends[index]?.id ?? '')?.state ?? initial;
}

function whyNone({ name, config }: RuntimePool): string {
  const { length } = config.backends;
  const reasons = config.backends.map(({ id, state, weight }) =>
    state !== 'active' ? `${id} is ${state}` : weight === 0 ? `${id} has weight 0` : `${id} was tried`,
  );
  const why = length === 0 ? 'it has none' : `0 of ${length} may be tried (${reasons.join(', ')})`;
  return `Cannot pick a backend in pool "${name}": ${why}`;
}
