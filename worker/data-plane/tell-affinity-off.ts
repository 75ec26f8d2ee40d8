// The event that says that a pool's clients are not kept with their backends, since the secret is gone that signed
// their cookies.
import type { RuntimePool } from './pool-registry.ts';
import type { Visit } from './visit.ts';

const EVERY_MS = 60_000;

/** At most once a minute and pool: the configuration was accepted while there was a secret. */
export function tellAffinityOff({ edge, context }: Visit, { name, state: { told } }: RuntimePool): void {
  const at = edge.now();
  if (at - told.affinityOffAt < EVERY_MS) return;
  told.affinityOffAt = at;
  const reason = 'the secret ROUNDEL_AFFINITY_SECRET is not set';
  edge.telemetry.event({ at, type: 'affinity-off', subject: name, detail: { pool: name, reason } }, context);
}
