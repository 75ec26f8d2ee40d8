// Tells that a pool refuses requests because all its backends are full and nobody else may wait, at most once a second.
import type { RuntimePool } from './pool-registry.ts';
import type { Visit } from './visit.ts';

const TOLD_EVERY_MS = 1_000;

export function tellOverloaded(
  { edge, context, route }: Visit,
  { name, state: { told } }: RuntimePool,
  reason: string,
): void {
  const at = edge.now();
  if (at - told.overloadedAt < TOLD_EVERY_MS) return;
  told.overloadedAt = at;
  const detail = { pool: name, route: route.id, reason };
  edge.telemetry.event({ at, type: 'pool-overloaded', subject: name, detail }, context);
}
