// The circuits of a pool's backends as requests pass through them; each turn is told as an event.
import type { AttemptOutcome } from '../../core/load-balancing/attempt-outcome.ts';
import type { CircuitChange, Era } from '../../core/load-balancing/circuit-breaker.ts';
import type { RuntimeBackend, RuntimePool } from './pool-registry.ts';
import type { Visit } from './visit.ts';

type Asking = Pick<Visit, 'edge' | 'context'>;

/** One request is sent. What is returned belongs to its end. */
export function enterCircuit(
  asking: Asking,
  pool: RuntimePool,
  backend: RuntimeBackend,
  nowMs: number,
): Era | null {
  const { circuit } = backend.state;
  if (circuit === null) return null;
  const { era, change } = circuit.sent(nowMs);
  tell(asking, pool, backend, change, nowMs);
  return era;
}

/** Its head has come, or nothing. */
export function leaveCircuit(
  asking: Asking,
  pool: RuntimePool,
  backend: RuntimeBackend,
  era: Era | null,
  sentAt: number,
  outcome: AttemptOutcome,
): void {
  const { circuit } = backend.state;
  if (circuit === null || era === null) return;
  const nowMs = asking.edge.now();
  const end = outcome === 'success' ? 'success' : outcome === 'edge-error' ? 'unknown' : 'failure';
  tell(asking, pool, backend, circuit.ended(era, sentAt, end, nowMs), nowMs);
}

/** Its body broke off after a head that was good. */
export function circuitBroke(
  asking: Asking,
  pool: RuntimePool,
  backend: RuntimeBackend,
  era: Era | null,
): void {
  const { circuit } = backend.state;
  if (circuit === null || era === null) return;
  const nowMs = asking.edge.now();
  tell(asking, pool, backend, circuit.brokeOff(era, nowMs), nowMs);
}

const EVENTS = {
  open: 'circuit-opened',
  'half-open': 'circuit-half-open',
  closed: 'circuit-closed',
} as const;

function tell(
  { edge, context }: Asking,
  { name, config }: RuntimePool,
  { id }: RuntimeBackend,
  change: CircuitChange,
  at: number,
): void {
  if (change === null) return;
  const until = change === 'open' ? { until: at + config.circuitBreaker.openMs } : {};
  const detail = { pool: name, backend: id, ...until };
  edge.telemetry.event({ at, type: EVENTS[change], subject: `${name}/${id}`, detail }, context);
}
