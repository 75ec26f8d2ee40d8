// What all strategies begin with: the backends that may get traffic at all, in an order of their own, so that the
// order in which a configuration lists them leaves no trace.
import type { BalancerBackend } from './balancer.ts';

export interface EligibleBackend {
  /** Index in the list that the balancer was built from. */
  readonly index: number;
  readonly id: string;
  /** Above 0. */
  readonly weight: number;
}

/** Backends of a weight above 0, by id. Ids must be unique, weights finite and not negative. O(n log n). */
export function eligibleBackends(backends: readonly BalancerBackend[]): EligibleBackend[] {
  const ids = new Set<string>();
  for (const { id, weight } of backends) {
    if (ids.has(id)) throw new Error(`Cannot build a balancer: two backends have the id "${id}"`);
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY)) {
      throw new Error(`Cannot build a balancer: the weight of backend "${id}" is ${weight}`);
    }
    ids.add(id);
  }
  return backends
    .map(({ id, weight }, index) => ({ index, id, weight }))
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}
