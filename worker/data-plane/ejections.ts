// Which backends this isolate keeps out because its own requests went wrong there, and when that ends early.
import type { HealthVerdict } from '../../durable-objects/interfaces/directory.ts';
import type { EdgeSnapshot } from '../config-snapshot.ts';
import type { RuntimePool } from './pool-registry.ts';

/** Epoch ms, or null when it is not ejected. A verdict of health younger than the ejection ends it. O(1). */
export function ejectedUntil(
  snapshot: EdgeSnapshot,
  { name, state: { outliers } }: RuntimePool,
  backend: string,
  nowMs: number,
): number | null {
  if (outliers.ejectedUntil(backend, nowMs) === null) return null;
  const verdict = verdictOf(snapshot, name, backend);
  if (verdict?.state === 'healthy') outliers.heardHealthy(backend, verdict.since, nowMs);
  return outliers.ejectedUntil(backend, nowMs);
}

/** Names are free text: looked up as own members only. */
export function verdictOf({ health }: EdgeSnapshot, pool: string, backend: string): HealthVerdict | null {
  const verdicts = Object.hasOwn(health, pool) ? health[pool] : undefined;
  return (verdicts && Object.hasOwn(verdicts, backend) ? verdicts[backend] : undefined) ?? null;
}
