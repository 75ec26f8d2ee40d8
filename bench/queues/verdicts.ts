// What all dispatchers hear of the one backend that dies: a verdict some time after its death, another after its return.
import type { HealthState } from '../../core/load-balancing/health.ts';
import { type Outage, VERDICT_DOWN_MS, VERDICT_UP_MS } from './workloads.ts';

export interface Verdict {
  readonly state: HealthState;
  readonly since: number;
}

export interface Verdicts {
  /** Another object after each change. */
  readonly current: ReadonlyMap<string, Verdict>;
  readonly of: (backend: string) => Verdict | null;
  /** To be called before that instant's choices. */
  advance(nowMs: number): void;
}

/** @param outage of the backend `id`; null: nobody dies */
export function createVerdicts(id: string, outage: Outage | null): Verdicts {
  const changes: (Verdict & { readonly atMs: number })[] = outage
    ? [
        { atMs: 0, state: 'healthy', since: 0 },
        ...[outage.diesAtMs + VERDICT_DOWN_MS].map((at) => ({
          atMs: at,
          state: 'unhealthy' as const,
          since: at,
        })),
        ...[outage.returnsAtMs + VERDICT_UP_MS].map((at) => ({
          atMs: at,
          state: 'healthy' as const,
          since: at,
        })),
      ]
    : [];
  let next = 0;
  let current: ReadonlyMap<string, Verdict> = new Map();
  return {
    get current() {
      return current;
    },
    of: (backend) => (next === 0 ? null : (current.get(backend) ?? null)),
    advance(nowMs) {
      for (let change = changes[next]; change && change.atMs <= nowMs; change = changes[next]) {
        current = new Map([[id, change]]);
        next++;
      }
    },
  };
}
