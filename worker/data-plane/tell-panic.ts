// The event that says that a request goes to a backend which verdicts or ejections speak against, and why.
import type { Panic } from './choose-backend.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';
import type { Visit } from './visit.ts';

const EVERY_MS = 1_000;

/** At most once a second and pool: every request of a pool in panic would tell the same. */
export function tellPanic(
  { edge, context }: Visit,
  { name, config, state: { told } }: RuntimePool,
  backend: RuntimeBackend,
  { despite, healthy, eligible }: Panic,
): void {
  const at = edge.now();
  if (at - told.panicAt < EVERY_MS) return;
  told.panicAt = at;
  const { threshold } = config.panic;
  const reason = `${healthy} of ${eligible} backends are healthy, less than ${threshold} of them`;
  const detail = { pool: name, backend: backend.id, despite, healthy, eligible, threshold, reason };
  edge.telemetry.event({ at, type: 'panic', subject: name, detail }, context);
}
