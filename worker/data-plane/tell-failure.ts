// Tells that an attempt failed, at most once a second for a backend: counters tell how many, events tell what happened.
import type { AttemptFailure } from './attempt.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';
import type { Visit } from './visit.ts';

/** Of one backend and isolate. */
const TOLD_EVERY_MS = 1_000;

export function tellFailure(
  { edge, context, route }: Visit,
  pool: RuntimePool,
  backend: RuntimeBackend,
  { code, detail }: AttemptFailure,
): void {
  const at = edge.now();
  if (at - backend.state.failureToldAt < TOLD_EVERY_MS) return;
  backend.state.failureToldAt = at;
  const subject = `${pool.name}/${backend.id}`;
  const told = { route: route.id, detail: `${subject}: ${detail}` };
  edge.telemetry.event({ at, type: code, subject, detail: told }, context);
}
